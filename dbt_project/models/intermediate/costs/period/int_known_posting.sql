{#- What belongs to each period as it is known now, order by order: what went into work in process and what left it. -#}
{{ config(materialized='view') }}
{% for measure in ['material', 'conversion', 'overhead', 'subcontract', 'output'] -%}
select
    period_id,
    production_order_id,
    cost_group_id,
    '{{ measure }}' as measure,
    {{ measure }}_amount as amount,
    currency
from {{ ref('wip_rollforward') }}
where {{ measure }}_amount <> 0

union all

{% endfor -%}
select
    period_id,
    production_order_id,
    cost_group_id,
    concat(variance_type, '_variance') as measure,
    sum(amount) as amount,
    currency
from {{ ref('order_variance') }}
where is_final
group by period_id, production_order_id, cost_group_id, variance_type, currency
