{#- The operations of costed orders at which something is examined and nothing made, as their routes say: by the rows
    that also say how their time is paid for. -#}
{{ config(materialized='view') }}
select
    production_order_id,
    operation_id
from (
    select
        orders.production_order_id,
        routing.operation_id,
        routing.is_inspection
    from {{ ref('int_order_costing') }} as orders
    inner join {{ ref('stg_routing_operation') }} as routing
        on orders.item_id = routing.item_id
    where orders.item_id in (select item_id from {{ ref('stg_routing_operation') }} where is_inspection)
    qualify
        row_number() over (
            partition by orders.production_order_id, routing.operation_id
            order by
                {{ orders_route_first() }},
                routing.valid_from desc nulls last,
                routing.route_version desc,
                routing.work_unit_id desc
        ) = 1
) as operations
where is_inspection
