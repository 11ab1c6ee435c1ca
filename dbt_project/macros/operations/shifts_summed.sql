{% macro shifts_summed() -%}
{#- From `days`, `intervals` and `counts`: where the time of each shift went and what it made, per order. #}
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
        sum(counts.quantity) filter (where counts.role = 'cycle') as cycle_quantity
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

intervals_of_shifts as (

    select
        intervals.*,
        {{ microseconds_between('intervals.started_at', 'intervals.ended_at') }} as length_us,
        intervals.calendar_kind = 'shift' as is_planned_busy,
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
        end as good_quantity
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
    where intervals.shift_id is not null

),

shift_orders_in_microseconds as (

    select
        site_id,
        work_unit_id,
        production_date,
        shift_id,
        shift_started_at,
        shift_ended_at,
        production_order_id,
        operation_id,
        item_id,
        sum(length_us) as calendar_time_us,
        coalesce(sum(length_us) filter (where not is_planned_busy), 0) as planned_downtime_us,
        coalesce(sum(length_us) filter (where is_planned_busy), 0) as planned_busy_time_us,
        {% for category, element in [
            ('production', 'actual_production_time'), ('setup', 'actual_setup_time'),
            ('delay', 'actual_delay_time'), ('down', 'actual_down_time'), ('unknown', 'unknown_time')
        ] -%}
        coalesce(sum(length_us) filter (where is_planned_busy and category = '{{ category }}'), 0) as {{ element }}_us,
        {% endfor -%}
        coalesce(sum(length_us) filter (where is_planned_busy and is_minor), 0) as minor_stop_time_us,
        sum(produced_quantity) as produced_quantity,
        sum(good_quantity) as good_quantity,
        sum(scrap_quantity) as scrap_quantity,
        sum(rework_quantity) as rework_quantity,
        sum(planned_run_s_per_unit * cast(produced_quantity as decimal(18, 6))) as ideal_time,
        sum(planned_run_s_per_unit * cast(good_quantity as decimal(18, 6))) as good_ideal_time,
        bool_or(planned_run_s_per_unit is null and produced_quantity <> 0) as is_ideal_time_missing
    from intervals_of_shifts
    group by all

),

shift_orders as (

    select
        site_id,
        work_unit_id,
        production_date,
        shift_id,
        shift_started_at,
        shift_ended_at,
        production_order_id,
        operation_id,
        item_id,
        {{ seconds('calendar_time_us') }} as calendar_time_s,
        cast(0 as decimal(18, 6)) as not_scheduled_time_s,
        {% for element in [
            'planned_downtime', 'planned_busy_time', 'actual_production_time', 'actual_setup_time',
            'actual_delay_time', 'actual_down_time', 'unknown_time', 'minor_stop_time'
        ] -%}
        {{ seconds(element ~ '_us') }} as {{ element }}_s,
        {% endfor -%}
        case when not is_ideal_time_missing then cast(coalesce(ideal_time, 0) as decimal(18, 6)) end
            as ideal_time_s,
        case when not is_ideal_time_missing then cast(coalesce(good_ideal_time, 0) as decimal(18, 6)) end
            as good_ideal_time_s,
        cast(produced_quantity as decimal(18, 6)) as produced_quantity,
        cast(good_quantity as decimal(18, 6)) as good_quantity,
        cast(scrap_quantity as decimal(18, 6)) as scrap_quantity,
        cast(rework_quantity as decimal(18, 6)) as rework_quantity
    from shift_orders_in_microseconds

)
{%- endmacro %}
