{#- Where the planned busy time of each shift went that made no good piece, cause by cause. Added to the good ideal
    time it is the planned busy time, exactly: no second is lost twice. #}
{{ config(incremental_strategy='affected_days') }}
with

intervals as (

    select
        intervals.*,
        {{ microseconds_between('intervals.started_at', 'intervals.ended_at') }} as length_us
    from {{ ref('state_interval') }} as intervals
    semi join {{ ref('int_affected_day') }} as days
        on
            intervals.site_id = days.site_id
            and intervals.work_unit_id = days.work_unit_id
            and intervals.production_date = days.production_date
    where
        intervals.calendar_kind = 'shift'
        and intervals.category <> 'production'

),

times_lost as (

    select
        intervals.site_id,
        intervals.work_unit_id,
        intervals.production_date,
        intervals.shift_id,
        intervals.production_order_id,
        intervals.operation_id,
        intervals.item_id,
        case intervals.category
            when 'unknown' then 'uncovered'
            when 'setup' then 'setup'
            when 'down' then 'availability'
            else
                coalesce(reasons.loss_category, case when intervals.is_minor then 'performance' else 'availability' end)
        end as loss_category,
        case intervals.category
            when 'setup' then 'setup_and_adjustment'
            when 'delay'
                then case when intervals.is_minor then 'idling_and_minor_stops' else 'equipment_failure' end
        end as six_big_loss,
        intervals.category,
        intervals.cause,
        intervals.reason_id,
        {{ seconds('sum(intervals.length_us)') }} as lost_s,
        sum({{ ratio('intervals.length_us', 'intervals.planned_run_s_per_unit * 1000000') }}) as lost_quantity
    from intervals
    left join {{ ref('stg_reason_code') }} as reasons
        on intervals.reason_id = reasons.reason_id
    group by all

),

shift_orders as (

    select
        *,
        {{ ratio('ideal_time_s', 'produced_quantity') }} as run_s_per_unit
    from {{ ref('work_unit_shift_order') }} as shift_orders
    semi join {{ ref('int_affected_day') }} as days
        on
            shift_orders.site_id = days.site_id
            and shift_orders.work_unit_id = days.work_unit_id
            and shift_orders.production_date = days.production_date
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
    lost_s,
    cast(lost_quantity as decimal(18, 6)) as lost_quantity,
    'iso22400' as definition_id
from times_lost

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
    cast({{ ratio('lost_s', 'run_s_per_unit') }} as decimal(18, 6)) as lost_quantity,
    'iso22400' as definition_id
from speed_and_quality_lost
where lost_s is distinct from 0
