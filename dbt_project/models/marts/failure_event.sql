{#- Failures, and how long the work unit had operated since the one before. While it does not operate it cannot fail
    again: halts between which it did not are one failure. #}
{{ config(materialized='view') }}
with

used_through as (

    select
        site_id,
        work_unit_id,
        production_date,
        sum(operating_time_s) over days_before - operating_time_s as operating_time_before_s,
        sum(busy_time_s) over days_before - busy_time_s as busy_time_before_s
    from {{ ref('work_unit_usage_day') }}
    window days_before as (
        partition by site_id, work_unit_id
        order by production_date
        rows between unbounded preceding and current row
    )

),

failing_halts as (

    select
        halts.* exclude (operating_time_before_s, busy_time_before_s),
        used.operating_time_before_s + halts.operating_time_before_s as operated_before_s,
        used.busy_time_before_s + halts.busy_time_before_s as busy_before_s
    from {{ ref('int_halt') }} as halts
    inner join used_through as used
        on
            halts.site_id = used.site_id
            and halts.work_unit_id = used.work_unit_id
            and halts.production_date = used.production_date
    where halts.is_failure

),

failures as (

    select
        site_id,
        work_unit_id,
        operated_before_s,
        min(started_at) as started_at,
        case when bool_and(ended_at is not null) then max(ended_at) end as ended_at,
        arg_min(production_date, started_at) as production_date,
        arg_min(shift_id, started_at) as shift_id,
        arg_max(reason_id, started_at) filter (where reason_id is not null) as reason_id,
        arg_min(production_order_id, started_at) as production_order_id,
        arg_min(operation_id, started_at) as operation_id,
        arg_min(item_id, started_at) as item_id,
        count(*) as halt_count,
        sum(duration_s) as duration_s,
        sum(planned_busy_time_s) as repair_time_s,
        min(busy_before_s) as busy_before_s,
        max(busy_before_s + delay_time_s) as busy_through_s
    from failing_halts
    group by site_id, work_unit_id, operated_before_s

)

select
    md5(concat_ws('|', site_id, work_unit_id, epoch_us(started_at))) as failure_id,
    site_id,
    work_unit_id,
    production_date,
    shift_id,
    started_at,
    ended_at,
    reason_id,
    production_order_id,
    operation_id,
    item_id,
    halt_count,
    cast(duration_s as decimal(18, 6)) as duration_s,
    cast(repair_time_s as decimal(18, 6)) as repair_time_s,
    cast(operated_before_s as decimal(18, 6)) as operated_before_s,
    cast(
        operated_before_s - lag(operated_before_s) over failures_before as decimal(18, 6)
    ) as between_failures_s,
    cast(busy_before_s - lag(busy_through_s) over failures_before as decimal(18, 6)) as to_failure_s,
    'observed_intervals' as definition_id,
    {{ definition_version() }} as definition_version
from failures
window failures_before as (
    partition by site_id, work_unit_id
    order by started_at
)
