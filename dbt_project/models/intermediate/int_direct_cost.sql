{#- What is added to a unit at the item itself, before overheads: its price where it is bought; where it is made its
    bought components and operations. -#}
{{ config(materialized='ephemeral') }}
select
    item_costs.cost_version_id,
    item_costs.item_id,
    'purchase' as part,
    item_costs.item_id as part_id,
    coalesce(items.cost_group_id, 'material') as cost_group_id,
    cast(item_costs.unit_cost as decimal(18, 6)) as unit_cost
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
    components.cost_group_id,
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
    operations.cost_version_id,
    operations.item_id,
    'operation' as part,
    operations.operation_id as part_id,
    case
        when operations.is_subcontract then 'subcontract'
        else coalesce(operations.cost_category_id, 'conversion')
    end as cost_group_id,
    case operations.kind
        when 'setup'
            then
                {{ money_divide(
                    ['operations.setup_s_per_lot', 'operations.rate'], ['3600', 'made_items.costing_lot_quantity'], 6
                ) }}
        when 'run' then {{ money_divide(['operations.run_s_per_unit', 'operations.rate'], ['3600'], 6) }}
        else operations.rate
    end as unit_cost
from {{ ref('int_priced_operation') }} as operations
inner join {{ ref('int_made_item') }} as made_items
    on
        operations.cost_version_id = made_items.cost_version_id
        and operations.item_id = made_items.item_id
where operations.kind is not null
