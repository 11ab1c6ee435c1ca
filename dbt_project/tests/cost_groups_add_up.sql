-- Fails if both levels do not add up to one cost, or if a bought item has another cost than is stated.
select
    'levels' as what,
    cost_version_id,
    item_id
from {{ ref('standard_cost') }}
group by cost_version_id, item_id
having sum(unit_cost) filter (where level = 'single') is distinct from sum(unit_cost) filter (where level = 'rolled_up')

union all

select
    'bought' as what,
    item_costs.cost_version_id,
    item_costs.item_id
from {{ ref('int_item_cost') }} as item_costs
anti join {{ ref('int_made_item') }} as made_items
    on
        item_costs.cost_version_id = made_items.cost_version_id
        and item_costs.item_id = made_items.item_id
left join {{ ref('standard_cost') }} as standard_costs
    on
        item_costs.cost_version_id = standard_costs.cost_version_id
        and item_costs.item_id = standard_costs.item_id
        and standard_costs.level = 'rolled_up'
where standard_costs.unit_cost is distinct from item_costs.unit_cost
