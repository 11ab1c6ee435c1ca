{#- What planned busy time without an order cost at the run rates of its time: the price of capacity that nobody
    used, kept apart from the orders (domain.md 2.5.7). -#}
with

idle as (

    select
        losses.site_id,
        losses.work_unit_id,
        losses.production_date,
        losses.shift_id,
        shifts.shift_started_at,
        sum(losses.lost_s) as idle_s
    from {{ ref('loss_time') }} as losses
    inner join {{ ref('work_unit_shift') }} as shifts
        on
            losses.site_id = shifts.site_id
            and losses.work_unit_id = shifts.work_unit_id
            and losses.production_date = shifts.production_date
            and losses.shift_id = shifts.shift_id
            and shifts.definition_id = 'iso22400'
    where losses.category = 'down'
    group by all

),

priced as (

    select
        idle.*,
        coalesce(moments.moment_at, timestamp '-infinity') as moment_at
    from idle
    asof left join {{ ref('int_cost_moment') }} as moments
        on idle.shift_started_at >= moments.moment_at

)

select
    priced.site_id,
    priced.work_unit_id,
    priced.production_date,
    priced.shift_id,
    try_cast(priced.idle_s as decimal(18, 6)) as idle_s,
    {{ cents('sum(' ~ money_divide(['priced.idle_s', 'rates.rate'], ['3600'], 6) ~ ')') }} as amount,
    site_costings.currency
from priced
left join {{ ref('int_actual_rate') }} as rates
    on
        priced.site_id = rates.site_id
        and priced.work_unit_id = rates.work_unit_id
        and priced.moment_at = rates.moment_at
        and rates.kind = 'run'
left join {{ ref('int_site_costing') }} as site_costings
    on
        priced.site_id = site_costings.site_id
        and priced.moment_at >= site_costings.began_at
        and priced.moment_at < site_costings.ended_at
group by
    priced.site_id, priced.work_unit_id, priced.production_date, priced.shift_id, priced.idle_s, site_costings.currency
