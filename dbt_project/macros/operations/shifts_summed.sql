{% macro shift_order_grain() -%}
    {{ return([
        'production_date', 'shift_id', 'shift_started_at', 'shift_ended_at', 'production_order_id', 'operation_id',
        'item_id'
    ]) }}
{%- endmacro %}

{% macro shift_order_times() -%}
    {{ return([
        'calendar_time', 'planned_downtime', 'planned_busy_time', 'actual_production_time', 'actual_setup_time',
        'actual_delay_time', 'actual_down_time', 'unknown_time', 'minor_stop_time'
    ]) }}
{%- endmacro %}

{% macro shift_order_sums() -%}
    {#- What adds up of an order in a shift, exact: times in microseconds, pieces, and ideal times in seconds. #}
    {% set sums = [
        'produced_quantity', 'good_quantity', 'scrap_quantity', 'rework_quantity', 'ideal_time', 'good_ideal_time',
        'startup_loss_time'
    ] -%}
    {% for time in shift_order_times() -%}
        {% do sums.append(time ~ '_us') -%}
    {% endfor -%}
    {{ return(sums) }}
{%- endmacro %}

{% macro shifts_summed(detail=[], goes_on=false) -%}
{#- From `intervals_counted`: where the time of each shift went and what it made, per order and `detail`. With `goes_on`
    besides what `running_days` says is settled. #}
{% set grain = ['site_id', 'work_unit_id'] + shift_order_grain() + detail -%}
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
        {{ grain | join(',\n        ') }},
        cast(sum(length_us) as bigint) as calendar_time_us,
        cast(coalesce(sum(length_us) filter (where not is_planned_busy), 0) as bigint) as planned_downtime_us,
        cast(coalesce(sum(length_us) filter (where is_planned_busy), 0) as bigint) as planned_busy_time_us,
        {% for category, element in [
            ('production', 'actual_production_time'), ('setup', 'actual_setup_time'),
            ('delay', 'actual_delay_time'), ('down', 'actual_down_time'), ('unknown', 'unknown_time')
        ] -%}
        cast(
            coalesce(sum(length_us) filter (where is_planned_busy and category = '{{ category }}'), 0) as bigint
        ) as {{ element }}_us,
        {% endfor -%}
        cast(coalesce(sum(length_us) filter (where is_planned_busy and is_minor), 0) as bigint) as minor_stop_time_us,
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
{% if goes_on %}
shift_orders_so_far as (

    select
        {{ grain | join(',\n        ') }},
        {% for column in shift_order_sums() -%}
        sum({{ column }}) as {{ column }},
        {% endfor -%}
        bool_or(is_ideal_time_missing) as is_ideal_time_missing
    from (
        select * from shift_orders_in_microseconds
        union all by name
        select * from settled_shift_orders
    ) as shift_orders
    group by all

),
{% endif %}
shift_orders as (

    select
        {{ grain | join(',\n        ') }},
        {% for time in shift_order_times() -%}
        {{ seconds(time ~ '_us') }} as {{ time }}_s,
        {% endfor -%}
        cast(0 as decimal(18, 6)) as not_scheduled_time_s,
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
    from {{ 'shift_orders_so_far' if goes_on else 'shift_orders_in_microseconds' }}

)
{%- endmacro %}
