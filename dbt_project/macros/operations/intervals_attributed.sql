{% macro intervals_attributed(goes_on=false) -%}
{#- Gives each piece its category, and whether its stop is a minor one; cuts delays where CTE `stop_entries` gives a part
    of them another classification; then joins pieces that differ in nothing. With `goes_on` they go on from what
    `running_days` says is settled. #}
{{ stop_entries_weighed('stop_entries') }},

pieces_with_category as (

    select
        *,
        {{ state_category('state', 'production_order_id') }} as category,
        case when category = 'delay' then {{ delay_cause('state') }} end as cause
    from pieces_with_state

),

pieces_of_stops as (

    {#- A stop is an unbroken run of delay with one cause. #}
    select
        *,
        count(*) filter (where is_first_of_stop) over (
            partition by site_id, work_unit_id, production_date
            order by started_at
        ) as stop_number
    from (
        select
            *,
            category <> 'delay'
            or cause is distinct from lag(cause) over (
                partition by site_id, work_unit_id, production_date
                order by started_at
            ) as is_first_of_stop
        from pieces_with_category
    ) as pieces

),

pieces_judged as (

    select
        * exclude (is_first_of_stop, stop_number),
        category = 'delay'
        and sum({{ microseconds_between('started_at', 'ended_at') }}) over (
            partition by site_id, work_unit_id, production_date, stop_number
        ) < {{ minor_stop_threshold_s('work_unit_id') }} * 1000000 as is_minor
    from pieces_of_stops

),

pieces_of_the_day as (

    select pieces.*
    from pieces_judged as pieces
    inner join day_windows as days
        on
            pieces.site_id = days.site_id
            and pieces.work_unit_id = days.work_unit_id
            and pieces.production_date = days.production_date
            and pieces.started_at >= days.started_at
            and pieces.started_at < days.through_at
    {% if goes_on -%}
    union all by name
    select * from settled_pieces
    {%- endif %}

),

pieces_classified as (

    select
        pieces.* exclude (started_at, ended_at),
        greatest(pieces.started_at, coalesce(spans.started_at, pieces.started_at)) as started_at,
        least(pieces.ended_at, coalesce(spans.ended_at, pieces.ended_at)) as ended_at,
        spans.classification_id,
        spans.reason_id as classified_reason_id,
        hash(
            state, category, is_minor, production_order_id, operation_id, item_id, planned_run_s_per_unit,
            shift_id, shift_started_at, calendar_kind, unmapped_value, classification_id
        ) as likeness
    from pieces_of_the_day as pieces
    left join classified_spans as spans
        on
            pieces.site_id = spans.site_id
            and case when pieces.category = 'delay' then pieces.work_unit_id end = spans.work_unit_id
            and pieces.started_at < spans.ended_at
            and pieces.ended_at > spans.started_at

),

interval_pieces as (

    select
        *,
        count(*) filter (where is_first_of_interval) over (
            partition by site_id, work_unit_id, production_date
            order by started_at
        ) as interval_number
    from (
        select
            *,
            likeness is distinct from lag(likeness) over (
                partition by site_id, work_unit_id, production_date
                order by started_at
            ) as is_first_of_interval
        from pieces_classified
    ) as pieces

),

intervals_without_reason as (

    select
        site_id,
        work_unit_id,
        production_date,
        any_value(shift_id) as shift_id,
        any_value(shift_started_at) as shift_started_at,
        any_value(shift_ended_at) as shift_ended_at,
        any_value(calendar_kind) as calendar_kind,
        min(started_at) as started_at,
        max(ended_at) as ended_at,
        any_value(state) as state,
        any_value(unmapped_value) as unmapped_value,
        min(state_since_at) as state_since_at,
        any_value(category) as category,
        any_value(cause) as cause,
        any_value(is_minor) as is_minor,
        any_value(production_order_id) as production_order_id,
        any_value(operation_id) as operation_id,
        any_value(item_id) as item_id,
        any_value(planned_run_s_per_unit) as planned_run_s_per_unit,
        any_value(classification_id) as classification_id,
        any_value(classified_reason_id) as classified_reason_id
    from interval_pieces
    group by site_id, work_unit_id, production_date, interval_number

),

reasons_told as (

    select
        intervals.site_id,
        intervals.work_unit_id,
        intervals.started_at,
        arg_max(reasons.told, (reasons.observed_at, reasons.epoch_number, reasons.row_number)) as reason_id
    from told_samples as reasons
    asof inner join intervals_without_reason as intervals
        on
            reasons.site_id = intervals.site_id
            and reasons.work_unit_id = intervals.work_unit_id
            and reasons.production_date = intervals.production_date
            and reasons.observed_at >= intervals.started_at
    where
        reasons.role = 'reason'
        and reasons.told is not null
        and reasons.observed_at < intervals.ended_at
    group by all

),

alarms_told as (

    select
        site_id,
        work_unit_id,
        production_date,
        observed_at,
        arg_max(told, (epoch_number, row_number)) as alarm_text
    from told_samples
    where role = 'alarm'
    group by all

),

intervals as (

    {#- Data of the last seconds is still on its way: that end is not a gap, it is not known yet. #}
    select
        intervals.* exclude (classified_reason_id),
        reasons_told.reason_id as told_reason_id,
        coalesce(intervals.classified_reason_id, reasons_told.reason_id) as reason_id,
        alarms_told.alarm_text
    from intervals_without_reason as intervals
    left join reasons_told
        on
            intervals.site_id = reasons_told.site_id
            and intervals.work_unit_id = reasons_told.work_unit_id
            and intervals.started_at = reasons_told.started_at
    asof left join alarms_told
        on
            intervals.site_id = alarms_told.site_id
            and intervals.work_unit_id = alarms_told.work_unit_id
            and intervals.production_date = alarms_told.production_date
            and intervals.started_at >= alarms_told.observed_at
    inner join day_windows as days
        on
            intervals.site_id = days.site_id
            and intervals.work_unit_id = days.work_unit_id
            and intervals.production_date = days.production_date
    where not (
        intervals.category = 'unknown'
        and intervals.ended_at = days.evaluated_at
        and intervals.started_at > days.evaluated_at - to_seconds({{ var('arrival_allowance_s') }})
    )

)
{%- endmacro %}
