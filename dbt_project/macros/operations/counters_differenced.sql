{% macro counters_differenced() -%}
{#- What was made, at the moment each counter told it. A running total counts its rise since the last good
    sample; after a drop it rolled over if its width is known and the rise that this means is less than half its
    range, else it began again at nought. #}
counter_readings as (

    select
        *,
        coalesce(
            case when abs(number) >= 9007199254740992 then try_cast(text as decimal(38, 6)) end,
            try_cast(number as decimal(38, 6))
        ) as reading
    from samples
    where role in ('total_count', 'good_count', 'reject_count', 'rework_count', 'cycle')

),

counter_readings_and_the_one_before as (

    select
        *,
        lag(reading) over (
            partition by site_id, work_unit_id, production_date, signal, role
            order by observed_at, first_received_at, epoch, row_number
        ) as previous_reading
    from counter_readings
    where reading is not null or counter_mode = 'cycle'

),

counts as (

    select
        site_id,
        work_unit_id,
        production_date,
        role,
        observed_at,
        cast(
            cast(
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
                ) * units_per_pulse as decimal(18, 6)
            ) * scale as decimal(18, 6)
        ) as quantity
    from counter_readings_and_the_one_before
    where
        observed_at >= day_started_at
        and observed_at < through_at

)
{%- endmacro %}
