{#- Each period goes on from what the one before left, an order that has ended leaves nothing, and its roll-forward has
    its variances. #}
with

periods_in_order as (

    select
        wip.*,
        lag(wip.closing_amount, 1, 0) over (
            partition by wip.production_order_id, wip.cost_group_id
            order by periods.starts_at nulls first
        ) as closed_before_amount
    from {{ ref('wip_rollforward') }} as wip
    semi join {{ ref('int_changed_order') }} as changed
        on wip.production_order_id = changed.production_order_id
    left join {{ ref('int_period') }} as periods
        on wip.period_id = periods.period_id

),

variances as (

    select
        production_order_id,
        cost_group_id,
        amount
    from {{ ref('order_variance') }}
    where is_final

    union all

    select
        production_order_id,
        cost_group_id,
        -variance_amount as amount
    from {{ ref('wip_rollforward') }}

)

select
    'opening' as what,
    production_order_id,
    cost_group_id
from periods_in_order
where
    opening_amount <> closed_before_amount
    or opening_amount + material_amount + conversion_amount + overhead_amount + subcontract_amount
    <> output_amount + variance_amount + closing_amount

union all

select
    'variance' as what,
    variances.production_order_id,
    variances.cost_group_id
from variances
semi join {{ ref('int_changed_order') }} as changed
    on variances.production_order_id = changed.production_order_id
group by variances.production_order_id, variances.cost_group_id
having sum(variances.amount) <> 0
