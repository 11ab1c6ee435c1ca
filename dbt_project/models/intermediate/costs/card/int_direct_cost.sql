{#- What is added to a unit at the item itself, before overheads: its price where it is bought; where it is made its
    bought components and operations, line by line. A line needs `variable_quantity` per unit and `constant_quantity` per
    lot of what `driver` says, at `unit_price`: time in seconds, its price per hour. -#}
{{ config(is_of_costing_files=true) }}
with

operations as (

    select
        operations.cost_version_id,
        operations.item_id,
        operations.operation_id,
        operations.is_subcontract,
        coalesce(operations.cost_category_id, 'conversion') as cost_category_id,
        {{ operation_costs('operations', 'made_items.costing_lot_quantity') }}
    from {{ ref('int_priced_operation') }} as operations
    inner join {{ ref('int_made_item') }} as made_items
        on
            operations.cost_version_id = made_items.cost_version_id
            and operations.item_id = made_items.item_id
    where operations.kind is not null

)

select
    item_costs.cost_version_id,
    item_costs.item_id,
    'purchase' as part,
    item_costs.item_id as part_id,
    cast(null as varchar) as operation_id,
    coalesce(items.cost_group_id, 'material') as cost_group_id,
    'purchase' as driver,
    item_costs.item_id as line_id,
    cast(1 as decimal(24, 9)) as variable_quantity,
    cast(0 as decimal(24, 9)) as constant_quantity,
    try_cast(item_costs.unit_cost as decimal(24, 9)) as unit_price,
    try_cast(item_costs.unit_cost as decimal(18, 6)) as unit_cost
from {{ ref('int_item_cost') }} as item_costs
left join {{ ref('stg_item') }} as items
    on item_costs.item_id = items.item_id
where
    item_costs.unit_cost is not null
    and (item_costs.cost_version_id, item_costs.item_id) not in (
        select (cost_version_id, item_id) from {{ ref('int_made_item') }}
    )

union all

select
    components.cost_version_id,
    components.item_id,
    'component' as part,
    components.component_item_id as part_id,
    components.operation_id,
    components.cost_group_id,
    'material' as driver,
    components.component_item_id as line_id,
    components.variable_quantity,
    components.constant_quantity,
    item_costs.unit_cost as unit_price,
    {{ unit_money('components.quantity * item_costs.unit_cost') }} as unit_cost
from {{ ref('int_costed_component') }} as components
inner join {{ ref('int_item_cost') }} as item_costs
    on
        components.cost_version_id = item_costs.cost_version_id
        and components.component_item_id = item_costs.item_id
where
    not components.is_made
    and item_costs.unit_cost is not null

union all

select
    cost_version_id,
    item_id,
    'operation' as part,
    operation_id as part_id,
    operation_id,
    cost_category_id as cost_group_id,
    driver,
    cost_category_id as line_id,
    variable_quantity,
    constant_quantity,
    try_cast(unit_price as decimal(24, 9)) as unit_price,
    try_cast(unit_cost as decimal(18, 6)) as unit_cost
from operations
where not is_subcontract

union all

{#- A vendor is paid by the piece. #}
select
    cost_version_id,
    item_id,
    'operation' as part,
    operation_id as part_id,
    operation_id,
    'subcontract' as cost_group_id,
    'subcontract' as driver,
    'subcontract' as line_id,
    cast(1 as decimal(24, 9)) as variable_quantity,
    cast(0 as decimal(24, 9)) as constant_quantity,
    try_cast(sum(unit_cost) as decimal(24, 9)) as unit_price,
    try_cast(sum(unit_cost) as decimal(18, 6)) as unit_cost
from operations
where is_subcontract
group by cost_version_id, item_id, operation_id
