-- Fails if both levels do not add up to one cost, if a bought item has another cost than is stated, or if a costing
-- sheet leaves a cost group out or has it twice.
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

union all

{#- A costing sheet has another total, or subtotal, only where a cost group is not on one line of it, or not once below
    the total. Amounts are no matter: with all items and orders they would make each refresh slower. #}
select
    concat('costing sheet, cost group ', costs.cost_group_id) as what,
    cast(null as varchar) as cost_version_id,
    cast(null as varchar) as item_id
from (
    select cost_group_id
    from {{ ref('standard_cost') }}
    union
    select cost_group_id
    from {{ ref('order_cost') }}
) as costs
left join {{ ref('int_costing_sheet') }} as lines
    on costs.cost_group_id = lines.cost_group_id
group by costs.cost_group_id
having
    count(*) filter (where lines.line_id = 'total') <> 1
    or count(*) filter (where not lines.is_subtotal) <> 1
    or count(*) <> count(distinct lines.line_id)
