{#- What bad pieces that were found here cost at standard: scrap what had gone into it up to its operation, rework the
    time of doing the operation again. -#}
{{ config(incremental_strategy='changed_orders') }}
with

operations as (

    {#- Material that belongs to no operation goes in at the first. What it costs to examine is appraisal already. #}
    select
        orders.production_order_id,
        orders.site_id,
        orders.item_id,
        orders.currency,
        operations.operation_id,
        operations.sequence,
        coalesce(
            sum(lines.unit_cost - lines.constant_unit_cost)
            filter (where inspections.operation_id is null or lines.driver = 'material'), 0
        ) as unit_cost,
        coalesce(
            sum(lines.unit_cost - lines.constant_unit_cost)
            filter (where inspections.operation_id is null and lines.driver in ('run_time', 'piece')), 0
        ) as unit_conversion_cost
    from {{ of_changed_orders('int_operation_quantity') }} as operations
    inner join {{ of_changed_orders('int_order_costing') }} as orders
        on operations.production_order_id = orders.production_order_id
    left join {{ ref('int_standard_line') }} as lines
        on
            orders.cost_version_id = lines.cost_version_id
            and orders.item_id = lines.item_id
            and operations.operation_id = lines.operation_id
    left join {{ ref('int_inspection_operation') }} as inspections
        on
            operations.production_order_id = inspections.production_order_id
            and operations.operation_id = inspections.operation_id
    where operations.operation_id is not null
    group by all

),

unassigned as (

    select
        cost_version_id,
        item_id,
        sum(unit_cost - constant_unit_cost) as unit_cost
    from {{ ref('int_standard_line') }}
    where operation_id is null
    group by cost_version_id, item_id

),

accumulated as (

    select
        operations.*,
        coalesce(unassigned.unit_cost, 0) + sum(operations.unit_cost) over (
            partition by operations.production_order_id
            order by operations.sequence, operations.operation_id
        ) as accumulated_cost
    from operations
    inner join {{ of_changed_orders('int_order_costing') }} as orders
        on operations.production_order_id = orders.production_order_id
    left join unassigned
        on
            orders.cost_version_id = unassigned.cost_version_id
            and orders.item_id = unassigned.item_id

),

bad_pieces as (

    select
        production_order_id,
        operation_id,
        work_unit_id,
        production_date,
        result,
        reason_id,
        sum(quantity) as quantity
    from {{ ref('int_result_counted') }}
    where
        result in ('scrap', 'rework')
        and production_order_id is not null
    group by all
    having sum(quantity) <> 0

)

select
    bad_pieces.production_order_id,
    bad_pieces.operation_id,
    accumulated.site_id,
    accumulated.item_id,
    bad_pieces.work_unit_id,
    bad_pieces.production_date,
    bad_pieces.result,
    bad_pieces.reason_id,
    try_cast(bad_pieces.quantity as decimal(18, 6)) as quantity,
    {{ cents(
        "bad_pieces.quantity * case bad_pieces.result when 'scrap' then accumulated.accumulated_cost"
        ~ ' else accumulated.unit_conversion_cost end'
    ) }} as amount,
    accumulated.currency
from bad_pieces
inner join accumulated
    on
        bad_pieces.production_order_id = accumulated.production_order_id
        and bad_pieces.operation_id = accumulated.operation_id
