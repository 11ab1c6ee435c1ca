{#- The stops that wait for somebody to say why: what they took of planned busy time, and what that cost. A price is of
    the time at which the stop began; without one the amount is unknown, not nought. #}
{{ config(materialized='view') }}
with

stops as (

    select *
    from {{ ref('stop_event') }}
    where is_unclassified

),

versions as (

    select
        *,
        (coalesce(valid_from, timestamp '-infinity'), cost_version_id) as began
    from {{ ref('stg_cost_version') }}
    where
        cost_version_type = 'standard'
        and status = 'active'

),

stop_versions as (

    select
        stops.stop_id,
        arg_max(versions.cost_version_id, versions.began) as cost_version_id,
        arg_max(versions.currency, versions.began) as currency
    from stops
    inner join versions
        on
            stops.site_id = versions.site_id
            and stops.started_at >= coalesce(versions.valid_from, timestamp '-infinity')
    group by stops.stop_id

),

rates_by_category as (

    {#- The rate of the work unit itself, where it has one in that category, else that of any. #}
    select
        stops.stop_id,
        arg_max(
            rates.rate, (rates.work_unit_id is not null, coalesce(rates.valid_from, timestamp '-infinity'))
        ) as rate
    from stops
    inner join stop_versions
        on stops.stop_id = stop_versions.stop_id
    inner join {{ ref('stg_cost_rate') }} as rates
        on
            stop_versions.cost_version_id = rates.cost_version_id
            and coalesce(rates.work_unit_id, stops.work_unit_id) = stops.work_unit_id
            and coalesce(rates.valid_from, timestamp '-infinity') <= stops.started_at
    where rates.kind = 'run'
    group by stops.stop_id, rates.cost_category_id

),

rates as (

    select
        stop_id,
        sum(rate) as run_rate
    from rates_by_category
    group by stop_id

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
    stops.duration_s,
    stops.planned_busy_time_s,
    stops.lost_quantity,
    {{ money('stops.planned_busy_time_s', 'rates.run_rate', 3600) }} as lost_amount,
    case when rates.run_rate is not null then stop_versions.currency end as currency
from stops
left join stop_versions
    on stops.stop_id = stop_versions.stop_id
left join rates
    on stops.stop_id = rates.stop_id
order by stops.started_at desc, stops.work_unit_id asc
