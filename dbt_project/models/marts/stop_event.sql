{#- Joins delays of one cause to stops, across shifts and days, and cuts these where what was said of them afterwards
    changes. A part that nobody classified afterwards keeps the reason told while the whole stood. Only stops that touch
    an affected day with their whole length can have changed; they consist of the days' new intervals and of what the
    stops known before contribute from other days. #}
{{ config(incremental_strategy='touched_spans') }}
with

touched_spans as (

    {{ touched_spans() }}

),

delays as (

    select *
    from {{ ref('state_interval') }} as intervals
    where
        intervals.category = 'delay'
        and {{ shares_time_with_any('intervals', 'touched_spans') }}

),

delays_and_the_one_before as (

    select
        *,
        {{ microseconds_between('started_at', 'ended_at') }} as length_us,
        coalesce(
            lag(ended_at) over following <> started_at or lag(cause) over following <> cause, true
        ) as is_first_of_whole,
        is_first_of_whole
        or coalesce(classification_id, '') <> lag(coalesce(classification_id, '')) over following as is_first_of_stop
    from delays
    window following as (
        partition by site_id, work_unit_id
        order by started_at
    )

),

numbered_delays as (

    select
        *,
        count(*) filter (where is_first_of_whole) over earlier as whole_number,
        count(*) filter (where is_first_of_stop) over earlier as stop_number
    from delays_and_the_one_before
    window earlier as (
        partition by site_id, work_unit_id
        order by started_at
    )

),

whole_stops as (

    select
        site_id,
        work_unit_id,
        whole_number,
        min(started_at) as whole_started_at,
        max(ended_at) as whole_ended_at,
        bool_and(is_minor) as is_minor,
        arg_max(told_reason_id, started_at) filter (where told_reason_id is not null) as told_reason_id,
        arg_min_null(alarm_text, started_at) as alarm_text
    from numbered_delays
    group by site_id, work_unit_id, whole_number

),

stops as (

    select
        site_id,
        work_unit_id,
        any_value(whole_number) as whole_number,
        min(started_at) as started_at,
        max(ended_at) as ended_at,
        arg_min(production_date, started_at) as production_date,
        arg_min(shift_id, started_at) as shift_id,
        any_value(cause) as cause,
        any_value(classification_id) as classification_id,
        sum(length_us) as duration_us,
        coalesce(sum(length_us) filter (where calendar_kind = 'shift'), 0) as planned_busy_time_us,
        {#- Of what has no planned run time nobody knows how many pieces it cost. #}
        case
            when bool_and(coalesce(planned_run_s_per_unit, 0) > 0) filter (where calendar_kind = 'shift') then sum(
                cast({{ ratio('length_us', 'planned_run_s_per_unit * 1000000') }} as decimal(18, 6))
            ) filter (where calendar_kind = 'shift')
        end as lost_quantity
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
    try_cast(stops.lost_quantity as decimal(18, 6)) as lost_quantity,
    stops.cause,
    coalesce(classifications.reason_id, wholes.told_reason_id) as reason_id,
    coalesce(reasons.loss_category, case when wholes.is_minor then 'performance' else 'availability' end)
        as loss_category,
    wholes.is_minor,
    wholes.alarm_text,
    classifications.reason_id is null
    and wholes.told_reason_id is null
    and not wholes.is_minor
    and stops.cause <> 'external' as is_unclassified,
    classifications.classified_by,
    classifications.classified_at,
    case when classifications.is_merged then stops.classification_id else stop_id end as merged_stop_id,
    wholes.whole_started_at,
    nullif(wholes.whole_ended_at, known_until.ended_at) as whole_ended_at
from stops
inner join whole_stops as wholes
    on
        stops.site_id = wholes.site_id
        and stops.work_unit_id = wholes.work_unit_id
        and stops.whole_number = wholes.whole_number
left join {{ ref('stop_classification') }} as classifications
    on stops.classification_id = classifications.classification_id
left join {{ ref('stg_reason_code') }} as reasons
    on coalesce(classifications.reason_id, wholes.told_reason_id) = reasons.reason_id
left join known_until
    on
        stops.site_id = known_until.site_id
        and stops.work_unit_id = known_until.work_unit_id
