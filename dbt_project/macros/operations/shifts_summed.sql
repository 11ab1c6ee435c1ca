{% macro shifts_summed(detail=[]) -%}
{#- From `intervals_counted`: where the time of each shift went and what it made, per order and `detail`. #}
intervals_of_shifts as (

    select
        *,
        {{ microseconds_between('started_at', 'ended_at') }} as length_us,
        calendar_kind = 'shift' as is_planned_busy
    from intervals_counted
    where shift_id is not null

),

shift_orders_in_microseconds as (

    select
        site_id,
        work_unit_id,
        production_date,
        shift_id,
        shift_started_at,
        shift_ended_at,
        {% for column in detail -%}
        {{ column }},
        {% endfor -%}
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
        sum(planned_run_s_per_unit * cast(produced_quantity as decimal(38, 6))) as ideal_time,
        sum(planned_run_s_per_unit * cast(good_quantity as decimal(38, 6))) as good_ideal_time,
        sum(planned_run_s_per_unit * cast(produced_quantity - good_quantity as decimal(38, 6)))
            filter (where category = 'setup') as startup_loss_time,
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
        {% for column in detail -%}
        {{ column }},
        {% endfor -%}
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
        case when not is_ideal_time_missing then try_cast(coalesce(ideal_time, 0) as decimal(18, 6)) end
            as ideal_time_s,
        case when not is_ideal_time_missing then try_cast(coalesce(good_ideal_time, 0) as decimal(18, 6)) end
            as good_ideal_time_s,
        case when not is_ideal_time_missing then try_cast(coalesce(startup_loss_time, 0) as decimal(18, 6)) end
            as startup_loss_time_s,
        try_cast(produced_quantity as decimal(18, 6)) as produced_quantity,
        try_cast(good_quantity as decimal(18, 6)) as good_quantity,
        try_cast(scrap_quantity as decimal(18, 6)) as scrap_quantity,
        try_cast(rework_quantity as decimal(18, 6)) as rework_quantity
    from shift_orders_in_microseconds

)
{%- endmacro %}
