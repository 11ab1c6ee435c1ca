{#- What lost time at the constraint of a line costs beside what it is booked at: nobody sells the pieces that were not
    made there (domain.md 2.5.7). Throughput accounting: a piece contributes its price less what is bought for it. Shown
    apart from accounting cost, never added to it. -#}
{{ config(materialized='view') }}
with

conversion_groups as (

    {#- What the plant does itself is paid for whether a piece is made or not. #}
    select distinct
        cost_version_id,
        cost_group_id
    from {{ ref('cost_rollup') }}
    where node in ('setup', 'run', 'piece', 'overhead')

),

bought as (

    select
        costs.cost_version_id,
        costs.item_id,
        sum(costs.unit_cost) as unit_cost
    from {{ ref('standard_cost') }} as costs
    anti join conversion_groups
        on
            costs.cost_version_id = conversion_groups.cost_version_id
            and costs.cost_group_id = conversion_groups.cost_group_id
    where costs.level = 'rolled_up'
    group by costs.cost_version_id, costs.item_id

),

contributions as (

    select
        item_costs.cost_version_id,
        item_costs.item_id,
        {{ unit_money('item_costs.sales_price - coalesce(bought.unit_cost, 0)') }} as unit_contribution
    from {{ ref('int_item_cost') }} as item_costs
    left join bought
        on
            item_costs.cost_version_id = bought.cost_version_id
            and item_costs.item_id = bought.item_id
    where item_costs.sales_price is not null

)

select
    shifts.site_id,
    shifts.equipment_id,
    shifts.constraint_work_unit_id,
    losses.production_date,
    losses.shift_id,
    losses.production_order_id,
    losses.operation_id,
    losses.item_id,
    losses.loss_category,
    losses.six_big_loss,
    losses.reason_id,
    cast(sum(losses.lost_s) as decimal(18, 6)) as lost_s,
    cast(sum(losses.lost_quantity) as decimal(18, 6)) as lost_quantity,
    contributions.unit_contribution,
    {{ cents('cast(sum(losses.lost_quantity) as decimal(18, 6)) * contributions.unit_contribution') }} as amount,
    site_costings.currency
from {{ ref('line_bottleneck_shift') }} as shifts
inner join {{ ref('loss_time') }} as losses
    on
        shifts.site_id = losses.site_id
        and shifts.constraint_work_unit_id = losses.work_unit_id
        and shifts.production_date = losses.production_date
        and shifts.shift_id = losses.shift_id
        and losses.item_id is not null
        and losses.loss_category <> 'uncovered'
left join {{ ref('int_site_costing') }} as site_costings
    on
        shifts.site_id = site_costings.site_id
        and shifts.shift_started_at >= site_costings.began_at
        and shifts.shift_started_at < site_costings.ended_at
left join contributions
    on
        site_costings.cost_version_id = contributions.cost_version_id
        and losses.item_id = contributions.item_id
group by
    shifts.site_id, shifts.equipment_id, shifts.constraint_work_unit_id, losses.production_date, losses.shift_id,
    losses.production_order_id, losses.operation_id, losses.item_id, losses.loss_category, losses.six_big_loss,
    losses.reason_id, contributions.unit_contribution, site_costings.currency
