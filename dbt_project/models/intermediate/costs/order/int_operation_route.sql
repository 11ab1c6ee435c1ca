{#- How the route says that the time of each operation of a costed order is paid for, at each work unit that worked on
    it: of the order's route version before others, of what held when the order was costed before what did not, of the
    work unit before any before another one. -#}
{{ config(materialized='view') }}
select
    times.production_order_id,
    times.operation_id,
    times.work_unit_id,
    routing.cost_category_id,
    routing.crew_size,
    coalesce(routing.is_subcontract, false) as is_subcontract
from (
    select distinct
        production_order_id,
        operation_id,
        work_unit_id
    from {{ ref('int_operation_time') }}
) as times
inner join {{ ref('int_order_costing') }} as orders
    on times.production_order_id = orders.production_order_id
left join {{ ref('stg_routing_operation') }} as routing
    on
        orders.item_id = routing.item_id
        and times.operation_id = routing.operation_id
qualify
    row_number() over (
        partition by times.production_order_id, times.operation_id, times.work_unit_id
        order by
            {{ orders_route_first() }},
            coalesce(routing.work_unit_id = times.work_unit_id, false) desc,
            routing.work_unit_id is null desc,
            routing.valid_from desc nulls last,
            routing.route_version desc,
            routing.work_unit_id desc
    ) = 1
