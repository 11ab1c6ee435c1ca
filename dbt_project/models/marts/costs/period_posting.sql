{#- What is posted in each period: of a closed one what was reported, of an open one what it is to report. What
    changed of a closed period is posted in the first open one after it, named by its origin. -#}
{{ config(incremental_strategy='changed_orders') }}
with

periods as (

    select
        periods.period_id,
        periods.starts_at,
        closings.period_id is not null as is_closed
    from {{ ref('int_period') }} as periods
    left join {{ ref('int_closing') }} as closings
        on periods.period_id = closings.period_id

),

due as (

    select
        comparison.*,
        coalesce(origins.starts_at, timestamp '-infinity') as starts_at
    from {{ of_changed_orders('period_comparison') }} as comparison
    left join {{ ref('int_dated_period') }} as origins
        on comparison.period_id = origins.period_id
    where comparison.difference_amount <> 0

)

select
    postings.period_id,
    postings.origin_period_id,
    postings.production_order_id,
    postings.cost_group_id,
    postings.measure,
    postings.amount,
    postings.currency,
    postings.period_id <> postings.origin_period_id as is_adjustment,
    true as is_posted
from {{ source('accounting', 'posting') }} as postings
semi join {{ ref('int_closing') }} as closings
    on postings.closing_id = closings.closing_id
semi join {{ ref('int_changed_order') }} as changed
    on postings.production_order_id = changed.production_order_id

union all

{#- Where no period is open any more it waits for the next one. #}
select
    coalesce(open_periods.period_id, 'after') as period_id,
    due.period_id as origin_period_id,
    due.production_order_id,
    due.cost_group_id,
    due.measure,
    due.difference_amount as amount,
    due.currency,
    due.period_id <> coalesce(open_periods.period_id, 'after') as is_adjustment,
    false as is_posted
from due
asof left join (
    select *
    from periods
    where not is_closed
) as open_periods
    on due.starts_at <= open_periods.starts_at
