{% macro orders_planned() -%}
{#- Which order ran by its reported times: of several at once the one that started last. Where a signal tells
    the order, this does not count. #}
operations_of_days as (

    select
        days.site_id,
        days.work_unit_id,
        days.production_date,
        days.from_at,
        days.to_at,
        operations.production_order_id,
        operations.operation_id,
        operations.started_at,
        coalesce(operations.finished_at, timestamp 'infinity') as finished_at
    from day_windows as days
    inner join {{ ref('stg_order_operation') }} as operations
        on
            days.work_unit_id = operations.work_unit_id
            and days.to_at > operations.started_at
            and days.from_at < coalesce(operations.finished_at, timestamp 'infinity')
    -- An inner join might be made first: of all days with all orders of their site.
    semi join {{ ref('stg_production_order') }} as orders
        on
            operations.production_order_id = orders.production_order_id
            and days.site_id = orders.site_id

),

operation_changes as (

    select site_id, work_unit_id, production_date, greatest(started_at, from_at) as changed_at
    from operations_of_days
    union
    select site_id, work_unit_id, production_date, finished_at as changed_at
    from operations_of_days
    where finished_at < to_at

),

planned_orders as (

    select
        changes.site_id,
        changes.work_unit_id,
        changes.production_date,
        changes.changed_at,
        arg_max(
            {
                'production_order_id': operations.production_order_id,
                'operation_id': operations.operation_id
            },
            (operations.started_at, operations.production_order_id, operations.operation_id)
        ) as running
    from operation_changes as changes
    left join operations_of_days as operations
        on
            changes.site_id = operations.site_id
            and changes.work_unit_id = operations.work_unit_id
            and changes.production_date = operations.production_date
            and changes.changed_at >= operations.started_at
            and changes.changed_at < operations.finished_at
    group by all

)
{%- endmacro %}
