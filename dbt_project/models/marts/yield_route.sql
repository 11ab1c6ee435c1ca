{#- The share of an order's pieces that pass every operation of the route without scrap or rework: the product of the
    operations' throughput yields. Chaining good by good hides rework: what was reworked is good in the end. #}
with

operations as (

    select
        site_id,
        production_order_id,
        item_id,
        operation_id,
        sum(good_quantity) as good_quantity,
        sum(scrap_quantity) as scrap_quantity,
        sum(rework_quantity) as rework_quantity,
        sum(input_quantity) as input_quantity,
        {{ throughput_yield() }} as throughput_yield
    from {{ ref('yield_operation') }}
    where production_order_id is not null
    group by site_id, production_order_id, item_id, operation_id
    having sum(input_quantity) > 0

),

newest_versions as (

    select
        item_id,
        max(route_version) as route_version
    from {{ ref('stg_routing_operation') }}
    group by item_id

),

routes as (

    select
        orders.production_order_id,
        routing.operation_id,
        min(routing.sequence) as sequence
    from {{ ref('stg_production_order') }} as orders
    inner join newest_versions
        on orders.item_id = newest_versions.item_id
    inner join {{ ref('stg_routing_operation') }} as routing
        on
            orders.item_id = routing.item_id
            and coalesce(orders.route_version, newest_versions.route_version) = routing.route_version
    where routing.is_subcontract is not true
    group by orders.production_order_id, routing.operation_id

),

route_lengths as (

    select
        production_order_id,
        count(*) as route_operation_count
    from routes
    group by production_order_id

)

select
    operations.site_id,
    operations.production_order_id,
    operations.item_id,
    count(*) as operation_count,
    any_value(route_lengths.route_operation_count) as route_operation_count,
    coalesce(count(routes.operation_id) = any_value(route_lengths.route_operation_count), false) as is_whole_route,
    cast(first(operations.input_quantity order by routes.sequence, operations.operation_id) as decimal(18, 6))
        as first_input_quantity,
    cast(last(operations.good_quantity order by routes.sequence, operations.operation_id) as decimal(18, 6))
        as last_good_quantity,
    cast(sum(operations.scrap_quantity) as decimal(18, 6)) as scrap_quantity,
    cast(sum(operations.rework_quantity) as decimal(18, 6)) as rework_quantity,
    product(operations.throughput_yield order by routes.sequence, operations.operation_id)
        as rolled_throughput_yield
from operations
left join routes
    on
        operations.production_order_id = routes.production_order_id
        and operations.operation_id = routes.operation_id
left join route_lengths
    on operations.production_order_id = route_lengths.production_order_id
group by operations.site_id, operations.production_order_id, operations.item_id
