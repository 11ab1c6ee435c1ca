{#- What failures add up to: each counts on the production day on which it began, with the intervals that it closed. #}
{{ config(materialized='view') }}
with

failures as (

    select
        site_id,
        work_unit_id,
        production_date,
        count(*) as failure_count,
        count(*) filter (where ended_at is not null) as repair_count,
        sum(repair_time_s) filter (where ended_at is not null) as repair_time_s,
        count(between_failures_s) as between_failures_count,
        sum(between_failures_s) as between_failures_s,
        count(to_failure_s) as to_failure_count,
        sum(to_failure_s) as to_failure_s
    from {{ ref('failure_event') }}
    group by site_id, work_unit_id, production_date

),

unexplained as (

    select
        site_id,
        work_unit_id,
        production_date,
        count(*) as unexplained_stop_count,
        sum(planned_busy_time_s) as unexplained_stop_time_s
    from {{ ref('int_halt') }}
    where is_unexplained
    group by site_id, work_unit_id, production_date

),

days as (

    select
        days.site_id,
        days.work_unit_id,
        days.production_date,
        days.operating_time_s,
        coalesce(failures.failure_count, 0) as failure_count,
        coalesce(failures.repair_count, 0) as repair_count,
        cast(coalesce(failures.repair_time_s, 0) as decimal(18, 6)) as repair_time_s,
        coalesce(failures.between_failures_count, 0) as between_failures_count,
        cast(coalesce(failures.between_failures_s, 0) as decimal(18, 6)) as between_failures_s,
        coalesce(failures.to_failure_count, 0) as to_failure_count,
        cast(coalesce(failures.to_failure_s, 0) as decimal(18, 6)) as to_failure_s,
        coalesce(unexplained.unexplained_stop_count, 0) as unexplained_stop_count,
        cast(coalesce(unexplained.unexplained_stop_time_s, 0) as decimal(18, 6)) as unexplained_stop_time_s
    from {{ ref('work_unit_usage_day') }} as days
    left join failures
        on
            days.site_id = failures.site_id
            and days.work_unit_id = failures.work_unit_id
            and days.production_date = failures.production_date
    left join unexplained
        on
            days.site_id = unexplained.site_id
            and days.work_unit_id = unexplained.work_unit_id
            and days.production_date = unexplained.production_date

)

select
    site_id,
    work_unit_id,
    production_date,
    {{ failure_sums() }},
    {{ failure_kpis() }},
    'observed_intervals' as definition_id,
    {{ definition_version() }} as definition_version
from days
group by site_id, work_unit_id, production_date
