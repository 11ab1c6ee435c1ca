{#- What a work unit did in a production day, at any hour: what wears it, and what failures are measured by. #}
{{ config(incremental_strategy='affected_days') }}
with

days as (

    select
        site_id,
        work_unit_id,
        production_date,
        started_at
    from {{ ref('int_affected_day') }}
    where is_gone is not true

),

intervals as (

    {#- Of the days, and the one that ends where a day begins: it tells whether the work unit stood before. #}
    select
        intervals.*,
        days.production_date is not null as is_of_day,
        {{ microseconds_between('intervals.started_at', 'intervals.ended_at') }} as length_us
    from {{ ref('state_interval') }} as intervals
    left join days
        on
            intervals.site_id = days.site_id
            and intervals.work_unit_id = days.work_unit_id
            and intervals.production_date = days.production_date
    where
        days.production_date is not null
        or exists (
            select 1 from days as following
            where
                following.site_id = intervals.site_id
                and following.work_unit_id = intervals.work_unit_id
                and following.started_at = intervals.ended_at
        )

),

intervals_and_starts as (

    {#- After a stretch without data nobody knows whether the work unit stood. #}
    select
        *,
        coalesce(
            category = 'production'
            and lag(ended_at) over earlier = started_at
            and lag(category) over earlier not in ('production', 'unknown'),
            false
        ) as is_start
    from intervals
    window earlier as (
        partition by site_id, work_unit_id
        order by started_at
    )

),

cycles as (

    select
        results.site_id,
        results.work_unit_id,
        results.production_date,
        sum(results.quantity) as cycle_quantity
    from {{ ref('int_result_counted') }} as results
    semi join days
        on
            results.site_id = days.site_id
            and results.work_unit_id = days.work_unit_id
            and results.production_date = days.production_date
    where results.result = 'cycle'
    group by all

),

used as (

    select
        site_id,
        work_unit_id,
        production_date,
        coalesce(sum(length_us) filter (where category = 'production'), 0) as production_time_us,
        coalesce(sum(length_us) filter (where category = 'setup'), 0) as setup_time_us,
        coalesce(sum(length_us) filter (where category = 'delay' and calendar_kind = 'shift'), 0) as delay_time_us,
        coalesce(sum(length_us) filter (where category = 'unknown' and calendar_kind = 'shift'), 0)
            as unknown_time_us,
        count(*) filter (where is_start) as start_count,
        max(ended_at) as known_until_at
    from intervals_and_starts
    where is_of_day
    group by site_id, work_unit_id, production_date

)

select
    used.site_id,
    used.work_unit_id,
    used.production_date,
    {{ seconds('used.production_time_us') }} as production_time_s,
    {{ seconds('used.setup_time_us') }} as setup_time_s,
    {{ seconds('used.production_time_us + used.setup_time_us') }} as operating_time_s,
    {{ seconds('used.production_time_us + used.setup_time_us + used.delay_time_us') }} as busy_time_s,
    {{ seconds('used.unknown_time_us') }} as unknown_time_s,
    cast(coalesce(cycles.cycle_quantity, 0) as decimal(18, 6)) as cycle_quantity,
    used.start_count,
    used.known_until_at
from used
left join cycles
    on
        used.site_id = cycles.site_id
        and used.work_unit_id = cycles.work_unit_id
        and used.production_date = cycles.production_date
