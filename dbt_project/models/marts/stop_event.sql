{#- Joins delays of one cause to stops, across shifts and days. Only stops that touch an affected day can have
    changed; they consist of the days' new intervals and of what the stops known before contribute from other days. #}
{{ config(incremental_strategy='touched_spans') }}
with

touched_spans as (

    select
        site_id,
        work_unit_id,
        started_at,
        ended_at
    from {{ ref('int_affected_day') }}

    {% if is_incremental() -%}
    union all

    select
        known.site_id,
        known.work_unit_id,
        known.started_at,
        coalesce(known.ended_at, timestamp 'infinity') as ended_at
    from {{ this }} as known
    where {{ touches_affected_day('known') }}
    {%- endif %}

),

delays as (

    select *
    from {{ ref('state_interval') }} as intervals
    where
        intervals.category = 'delay'
        and exists (
            select 1 from touched_spans
            where
                touched_spans.site_id = intervals.site_id
                and touched_spans.work_unit_id = intervals.work_unit_id
                and touched_spans.started_at < intervals.ended_at
                and touched_spans.ended_at > intervals.started_at
        )

),

delays_and_the_one_before as (

    select
        *,
        coalesce(
            lag(ended_at) over following <> started_at or lag(cause) over following <> cause, true
        ) as is_first_of_stop
    from delays
    window following as (
        partition by site_id, work_unit_id
        order by started_at
    )

),

numbered_delays as (

    select
        *,
        count(*) filter (where is_first_of_stop) over (
            partition by site_id, work_unit_id
            order by started_at
        ) as stop_number
    from delays_and_the_one_before

),

stops as (

    select
        site_id,
        work_unit_id,
        min(started_at) as started_at,
        max(ended_at) as ended_at,
        arg_min(production_date, started_at) as production_date,
        arg_min(shift_id, started_at) as shift_id,
        any_value(cause) as cause,
        arg_max(reason_id, started_at) filter (where reason_id is not null) as reason_id,
        bool_and(is_minor) as is_minor,
        sum({{ microseconds_between('started_at', 'ended_at') }}) as duration_us,
        coalesce(sum({{ microseconds_between('started_at', 'ended_at') }}) filter (where calendar_kind = 'shift'), 0)
            as planned_busy_time_us
    from numbered_delays
    group by site_id, work_unit_id, stop_number

),

known_until as (

    {#- Up to when a stop may go on. One that was not over when its work unit was retired ended then. #}
    select
        intervals.site_id,
        intervals.work_unit_id,
        max(intervals.ended_at) as ended_at
    from {{ ref('state_interval') }} as intervals
    inner join {{ ref('int_work_unit_ancestor') }} as work_units
        on
            intervals.site_id = work_units.site_id
            and intervals.work_unit_id = work_units.equipment_id
    group by intervals.site_id, intervals.work_unit_id
    having max(intervals.ended_at) < any_value(coalesce(work_units.work_unit_valid_to, timestamp 'infinity'))

)

select
    md5(concat_ws('|', stops.site_id, stops.work_unit_id, epoch_us(stops.started_at))) as stop_id,
    stops.site_id,
    stops.work_unit_id,
    stops.production_date,
    stops.shift_id,
    stops.started_at,
    nullif(stops.ended_at, known_until.ended_at) as ended_at,
    {{ seconds('stops.duration_us') }} as duration_s,
    {{ seconds('stops.planned_busy_time_us') }} as planned_busy_time_s,
    stops.cause,
    stops.reason_id,
    coalesce(reasons.loss_category, case when stops.is_minor then 'performance' else 'availability' end)
        as loss_category,
    stops.is_minor
from stops
left join {{ ref('stg_reason_code') }} as reasons
    on stops.reason_id = reasons.reason_id
left join known_until
    on
        stops.site_id = known_until.site_id
        and stops.work_unit_id = known_until.work_unit_id
