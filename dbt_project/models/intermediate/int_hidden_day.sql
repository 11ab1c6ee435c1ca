{#- Time and pieces per production day whose KPIs master data leaves out: where a planned run time is missing, and
    where a raw state has no meaning. Why it is missing is looked up in data_quality, as of now. #}
{{ config(incremental_strategy='affected_days') }}
with

hidden_intervals as (

    select
        intervals.*,
        intervals.planned_run_s_per_unit is null as is_ideal_time_missing
    from {{ ref('state_interval') }} as intervals
    semi join {{ ref('int_affected_day') }} as days
        on
            intervals.site_id = days.site_id
            and intervals.work_unit_id = days.work_unit_id
            and intervals.production_date = days.production_date
    where
        intervals.planned_run_s_per_unit is null
        or intervals.unmapped_value is not null

),

times as (

    select
        site_id,
        work_unit_id,
        production_date,
        production_order_id,
        operation_id,
        item_id,
        cast(null as varchar) as unmapped_value,
        min(started_at) as first_seen_at,
        max(ended_at) as last_seen_at,
        coalesce(
            sum({{ microseconds_between('started_at', 'ended_at') }}) filter (where calendar_kind = 'shift'), 0
        ) as hidden_time_us
    from hidden_intervals
    where is_ideal_time_missing
    group by all

    union all

    select
        site_id,
        work_unit_id,
        production_date,
        cast(null as varchar) as production_order_id,
        cast(null as varchar) as operation_id,
        cast(null as varchar) as item_id,
        unmapped_value,
        min(started_at) as first_seen_at,
        max(ended_at) as last_seen_at,
        coalesce(
            sum({{ microseconds_between('started_at', 'ended_at') }}) filter (where calendar_kind = 'shift'), 0
        ) as hidden_time_us
    from hidden_intervals
    where unmapped_value is not null
    group by all

),

pieces as (

    select
        site_id,
        work_unit_id,
        production_date,
        production_order_id,
        operation_id,
        item_id,
        sum(quantity) as hidden_quantity
    from {{ ref('int_result_counted') }}
    where result = 'input_without_ideal_time'
    group by all

)

select
    times.site_id,
    times.work_unit_id,
    times.production_date,
    times.production_order_id,
    times.operation_id,
    times.item_id,
    times.unmapped_value,
    times.first_seen_at,
    times.last_seen_at,
    {{ seconds('times.hidden_time_us') }} as hidden_time_s,
    cast(coalesce(pieces.hidden_quantity, 0) as decimal(18, 6)) as hidden_quantity
from times
left join pieces
    on
        times.unmapped_value is null
        and times.site_id = pieces.site_id
        and times.work_unit_id = pieces.work_unit_id
        and times.production_date = pieces.production_date
        and times.production_order_id is not distinct from pieces.production_order_id
        and times.operation_id is not distinct from pieces.operation_id
        and times.item_id is not distinct from pieces.item_id
