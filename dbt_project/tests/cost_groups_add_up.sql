-- Fails if both levels do not add up to one cost, if a bought item has another cost than is stated, or if a costing
-- sheet has another total than what it is of.
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

{#- A costing sheet has a total that is the cost, and so are the lines that are no subtotals together. #}
select
    'costing sheet' as what,
    coalesce(sheets.cost_version_id, costs.cost_version_id) as cost_version_id,
    coalesce(sheets.item_id, costs.item_id) as item_id
from (
    select
        cost_version_id,
        item_id,
        level,
        sum(unit_cost) filter (where line_id = 'total') as total,
        sum(unit_cost) filter (where not is_subtotal) as of_lines
    from {{ ref('costing_sheet') }}
    where line_id = 'total' or not is_subtotal
    group by all
) as sheets
full join (
    select
        cost_version_id,
        item_id,
        level,
        sum(unit_cost) as unit_cost
    from {{ ref('standard_cost') }}
    group by all
) as costs
    on
        sheets.cost_version_id = costs.cost_version_id
        and sheets.item_id = costs.item_id
        and sheets.level = costs.level
where sheets.total is distinct from costs.unit_cost or sheets.of_lines is distinct from costs.unit_cost

union all

{#- So does each sheet of an order, where each of its cost groups is on one line. #}
select
    concat('costing sheet, cost group ', costs.cost_group_id) as what,
    cast(null as varchar) as cost_version_id,
    cast(null as varchar) as item_id
from (select distinct cost_group_id from {{ ref('order_cost') }}) as costs
left join {{ ref('int_costing_sheet') }} as lines
    on costs.cost_group_id = lines.cost_group_id
group by costs.cost_group_id
having
    count(*) filter (where lines.line_id = 'total') <> 1
    or count(*) filter (where not lines.is_subtotal) <> 1
