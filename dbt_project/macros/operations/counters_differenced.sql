{% macro counter_roles() -%}
    {{ return(['total_count', 'good_count', 'reject_count', 'rework_count', 'cycle']) }}
{%- endmacro %}

{% macro pulse_roles() -%}
    {#- Counters whose rise says that the work unit ran; scrap and rework may be told at any time, also by people. #}
    {{ return(['total_count', 'good_count', 'cycle']) }}
{%- endmacro %}

{% macro counters_read(counts, roles, condition) -%}
{#- What each counter told and when, as CTE `counts`. A running total counts its rise since the last good sample;
    after a drop it rolled over if its width is known and the rise that this means is less than half its range, else it
    began again at nought. A text beside the number of an increment is the reason that an operator gave for it. #}
readings_of_{{ counts }} as (

    select
        *,
        coalesce(
            case when abs(number) >= 9007199254740992 then try_cast(text as decimal(38, 6)) end,
            try_cast(number as decimal(38, 6))
        ) as reading
    from samples
    where
        role in ('{{ roles | join("', '") }}')
        and {{ condition }}

),

readings_of_{{ counts }}_and_the_one_before as (

    select
        *,
        lag(reading) over (
            partition by site_id, work_unit_id, production_date, signal, role
            order by observed_at, first_received_at, epoch, row_number
        ) as previous_reading
    from readings_of_{{ counts }}
    where reading is not null or counter_mode = 'cycle'

),

{{ counts }} as (

    select
        *,
        case when counter_mode = 'increment' and abs(number) < 9007199254740992 then nullif(text, '') end
            as reason_id,
        try_cast(
            case
                when counter_mode = 'cycle' then 1
                when counter_mode = 'increment' then reading
                when previous_reading is null then 0
                when reading >= previous_reading then reading - previous_reading
                when reading - previous_reading + cast(pow(2, counter_bits) as decimal(38, 6))
                    < cast(pow(2, counter_bits - 1) as decimal(38, 6))
                    then reading - previous_reading + cast(pow(2, counter_bits) as decimal(38, 6))
                else reading
            end as decimal(18, 6)
        ) as pulse_count,
        cast(cast(pulse_count * units_per_pulse as decimal(18, 6)) * scale as decimal(18, 6)) as quantity
    from readings_of_{{ counts }}_and_the_one_before

)
{%- endmacro %}

{% macro counters_differenced() -%}
{#- What was made in each production day, at the moment each counter told it. #}
{{ counters_read('counts_of_windows', counter_roles(), 'true') }},

counts as (

    select
        site_id,
        work_unit_id,
        production_date,
        role,
        observed_at,
        reason_id,
        quantity,
        try_cast(pulse_count * scale as decimal(18, 6)) as cycle_quantity
    from counts_of_windows
    where
        observed_at >= day_started_at
        and observed_at < through_at

)
{%- endmacro %}
