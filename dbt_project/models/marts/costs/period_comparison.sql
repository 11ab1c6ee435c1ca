{#- Periods as they were reported and as they are known now, side by side. What was posted later for a period counts
    as reported of it. -#}
{{ config(incremental_strategy='changed_orders') }}
with

reported as (

    select
        postings.origin_period_id as period_id,
        postings.production_order_id,
        postings.cost_group_id,
        postings.measure,
        postings.currency,
        sum(postings.amount) as amount
    from {{ source('accounting', 'posting') }} as postings
    semi join {{ ref('int_closing') }} as closings
        on postings.closing_id = closings.closing_id
    semi join {{ ref('int_changed_order') }} as changed
        on postings.production_order_id = changed.production_order_id
    group by all

),

sides as (

    select
        *,
        amount as reported_amount,
        0 as known_amount
    from reported

    union all by name

    select
        *,
        0 as reported_amount,
        amount as known_amount
    from {{ of_changed_orders('int_known_posting') }}

)

select
    sides.period_id,
    sides.production_order_id,
    sides.cost_group_id,
    sides.measure,
    {{ cents('sum(sides.reported_amount)') }} as reported_amount,
    {{ cents('sum(sides.known_amount)') }} as known_amount,
    {{ cents('sum(sides.known_amount) - sum(sides.reported_amount)') }} as difference_amount,
    sides.currency,
    sides.period_id in (select closings.period_id from {{ ref('int_closing') }} as closings) as is_closed
from sides
group by sides.period_id, sides.production_order_id, sides.cost_group_id, sides.measure, sides.currency
