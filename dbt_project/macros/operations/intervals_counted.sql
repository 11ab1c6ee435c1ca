{% macro intervals_counted(day_started_at='days.started_at', intervals='intervals', counts='counts_of_intervals') -%}
{#- From `days`, `intervals` and `counts`: what was made in each interval, as people corrected it. #}
quantities_of_intervals as (

    select
        site_id,
        work_unit_id,
        production_date,
        started_at,
        sum(quantity) filter (where role = 'total_count') as total_quantity,
        sum(quantity) filter (where role = 'good_count') as good_quantity,
        sum(quantity) filter (where role = 'reject_count') as reject_quantity,
        sum(quantity) filter (where role = 'rework_count') as rework_quantity,
        sum(quantity) filter (where role = 'cycle') as quantity_of_cycles,
        sum(cycles) filter (where role = 'cycle') as told_cycles,
        sum(cycles) filter (where role = 'total_count') as total_cycles,
        sum(cycles) filter (where role in ('good_count', 'reject_count', 'rework_count')) as result_cycles,
        {% for result in corrected_results() -%}
        coalesce(sum(quantity) filter (where role = '{{ result }}_correction'), 0) as {{ result }}_correction
        {{- ',' if not loop.last }}
        {% endfor %}
    from {{ counts }}
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
            and {{ day_started_at }} < coalesce(signals.valid_to, timestamp 'infinity')
            and days.ended_at > coalesce(signals.valid_from, timestamp '-infinity')
    group by all

),

intervals_counted_by_machines as (

    select
        intervals.*,
        {% for result in corrected_results() -%}
        coalesce(counts.{{ result }}_correction, 0) as {{ result }}_correction,
        {% endfor -%}
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
            else coalesce(counts.quantity_of_cycles, 0)
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
    from {{ intervals }} as intervals
    left join counters
        on
            intervals.site_id = counters.site_id
            and intervals.work_unit_id = counters.work_unit_id
            and intervals.production_date = counters.production_date
    left join quantities_of_intervals as counts
        on
            intervals.site_id = counts.site_id
            and intervals.work_unit_id = counts.work_unit_id
            and intervals.production_date = counts.production_date
            and intervals.started_at = counts.started_at

),

intervals_counted as (

    {# The machine's cycles stay: it did them, whatever became of the pieces. #}
    select
        * exclude (good_correction, scrap_correction, rework_correction)
        replace (
            produced_quantity + good_correction + scrap_correction + rework_correction as produced_quantity,
            good_quantity + good_correction as good_quantity,
            scrap_quantity + scrap_correction as scrap_quantity,
            rework_quantity + rework_correction as rework_quantity
        )
    from intervals_counted_by_machines

)
{%- endmacro %}
