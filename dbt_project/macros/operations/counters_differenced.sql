{% macro counter_roles() -%}
    {{ return(['total_count', 'good_count', 'reject_count', 'rework_count', 'cycle']) }}
{%- endmacro %}

{% macro counted_roles() -%}
    {#- Besides counters of pieces those of material: what a machine took says nothing of what it made. #}
    {{ return(counter_roles() + ['consumption']) }}
{%- endmacro %}

{% macro running_roles() -%}
    {#- All that a live view needs of a machine. #}
    {{ return(told_roles() + counter_roles()) }}
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
        samples.meaning_number,
        samples.signal_number,
        samples.observed_at,
        samples.epoch_number,
        samples.row_number,
        coalesce(
            case when abs(samples.number) >= 9007199254740992 then try_cast(samples.text as decimal(38, 6)) end,
            try_cast(samples.number as decimal(38, 6))
        ) as reading,
        case when abs(samples.number) < 9007199254740992 then nullif(samples.text, '') end as told_reason_id
    from samples
    inner join day_signals as signals
        on samples.meaning_number = signals.meaning_number
    where
        signals.role in ('{{ roles | join("', '") }}')
        and {{ condition }}
        and (reading is not null or signals.counter_mode = 'cycle')

),

readings_of_{{ counts }}_and_the_one_before as (

    select
        meaning_number,
        observed_at,
        reading,
        told_reason_id,
        lag(reading) over (
            partition by signal_number
            order by observed_at, epoch_number, row_number
        ) as previous_reading
    from readings_of_{{ counts }}

),

{{ counts }} as (

    select
        signals.*,
        readings.observed_at,
        case when signals.counter_mode = 'increment' then readings.told_reason_id end as reason_id,
        try_cast(
            case
                when signals.counter_mode = 'cycle' then 1
                when signals.counter_mode = 'increment' then reading
                when previous_reading is null then 0
                when reading >= previous_reading then reading - previous_reading
                when reading - previous_reading + cast(pow(2, counter_bits) as decimal(38, 6))
                    < cast(pow(2, counter_bits - 1) as decimal(38, 6))
                    then reading - previous_reading + cast(pow(2, counter_bits) as decimal(38, 6))
                else reading
            end as decimal(18, 6)
        ) as pulse_count,
        {# Widened: a product of two decimals with six places has room for millions only. To round one is slow, and most
           counters count pieces one by one. #}
        case
            when pulse_count = 0 or (units_per_pulse = 1 and scale = 1) then pulse_count
            else
                try_cast(
                    cast(cast(pulse_count as decimal(38, 6)) * units_per_pulse as decimal(38, 6)) * scale
                    as decimal(18, 6)
                )
        end as quantity
    from readings_of_{{ counts }}_and_the_one_before as readings
    inner join day_signals as signals
        on readings.meaning_number = signals.meaning_number

)
{%- endmacro %}

{% macro counters_differenced(roles=none, goes_on=false) -%}
{#- What counters (of these roles, else those of pieces) told in each production day, at the moment each counter told it, and in which of `intervals`; of
    `count_corrections` what people said of it; by the quarters of an hour in which it was told, of which the hours of
    any time zone are made. With `goes_on` besides what `running_days` says is settled. #}
{{ counters_read('counts_of_windows', roles or counter_roles(), 'true') }},

counts as (

    select
        day_number,
        role,
        material_item_id,
        observed_at,
        reason_id,
        quantity,
        case
            when scale = 1 then pulse_count
            else try_cast(cast(pulse_count as decimal(38, 6)) * scale as decimal(18, 6))
        end as cycles,
        observed_at < settled_until_at as is_settled
    from counts_of_windows
    where
        observed_at >= counted_from
        and observed_at < through_at
        and pulse_count <> 0

    union all by name

    select
        days.day_number,
        corrections.result || '_correction' as role,
        corrections.counted_at as observed_at,
        corrections.reason_id,
        corrections.quantity,
        corrections.counted_at < days.settled_until_at as is_settled
    from ({{ latest_entries_of_corrections('count_corrections') }}) as corrections
    inner join day_windows as days
        on
            corrections.site_id = days.site_id
            and corrections.work_unit_id = days.work_unit_id
            and corrections.counted_at >= days.started_at
            and corrections.counted_at < days.through_at
    where corrections.quantity <> 0
    {% if goes_on %}
    union all by name

    select
        days.day_number,
        greatest(settled.started_at, settled.quarter_started_at) as observed_at,
        settled.* exclude (site_id, work_unit_id, production_date, started_at, quarter_started_at),
        true as is_settled
    from settled_counts as settled
    inner join day_windows as days
        on
            settled.site_id = days.site_id
            and settled.work_unit_id = days.work_unit_id
            and settled.production_date = days.production_date
    {% endif %}

),

numbered_intervals as (

    select
        days.day_number,
        intervals.site_id,
        intervals.work_unit_id,
        intervals.production_date,
        intervals.started_at
    from intervals
    inner join day_windows as days
        on
            intervals.site_id = days.site_id
            and intervals.work_unit_id = days.work_unit_id
            and intervals.production_date = days.production_date

),

numbered_counts as (

    select
        counts.day_number,
        intervals.started_at,
        counts.role,
        counts.material_item_id,
        counts.reason_id,
        counts.is_settled,
        time_bucket(interval 15 minute, counts.observed_at) as quarter_started_at,
        sum(counts.quantity) as quantity,
        sum(counts.cycles) as cycles
    from counts
    asof inner join (select day_number, started_at from numbered_intervals) as intervals
        on
            counts.day_number = intervals.day_number
            and counts.observed_at >= intervals.started_at
    group by all

),

counts_of_intervals as (

    select
        intervals.site_id,
        intervals.work_unit_id,
        intervals.production_date,
        intervals.started_at,
        counts.role,
        counts.material_item_id,
        counts.reason_id,
        counts.is_settled,
        counts.quarter_started_at,
        counts.quantity,
        counts.cycles
    from numbered_counts as counts
    inner join numbered_intervals as intervals
        on
            counts.day_number = intervals.day_number
            and counts.started_at = intervals.started_at

)
{%- endmacro %}
