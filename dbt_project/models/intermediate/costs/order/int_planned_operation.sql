{#- The operations by which each order is to be made: of the route version that it names, as it held when the order was
    costed; where it names none that is known, of its item's cost card. What was ordered beside those of the card stands
    where another route of the item has it, but nothing of it is planned. -#}
{{ config(incremental_strategy='changed_orders') }}
with

orders as (

    select *
    from {{ of_changed_orders('int_order_costing') }}

),

named_routes as (

    {{ version_named_by_orders('stg_routing_operation', 'route_version', 'int_priced_operation') }}

),

named_operations as (

    select
        named_routes.production_order_id,
        orders.cost_version_id,
        lines.*
    from named_routes
    inner join orders
        on named_routes.production_order_id = orders.production_order_id
    {{ rows_of_named_version('named_routes', 'stg_routing_operation', 'route_version') }}

),

{{ operations_with_scrap('named_operations', 'production_order_id') }},

planned as (

    select
        production_order_id,
        operation_id,
        work_unit_id,
        sequence,
        crew_size,
        coalesce(is_subcontract, false) as is_subcontract,
        coalesce(is_inspection, false) as is_inspection,
        {{ bom_quantity('coalesce(planned_setup_s, 0)') }} as setup_s_per_lot,
        {{ bom_quantity('coalesce(planned_run_s_per_unit, 0) * pieces_started') }} as run_s_per_unit
    from operations_with_scrap

    union all

    select distinct
        orders.production_order_id,
        card.operation_id,
        card.work_unit_id,
        card.sequence,
        card.crew_size,
        card.is_subcontract,
        card.is_inspection,
        card.setup_s_per_lot,
        card.run_s_per_unit
    from orders
    inner join {{ ref('int_priced_operation') }} as card
        on
            orders.cost_version_id = card.cost_version_id
            and orders.item_id = card.item_id
    anti join named_routes
        on orders.production_order_id = named_routes.production_order_id

),

ordered_beside as (

    select
        operations.production_order_id,
        operations.operation_id,
        routing.sequence,
        coalesce(routing.is_inspection, false) as is_inspection
    from (
        select distinct
            production_order_id,
            operation_id
        from {{ of_changed_orders('stg_order_operation') }}
    ) as operations
    inner join orders
        on operations.production_order_id = orders.production_order_id
    inner join {{ ref('stg_routing_operation') }} as routing
        on
            orders.item_id = routing.item_id
            and operations.operation_id = routing.operation_id
    anti join planned
        on
            operations.production_order_id = planned.production_order_id
            and operations.operation_id = planned.operation_id
    anti join named_routes
        on operations.production_order_id = named_routes.production_order_id
    qualify
        row_number() over (
            partition by operations.production_order_id, operations.operation_id
            order by
                {{ orders_route_first() }},
                routing.valid_from desc nulls last,
                routing.route_version desc,
                routing.sequence desc
        ) = 1

)

select
    *,
    true as is_planned
from planned

union all by name

select
    *,
    false as is_subcontract,
    cast(0 as decimal(24, 9)) as setup_s_per_lot,
    cast(0 as decimal(24, 9)) as run_s_per_unit,
    false as is_planned
from ordered_beside
