{#- What a unit of an item costs, line by line of the costing sheet, with subtotals. -#}
{{ config(materialized='view') }}
select
    costs.cost_version_id,
    costs.item_id,
    costs.level,
    lines.line_id,
    lines.parent_line_id,
    lines.name,
    lines.depth,
    lines.sequence,
    lines.is_subtotal,
    {{ unit_money('sum(costs.unit_cost)') }} as unit_cost,
    costs.currency
from {{ ref('standard_cost') }} as costs
inner join {{ ref('int_costing_sheet') }} as lines
    on costs.cost_group_id = lines.cost_group_id
group by all
