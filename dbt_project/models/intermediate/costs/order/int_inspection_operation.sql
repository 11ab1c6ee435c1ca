{#- The operations of orders at which something is examined and nothing made, as their routes say: by the rows that also
    say how their time is paid for. Also of orders that nothing costs, for a worker's time is divided between all. -#}
{{ config(materialized='view') }}
with

orders as (

    select
        orders.production_order_id,
        orders.item_id,
        orders.route_version,
        costed.costed_at
    from {{ ref('stg_production_order') }} as orders
    left join {{ ref('int_order_costing') }} as costed
        on orders.production_order_id = costed.production_order_id
    where orders.item_id in (select item_id from {{ ref('stg_routing_operation') }} where is_inspection)

),

operations as (

    select
        orders.production_order_id,
        routing.operation_id,
        routing.is_inspection
    from orders
    inner join {{ ref('stg_routing_operation') }} as routing
        on orders.item_id = routing.item_id
    qualify
        row_number() over (
            partition by orders.production_order_id, routing.operation_id
            order by
                {{ orders_route_first() }},
                routing.valid_from desc nulls last,
                routing.route_version desc,
                routing.work_unit_id desc
        ) = 1

)

select
    production_order_id,
    operation_id
from operations
where is_inspection
