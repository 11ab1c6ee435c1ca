{% macro intervals_counted() -%}
{#- From `days`, `intervals` and `counts`: what was made in each interval. #}
counts_attributed as (

    select
        intervals.site_id,
        intervals.work_unit_id,
        intervals.production_date,
        intervals.started_at,
        sum(counts.quantity) filter (where counts.role = 'total_count') as total_quantity,
        sum(counts.quantity) filter (where counts.role = 'good_count') as good_quantity,
        sum(counts.quantity) filter (where counts.role = 'reject_count') as reject_quantity,
        sum(counts.quantity) filter (where counts.role = 'rework_count') as rework_quantity,
        sum(counts.quantity) filter (where counts.role = 'cycle') as cycle_quantity,
        sum(counts.cycle_quantity) filter (where counts.role = 'cycle') as told_cycles,
        sum(counts.cycle_quantity) filter (where counts.role = 'total_count') as total_cycles,
        sum(counts.cycle_quantity) filter (where counts.role not in ('cycle', 'total_count')) as result_cycles
    from counts
    asof inner join intervals
        on
            counts.site_id = intervals.site_id
            and counts.work_unit_id = intervals.work_unit_id
            and counts.production_date = intervals.production_date
            and counts.observed_at >= intervals.started_at
    group by all

),

counters as (

    select
        days.site_id,
        days.work_unit_id,
        days.production_date,
        bool_or(signals.role = 'cycle') as has_cycle,
        bool_or(signals.role = 'total_count') as has_total,
        bool_or(signals.role = 'good_count') as has_good,
        bool_or(signals.role = 'reject_count') as has_reject
    from days
    inner join {{ ref('stg_signal_map') }} as signals
        on
            days.site_id = signals.site_id
            and days.work_unit_id = signals.work_unit_id
            and days.started_at < coalesce(signals.valid_to, timestamp 'infinity')
            and days.ended_at > coalesce(signals.valid_from, timestamp '-infinity')
    group by all

),

intervals_counted as (

    select
        intervals.*,
        coalesce(counts.rework_quantity, 0) as rework_quantity,
        case
            when counters.has_reject then coalesce(counts.reject_quantity, 0)
            when counters.has_good and counters.has_total
                then
                    coalesce(counts.total_quantity, 0) - coalesce(counts.good_quantity, 0)
                    - coalesce(counts.rework_quantity, 0)
            else 0
        end as scrap_quantity,
        case
            when counters.has_total then coalesce(counts.total_quantity, 0)
            when counters.has_good
                then
                    coalesce(counts.good_quantity, 0) + coalesce(counts.reject_quantity, 0)
                    + coalesce(counts.rework_quantity, 0)
            else coalesce(counts.cycle_quantity, 0)
        end as produced_quantity,
        case
            when counters.has_good then coalesce(counts.good_quantity, 0)
            else produced_quantity - scrap_quantity - coalesce(counts.rework_quantity, 0)
        end as good_quantity,
        {# What the machine did for it: cycles as it tells them, else each count of its counters is one. #}
        coalesce(
            case
                when counters.has_cycle then counts.told_cycles
                when counters.has_total then counts.total_cycles
                else counts.result_cycles
            end, 0
        ) as machine_cycles
    from intervals
    left join counters
        on
            intervals.site_id = counters.site_id
            and intervals.work_unit_id = counters.work_unit_id
            and intervals.production_date = counters.production_date
    left join counts_attributed as counts
        on
            intervals.site_id = counts.site_id
            and intervals.work_unit_id = counts.work_unit_id
            and intervals.started_at = counts.started_at

)
{%- endmacro %}
