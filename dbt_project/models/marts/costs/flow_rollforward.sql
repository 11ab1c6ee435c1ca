{#- The backflush close of production flows (domain.md 2.5.5), period by period: what went in with what was left before,
    less what is left, is what was used; less what its pieces carry, that is the variance. -#}
{{ config(materialized='view') }}
{%- set inputs = ['material', 'conversion', 'overhead', 'subcontract'] %}
with

flows as (

    select
        works.period_id,
        orders.site_id,
        orders.production_flow_id,
        works.cost_group_id,
        {% for measure in ['opening'] + inputs + ['output', 'variance', 'closing'] -%}
        sum(works.{{ measure }}_amount) as {{ measure }}_amount,
        {% endfor -%}
        works.currency
    from {{ ref('wip_rollforward') }} as works
    inner join {{ ref('dim_production_order') }} as orders
        on works.production_order_id = orders.production_order_id
    where orders.production_flow_id is not null
    group by works.period_id, orders.site_id, orders.production_flow_id, works.cost_group_id, works.currency

)

select
    site_id,
    production_flow_id,
    period_id,
    cost_group_id,
    {% for measure in ['opening'] + inputs -%}
    {{ cents(measure ~ '_amount') }} as {{ measure }}_amount,
    {% endfor -%}
    {{ cents('output_amount + variance_amount') }} as used_amount,
    {{ cents('output_amount') }} as output_amount,
    {{ cents('variance_amount') }} as variance_amount,
    {{ cents('closing_amount') }} as closing_amount,
    currency
from flows
