{#- Where the planned busy time of each shift went that made no good piece, cause by cause. Added to the good ideal
    time it is the planned busy time, exactly: no second is lost twice. What a delay is, its stop says: also one of a
    day that nothing else touched may have got its reason on the next. #}
{{ config(incremental_strategy='touched_days') }}
with

{{ delays_explained() }},

intervals as (

    select
        intervals.* exclude (reason_id),
        delays.reason_id,
        delays.loss_category,
        {{ microseconds_between('intervals.started_at', 'intervals.ended_at') }} as length_us
    from {{ ref('state_interval') }} as intervals
    semi join touched_days as days
        on
            intervals.site_id = days.site_id
            and intervals.work_unit_id = days.work_unit_id
            and intervals.production_date = days.production_date
    left join delays
        on
            intervals.site_id = delays.site_id
            and intervals.work_unit_id = delays.work_unit_id
            and intervals.started_at = delays.started_at
    where intervals.calendar_kind = 'shift'

),

times_lost_by_run_time as (

    select
        site_id,
        work_unit_id,
        production_date,
        shift_id,
        production_order_id,
        operation_id,
        item_id,
        case category
            when 'unknown' then 'uncovered'
            when 'setup' then 'setup'
            when 'down' then 'availability'
            else loss_category
        end as loss_category,
        case
            when category = 'setup' or loss_category = 'setup' then 'setup_and_adjustment'
            when category = 'delay' and is_minor then 'idling_and_minor_stops'
            when category = 'delay' then 'unplanned_stops'
        end as six_big_loss,
        category,
        cause,
        reason_id,
        {{ seconds('sum(length_us)') }} as lost_s,
        try_cast({{ ratio('sum(length_us)', 'planned_run_s_per_unit * 1000000') }} as decimal(18, 6)) as lost_quantity
    from intervals
    where category <> 'production'
    group by
        site_id, work_unit_id, production_date, shift_id, production_order_id, operation_id, item_id, category,
        loss_category, is_minor, cause, reason_id, planned_run_s_per_unit

),

run_times as (

    select
        site_id,
        work_unit_id,
        production_date,
        shift_id,
        production_order_id,
        operation_id,
        item_id,
        max(planned_run_s_per_unit) as planned_run_s_per_unit
    from intervals
    group by all

),

shift_orders as (

    select
        shift_orders.*,
        coalesce(
            {{ ratio('shift_orders.ideal_time_s', 'shift_orders.produced_quantity') }},
            run_times.planned_run_s_per_unit
        ) as run_s_per_unit
    from {{ ref('work_unit_shift_order') }} as shift_orders
    semi join touched_days as days
        on
            shift_orders.site_id = days.site_id
            and shift_orders.work_unit_id = days.work_unit_id
            and shift_orders.production_date = days.production_date
    left join run_times
        on
            shift_orders.site_id = run_times.site_id
            and shift_orders.work_unit_id = run_times.work_unit_id
            and shift_orders.production_date = run_times.production_date
            and shift_orders.shift_id = run_times.shift_id
            and shift_orders.production_order_id is not distinct from run_times.production_order_id
            and shift_orders.operation_id is not distinct from run_times.operation_id
            and shift_orders.item_id is not distinct from run_times.item_id
    where shift_orders.definition_id = 'iso22400'

),

speed_and_quality_lost as (

    {#- Of pieces without a planned run time nobody knows what they should have taken: these rows have no seconds. #}
    {% for loss_category, six_big_loss, lost_s in [
        ('performance', 'reduced_speed', 'actual_production_time_s - ideal_time_s'),
        ('quality', 'startup_rejects', 'startup_loss_time_s'),
        ('quality', 'process_defects', 'ideal_time_s - good_ideal_time_s - startup_loss_time_s')
    ] -%}
    select
        site_id,
        work_unit_id,
        production_date,
        shift_id,
        production_order_id,
        operation_id,
        item_id,
        '{{ loss_category }}' as loss_category,
        '{{ six_big_loss }}' as six_big_loss,
        {{ lost_s }} as lost_s,
        run_s_per_unit
    from shift_orders
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    site_id,
    work_unit_id,
    production_date,
    shift_id,
    production_order_id,
    operation_id,
    item_id,
    loss_category,
    six_big_loss,
    category,
    cause,
    reason_id,
    cast(sum(lost_s) as decimal(18, 6)) as lost_s,
    try_cast(sum(lost_quantity) as decimal(18, 6)) as lost_quantity,
    'iso22400' as definition_id,
    {{ definition_version() }} as definition_version
from times_lost_by_run_time
group by all

union all

select
    site_id,
    work_unit_id,
    production_date,
    shift_id,
    production_order_id,
    operation_id,
    item_id,
    loss_category,
    six_big_loss,
    'production' as category,
    null as cause,
    null as reason_id,
    cast(lost_s as decimal(18, 6)) as lost_s,
    try_cast({{ ratio('lost_s', 'run_s_per_unit') }} as decimal(18, 6)) as lost_quantity,
    'iso22400' as definition_id,
    {{ definition_version() }} as definition_version
from speed_and_quality_lost
where lost_s is distinct from 0
