{#- Why production flows cost other than their pieces carry: the variances of the orders of each flow, period by
    period. Of a lean flow its single orders tell little: what one of them was charged is used by the next. -#}
{{ config(materialized='view') }}
select
    orders.site_id,
    orders.production_flow_id,
    variances.period_id,
    variances.cost_group_id,
    variances.variance_type,
    variances.detail_type,
    {{ cents('sum(variances.amount)') }} as amount,
    variances.currency,
    variances.is_final
from {{ ref('order_variance') }} as variances
inner join {{ ref('dim_production_order') }} as orders
    on variances.production_order_id = orders.production_order_id
where orders.production_flow_id is not null
group by all
