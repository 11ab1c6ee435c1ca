{#- What an order should cost and cost, line by line of the costing sheet, with subtotals: sums of what is rounded. -#}
{{ config(materialized='view') }}
with

lines as (

    select
        costs.production_order_id,
        lines.line_id,
        lines.parent_line_id,
        lines.name,
        lines.depth,
        lines.sequence,
        lines.is_subtotal,
        {% for basis in ['estimate', 'standard', 'absorbed', 'actual'] -%}
        coalesce(sum(costs.amount) filter (where costs.basis = '{{ basis }}'), 0) as {{ basis }}_amount,
        {% endfor -%}
        costs.currency,
        costs.period_id,
        costs.is_final
    from {{ ref('order_cost') }} as costs
    inner join {{ ref('int_costing_sheet') }} as lines
        on costs.cost_group_id = lines.cost_group_id
    group by all

)

select
    production_order_id,
    line_id,
    parent_line_id,
    name,
    depth,
    sequence,
    is_subtotal,
    {% for basis in ['estimate', 'standard', 'absorbed', 'actual'] -%}
    {{ cents(basis ~ '_amount') }} as {{ basis }}_amount,
    {% endfor -%}
    {{ cents('actual_amount - absorbed_amount') }} as variance_amount,
    currency,
    period_id,
    is_final
from lines
