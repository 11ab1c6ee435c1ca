{#- How the failure KPIs move: each day together with the days before it, and the interval that is still open. -#}
{{ config(materialized='view') }}
with

days as (

    select * from {{ ref('work_unit_failure_day') }}

),

last_failures as (

    select
        site_id,
        work_unit_id,
        production_date,
        max(operated_before_s) as operated_before_s
    from {{ ref('failure_event') }}
    group by site_id, work_unit_id, production_date

),

open_intervals as (

    select
        days.site_id,
        days.work_unit_id,
        days.production_date,
        cast(
            sum(days.operating_time_s) over known_days
            - coalesce(max(last_failures.operated_before_s) over known_days, 0) as decimal(18, 6)
        ) as open_interval_s
    from days
    left join last_failures
        on
            days.site_id = last_failures.site_id
            and days.work_unit_id = last_failures.work_unit_id
            and days.production_date = last_failures.production_date
    window known_days as (
        partition by days.site_id, days.work_unit_id
        order by days.production_date
        rows between unbounded preceding and current row
    )

),

windows as (

    select unnest([7, 30]) as window_days

),

days_of_windows as (

    select
        open_intervals.*,
        windows.window_days,
        days.* exclude (site_id, work_unit_id, production_date, definition_id)
    from open_intervals
    cross join windows
    inner join days
        on
            open_intervals.site_id = days.site_id
            and open_intervals.work_unit_id = days.work_unit_id
            and open_intervals.production_date >= days.production_date
            and open_intervals.production_date < days.production_date + windows.window_days

)

select
    site_id,
    work_unit_id,
    production_date,
    window_days,
    {{ failure_sums() }},
    {{ failure_kpis() }},
    open_interval_s,
    'observed_intervals' as definition_id,
    {{ definition_version() }} as definition_version
from days_of_windows
group by site_id, work_unit_id, production_date, window_days, open_interval_s
