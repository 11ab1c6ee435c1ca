{#- A production day in a few rows: phases of setup and of production of one order, operation and item, whatever stops
    interrupted them. What changeovers and measured cycles are made of. #}
{{ config(incremental_strategy='affected_days') }}
with

intervals as (

    select
        intervals.*,
        {{ microseconds_between('intervals.started_at', 'intervals.ended_at') }} as length_us,
        hash(
            intervals.category, intervals.production_order_id, intervals.operation_id, intervals.item_id
        ) as likeness
    from {{ ref('state_interval') }} as intervals
    semi join {{ ref('int_affected_day') }} as days
        on
            intervals.site_id = days.site_id
            and intervals.work_unit_id = days.work_unit_id
            and intervals.production_date = days.production_date
    where intervals.category in ('setup', 'production')

),

intervals_and_the_one_before as (

    select
        *,
        coalesce(lag(likeness) over following <> likeness, true) as is_first_of_phase
    from intervals
    window following as (
        partition by site_id, work_unit_id, production_date
        order by started_at
    )

),

intervals_numbered as (

    select
        *,
        count(*) filter (where is_first_of_phase) over (
            partition by site_id, work_unit_id, production_date
            order by started_at
        ) as phase_number
    from intervals_and_the_one_before

)

select
    site_id,
    work_unit_id,
    production_date,
    any_value(category) as category,
    any_value(production_order_id) as production_order_id,
    any_value(operation_id) as operation_id,
    any_value(item_id) as item_id,
    min(started_at) as started_at,
    max(ended_at) as ended_at,
    {{ seconds('sum(length_us)') }} as duration_s,
    {{ seconds("coalesce(sum(length_us) filter (where calendar_kind = 'shift'), 0)") }} as planned_busy_time_s
from intervals_numbered
group by site_id, work_unit_id, production_date, phase_number
