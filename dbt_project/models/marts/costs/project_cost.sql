{#- What projects and job orders cost against their estimate: the orders of each together, whatever they make. -#}
{{ config(materialized='view') }}
with

amounts as (

    select
        production_order_id,
        cost_group_id,
        basis as measure,
        amount,
        currency
    from {{ ref('order_cost') }}
    where basis <> 'absorbed'

    union all

    {#- Over all periods what went in and has not come out is in process. #}
    select
        production_order_id,
        cost_group_id,
        'work_in_process' as measure,
        material_amount + conversion_amount + overhead_amount + subcontract_amount - output_amount - variance_amount
            as amount,
        currency
    from {{ ref('wip_rollforward') }}

),

projects as (

    select
        orders.site_id,
        orders.project_id,
        count(*) as order_count,
        count(*) filter (where costed.is_final) as ended_order_count
    from {{ ref('dim_production_order') }} as orders
    inner join {{ ref('int_order_costing') }} as costed
        on orders.production_order_id = costed.production_order_id
    where orders.project_id is not null
    group by orders.site_id, orders.project_id

),

costs as (

    select
        orders.site_id,
        orders.project_id,
        amounts.cost_group_id,
        {% for measure in ['estimate', 'standard', 'actual', 'work_in_process'] -%}
        coalesce(sum(amounts.amount) filter (where amounts.measure = '{{ measure }}'), 0) as {{ measure }}_amount,
        {% endfor -%}
        amounts.currency
    from amounts
    inner join {{ ref('dim_production_order') }} as orders
        on amounts.production_order_id = orders.production_order_id
    where orders.project_id is not null
    group by orders.site_id, orders.project_id, amounts.cost_group_id, amounts.currency

)

select
    costs.site_id,
    costs.project_id,
    costs.cost_group_id,
    {% for measure in ['estimate', 'standard', 'actual', 'work_in_process'] -%}
    {{ cents('costs.' ~ measure ~ '_amount') }} as {{ measure }}_amount,
    {% endfor -%}
    {{ cents('costs.actual_amount - costs.estimate_amount') }} as difference_amount,
    costs.currency,
    projects.order_count,
    projects.ended_order_count,
    projects.order_count = projects.ended_order_count as is_final
from costs
inner join projects
    on
        costs.site_id = projects.site_id
        and costs.project_id = projects.project_id
