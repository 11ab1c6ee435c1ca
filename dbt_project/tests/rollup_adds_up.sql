{#- What goes into a unit of a made item adds up to its standard cost in each cost group, at both levels; a component
    costs its quantity times its own standard cost, rounded once. #}
{% for level, cost_group in [('rolled_up', 'cost_group_id'), ('single', 'single_cost_group_id')] -%}
select
    '{{ level }}' as what,
    nodes.cost_version_id,
    nodes.item_id,
    nodes.cost_group_id
from (
    select
        cost_version_id,
        item_id,
        {{ cost_group }} as cost_group_id,
        sum(amount) as amount
    from {{ ref('cost_rollup') }}
    group by all
) as nodes
full join (
    select *
    from {{ ref('standard_cost') }}
    where level = '{{ level }}' and (cost_version_id, item_id) in (
        select (cost_version_id, item_id) from {{ ref('cost_rollup') }}
    )
) as costs
    on
        nodes.cost_version_id = costs.cost_version_id
        and nodes.item_id = costs.item_id
        and nodes.cost_group_id = costs.cost_group_id
{#- What costs nothing is a node without a standard cost. #}
where coalesce(nodes.amount, 0) <> coalesce(costs.unit_cost, 0)

union all

{% endfor -%}
select
    'component' as what,
    cost_version_id,
    item_id,
    cost_group_id
from {{ ref('cost_rollup') }}
where
    node = 'component'
    and amount <> {{ unit_money('quantity * unit_cost') }}
