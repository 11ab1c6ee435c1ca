{#- Joins the time in which a work unit stood into halts, by their whole length across breaks, shifts and days, and
    tells which of them are failures. A halt is a stop, and goes on while the work unit stays aborted although its order was
    taken away. As for stops, it is cut where what was said of it afterwards changes, and only halts that touch an affected
    day can have changed. #}
{{ config(incremental_strategy='touched_spans') }}
with recursive

reasons as (

    {#- What a reason leaves open, a wider one may say. #}
    select
        reason_id,
        parent_reason_id,
        loss_category,
        is_failure
    from {{ ref('stg_reason_code') }}

    union all

    select
        reasons.reason_id,
        wider.parent_reason_id,
        reasons.loss_category,
        wider.is_failure
    from reasons
    inner join {{ ref('stg_reason_code') }} as wider
        on
            reasons.parent_reason_id = wider.reason_id
            and reasons.is_failure is null
            and reasons.reason_id <> wider.reason_id

),

reasons_judged as (

    select
        reason_id,
        any_value(loss_category) as loss_category,
        any_value(is_failure) as is_failure
    from reasons
    group by reason_id

),

touched_spans as (

    {{ touched_spans() }}

),

standing as (

    select
        *,
        coalesce(cause, 'internal') as halting_cause
    from {{ ref('state_interval') }} as intervals
    where
        (
            intervals.category = 'delay'
            or intervals.category = 'down' and intervals.state in ('aborting', 'aborted', 'clearing')
        )
        -- most of the history needs no comparison with each span
        and intervals.ended_at > (select min(started_at) from touched_spans)
        and {{ shares_time_with_any('intervals', 'touched_spans') }}

),

standing_and_the_one_before as (

    select
        *,
        {{ microseconds_between('started_at', 'ended_at') }} as length_us,
        coalesce(
            lag(ended_at) over following <> started_at or lag(halting_cause) over following <> halting_cause, true
        ) as is_first_of_whole
    from standing
    window following as (
        partition by site_id, work_unit_id
        order by started_at
    )

),

standing_in_wholes as (

    select
        *,
        count(*) filter (where is_first_of_whole) over (
            partition by site_id, work_unit_id
            order by started_at
        ) as whole_number
    from standing_and_the_one_before

),

standing_classified as (

    {#- Of a part without an order nobody says anything: it belongs to what came before it in the whole, or follows. #}
    select
        * exclude (said_of_delay),
        coalesce(
            last_value(said_of_delay ignore nulls) over (
                partition by site_id, work_unit_id, whole_number
                order by started_at
                rows between unbounded preceding and current row
            ),
            first_value(said_of_delay ignore nulls) over (
                partition by site_id, work_unit_id, whole_number
                order by started_at
                rows between unbounded preceding and unbounded following
            )
        ) as standing_classification_id
    from (
        select
            *,
            case when category = 'delay' then coalesce(classification_id, '') end as said_of_delay
        from standing_in_wholes
    ) as standing_said

),

standing_cut as (

    select
        *,
        is_first_of_whole
        or coalesce(standing_classification_id, '') <> coalesce(lag(standing_classification_id) over in_order, '')
            as is_first_of_halt
    from standing_classified
    window in_order as (
        partition by site_id, work_unit_id
        order by started_at
    )

),

standing_numbered as (

    select
        *,
        count(*) filter (where is_first_of_halt) over (
            partition by site_id, work_unit_id
            order by started_at
        ) as halt_number
    from standing_cut

),

wholes as (

    select
        site_id,
        work_unit_id,
        whole_number,
        min(started_at) as whole_started_at,
        max(ended_at) as whole_ended_at,
        sum(length_us) as whole_duration_us,
        arg_max(told_reason_id, started_at) filter (where told_reason_id is not null) as told_reason_id
    from standing_numbered
    group by site_id, work_unit_id, whole_number

),

cut_halts as (

    select
        site_id,
        work_unit_id,
        any_value(whole_number) as whole_number,
        min(started_at) as started_at,
        max(ended_at) as ended_at,
        arg_min(production_date, started_at) as production_date,
        arg_min(shift_id, started_at) as shift_id,
        any_value(halting_cause) as cause,
        any_value(reason_id) filter (where classification_id is not null) as classified_reason_id,
        arg_min(production_order_id, started_at) filter (where category = 'delay') as production_order_id,
        arg_min(operation_id, started_at) filter (where category = 'delay') as operation_id,
        arg_min(item_id, started_at) filter (where category = 'delay') as item_id,
        bool_or(category = 'delay') as is_with_order,
        bool_or(category = 'delay' and state in ('aborting', 'aborted', 'clearing')) as is_aborted,
        sum(length_us) as duration_us,
        coalesce(sum(length_us) filter (where calendar_kind = 'shift'), 0) as planned_busy_time_us,
        coalesce(sum(length_us) filter (where calendar_kind = 'shift' and category = 'delay'), 0) as delay_time_us
    from standing_numbered
    group by site_id, work_unit_id, halt_number

),

halts as (

    select
        cut_halts.*,
        wholes.whole_started_at,
        wholes.whole_ended_at,
        wholes.whole_duration_us,
        coalesce(cut_halts.classified_reason_id, wholes.told_reason_id) as reason_id
    from cut_halts
    inner join wholes
        on
            cut_halts.site_id = wholes.site_id
            and cut_halts.work_unit_id = wholes.work_unit_id
            and cut_halts.whole_number = wholes.whole_number

),

halts_judged as (

    select
        halts.*,
        case
            when not halts.is_with_order then false
            when halts.whole_duration_us < {{ minor_stop_threshold_s('halts.work_unit_id') }} * 1000000 then false
            when reasons.is_failure is not null then reasons.is_failure
            when halts.cause = 'external' then false
            when reasons.reason_id is not null then coalesce(reasons.loss_category = 'availability', false)
            else halts.is_aborted
        end as is_failure
    from halts
    left join reasons_judged as reasons
        on halts.reason_id = reasons.reason_id

),

used_before as (

    {#- What the work unit had done of the production day when it failed. #}
    select
        halts.site_id,
        halts.work_unit_id,
        halts.started_at,
        coalesce(
            sum({{ microseconds_between('intervals.started_at', 'intervals.ended_at') }})
            filter (where intervals.category in ('production', 'setup')), 0
        ) as operating_time_us,
        coalesce(
            sum({{ microseconds_between('intervals.started_at', 'intervals.ended_at') }})
            filter (where intervals.category = 'delay' and intervals.calendar_kind = 'shift'), 0
        ) as delay_time_us
    from halts_judged as halts
    inner join {{ ref('state_interval') }} as intervals
        on
            halts.site_id = intervals.site_id
            and halts.work_unit_id = intervals.work_unit_id
            and halts.production_date = intervals.production_date
            and halts.started_at > intervals.started_at
    where
        halts.is_failure
        and intervals.production_date >= (select min(production_date) from halts_judged)
    group by halts.site_id, halts.work_unit_id, halts.started_at

),

known_until as (

    {#- Up to when a halt may go on. One that was not over when its work unit was retired ended then. #}
    select
        days.site_id,
        days.work_unit_id,
        max(days.known_until_at) as ended_at
    from {{ ref('work_unit_usage_day') }} as days
    inner join {{ ref('int_work_unit_ancestor') }} as work_units
        on
            days.site_id = work_units.site_id
            and days.work_unit_id = work_units.equipment_id
    group by days.site_id, days.work_unit_id
    having max(days.known_until_at) < any_value(coalesce(work_units.work_unit_valid_to, timestamp 'infinity'))

)

select
    halts.site_id,
    halts.work_unit_id,
    halts.production_date,
    halts.shift_id,
    halts.started_at,
    nullif(halts.ended_at, known_until.ended_at) as ended_at,
    halts.whole_started_at,
    nullif(halts.whole_ended_at, known_until.ended_at) as whole_ended_at,
    halts.cause,
    halts.reason_id,
    halts.production_order_id,
    halts.operation_id,
    halts.item_id,
    halts.is_failure,
    {#- May be a failure: an internal stop that nobody has explained, and the machine was not aborted. #}
    halts.is_with_order
    and not halts.is_failure
    and halts.cause = 'internal'
    and halts.reason_id is null
    and halts.whole_duration_us >= {{ minor_stop_threshold_s('halts.work_unit_id') }} * 1000000 as is_unexplained,
    {{ seconds('halts.duration_us') }} as duration_s,
    {{ seconds('halts.planned_busy_time_us') }} as planned_busy_time_s,
    {{ seconds('halts.delay_time_us') }} as delay_time_s,
    case when halts.is_failure then {{ seconds('coalesce(used_before.operating_time_us, 0)') }} end
        as operating_time_before_s,
    case
        when halts.is_failure
            then {{ seconds('coalesce(used_before.operating_time_us + used_before.delay_time_us, 0)') }}
    end as busy_time_before_s
from halts_judged as halts
left join used_before
    on
        halts.site_id = used_before.site_id
        and halts.work_unit_id = used_before.work_unit_id
        and halts.started_at = used_before.started_at
left join known_until
    on
        halts.site_id = known_until.site_id
        and halts.work_unit_id = known_until.work_unit_id
