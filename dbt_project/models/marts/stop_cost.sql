{#- What each stop took of planned busy time, and what that cost. A price is of the time at which the stop began;
    without one the amount is unknown, not nought. #}
{{ config(materialized='view') }}
with

stops as (

    select
        stops.*,
        coalesce(moments.moment_at, timestamp '-infinity') as moment_at
    from {{ ref('stop_event') }} as stops
    asof left join {{ ref('int_cost_moment') }} as moments
        on stops.started_at >= moments.moment_at
    where stops.planned_busy_time_s > 0

),

prices as (

    select
        site_id,
        work_unit_id,
        moment_at,
        sum(rate) as run_rate
    from {{ ref('int_actual_rate') }}
    where kind = 'run'
    group by site_id, work_unit_id, moment_at

)

select
    stops.stop_id,
    stops.site_id,
    stops.work_unit_id,
    stops.production_date,
    stops.shift_id,
    stops.started_at,
    stops.ended_at,
    stops.cause,
    stops.reason_id,
    stops.is_minor,
    stops.is_unclassified,
    stops.alarm_text,
    stops.duration_s,
    stops.planned_busy_time_s,
    stops.lost_quantity,
    {{ cents(money_divide(['stops.planned_busy_time_s', 'prices.run_rate'], ['3600'], 2)) }} as lost_amount,
    case when prices.run_rate is not null then site_costings.currency end as currency
from stops
left join prices
    on
        stops.site_id = prices.site_id
        and stops.work_unit_id = prices.work_unit_id
        and stops.moment_at = prices.moment_at
left join {{ ref('int_site_costing') }} as site_costings
    on
        stops.site_id = site_costings.site_id
        and stops.moment_at >= site_costings.began_at
        and stops.moment_at < site_costings.ended_at
