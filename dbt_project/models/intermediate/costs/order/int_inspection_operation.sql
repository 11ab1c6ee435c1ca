{#- The operations of costed orders at which something is examined and nothing made, as their routes say: by the rows of
    the order's route version, without one by those that held when it was costed. What its route does not have it does
    not plan. -#}
{{ config(materialized='view') }}
with

operations as (

    select
        orders.production_order_id,
        routing.operation_id,
        routing.is_inspection
    from {{ ref('int_order_costing') }} as orders
    inner join {{ ref('stg_routing_operation') }} as routing
        on
            orders.item_id = routing.item_id
            and case
                when orders.route_version is not null then orders.route_version = routing.route_version
                else
                    orders.costed_at >= coalesce(routing.valid_from, timestamp '-infinity')
                    and orders.costed_at < coalesce(routing.valid_to, timestamp 'infinity')
            end
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

)

select
    production_order_id,
    operation_id
from operations
where is_inspection
