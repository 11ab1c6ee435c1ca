{#- What each stop took of planned busy time, and what that cost. A price is of the time at which the stop began;
    without one the amount is unknown, not nought. #}
{{ config(materialized='view') }}
with

versions as (

    select
        site_id,
        cost_version_id,
        currency,
        coalesce(valid_from, timestamp '-infinity') as valid_from
    from {{ ref('stg_cost_version') }}
    where
        cost_version_type = 'standard'
        and status = 'active'

),

rates as (

    select
        cost_version_id,
        cost_category_id,
        work_unit_id,
        rate,
        coalesce(valid_from, timestamp '-infinity') as valid_from
    from {{ ref('stg_cost_rate') }}
    where kind = 'run'

),

work_units as (

    select distinct
        site_id,
        work_unit_id
    from {{ ref('stop_event') }}

),

rates_of_work_units as (

    {#- By what each work unit is priced in each version of its site. #}
    select
        work_units.site_id,
        work_units.work_unit_id,
        versions.cost_version_id,
        rates.cost_category_id,
        rates.work_unit_id is not null as is_its_own,
        rates.rate,
        rates.valid_from
    from work_units
    inner join versions
        on work_units.site_id = versions.site_id
    inner join rates
        on
            versions.cost_version_id = rates.cost_version_id
            and coalesce(rates.work_unit_id, work_units.work_unit_id) = work_units.work_unit_id

),

changes as (

    {#- When the price of an hour of a work unit may become another. #}
    select
        rates_of_work_units.site_id,
        rates_of_work_units.work_unit_id,
        greatest(rates_of_work_units.valid_from, versions.valid_from) as changed_at
    from rates_of_work_units
    inner join versions
        on rates_of_work_units.cost_version_id = versions.cost_version_id

    union

    select
        work_units.site_id,
        work_units.work_unit_id,
        versions.valid_from as changed_at
    from work_units
    inner join versions
        on work_units.site_id = versions.site_id

),

changes_in_versions as (

    select
        changes.site_id,
        changes.work_unit_id,
        changes.changed_at,
        arg_max(versions.cost_version_id, (versions.valid_from, versions.cost_version_id)) as cost_version_id,
        arg_max(versions.currency, (versions.valid_from, versions.cost_version_id)) as currency
    from changes
    inner join versions
        on
            changes.site_id = versions.site_id
            and changes.changed_at >= versions.valid_from
    group by changes.site_id, changes.work_unit_id, changes.changed_at

),

prices_by_category as (

    {#- The rate of the work unit itself, where it has one in that category, else that of any. #}
    select
        changes.site_id,
        changes.work_unit_id,
        changes.changed_at,
        any_value(changes.currency) as currency,
        arg_max(rates.rate, (rates.is_its_own, rates.valid_from)) as rate
    from changes_in_versions as changes
    inner join rates_of_work_units as rates
        on
            changes.site_id = rates.site_id
            and changes.work_unit_id = rates.work_unit_id
            and changes.cost_version_id = rates.cost_version_id
            and changes.changed_at >= rates.valid_from
    group by changes.site_id, changes.work_unit_id, changes.changed_at, rates.cost_category_id

),

prices as (

    {#- Of a version without a rate of the work unit nothing is known, whatever the one before said. #}
    select
        changes.site_id,
        changes.work_unit_id,
        changes.changed_at,
        any_value(prices.currency) as currency,
        sum(prices.rate) as run_rate
    from changes_in_versions as changes
    left join prices_by_category as prices
        on
            changes.site_id = prices.site_id
            and changes.work_unit_id = prices.work_unit_id
            and changes.changed_at = prices.changed_at
    group by changes.site_id, changes.work_unit_id, changes.changed_at

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
    {{ money('stops.planned_busy_time_s', 'prices.run_rate', 3600) }} as lost_amount,
    prices.currency
from {{ ref('stop_event') }} as stops
asof left join prices
    on
        stops.site_id = prices.site_id
        and stops.work_unit_id = prices.work_unit_id
        and stops.started_at >= prices.changed_at
where stops.planned_busy_time_s > 0
