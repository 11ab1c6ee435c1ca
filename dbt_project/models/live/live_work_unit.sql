with

{{ running_intervals_and_counts() }},

{{ intervals_counted('days.day_started_at') }},

{{ shifts_summed(goes_on=true) }},

running_shifts as (

    {{ shift_kpis('shift_orders', [], evaluation_time(), ['iso22400']) }}
    having
        shift_started_at <= {{ evaluation_time() }}
        and shift_ended_at > {{ evaluation_time() }}

),

present_intervals as (

    select *
    from intervals
    qualify row_number() over (partition by site_id, work_unit_id order by started_at desc) = 1

),

present_states as (

    {# The present state may have begun before what cut its last interval: an order, a shift, a break. #}
    select
        present.site_id,
        present.work_unit_id,
        coalesce(max(intervals.ended_at), timestamp '-infinity') as began_after
    from present_intervals as present
    left join intervals
        on
            present.site_id = intervals.site_id
            and present.work_unit_id = intervals.work_unit_id
            and present.state is distinct from intervals.state
    group by all

),

state_beginnings as (

    {# Where no state is known, when the samples were born that tell none says nothing. #}
    select
        states.site_id,
        states.work_unit_id,
        min(
            case
                when intervals.state is null then intervals.started_at
                else coalesce(intervals.state_since_at, intervals.started_at)
            end
        ) as state_since_at
    from present_states as states
    inner join intervals
        on
            states.site_id = intervals.site_id
            and states.work_unit_id = intervals.work_unit_id
            and states.began_after <= intervals.started_at
    group by all

),

shift_plans as (

    {# The whole running shift, also what is to come of it. #}
    select
        site_id,
        work_unit_id,
        shift_started_at,
        {{ seconds('sum(' ~ microseconds_between('started_at', 'ended_at') ~ ')') }} as planned_busy_time_s
    from segments
    where
        kind = 'shift'
        and shift_started_at <= {{ evaluation_time() }}
        and shift_ended_at > {{ evaluation_time() }}
    group by all

),

present_orders as (

    select
        present.site_id,
        present.work_unit_id,
        sum(shift_orders.good_quantity) as good_quantity,
        sum(shift_orders.actual_production_time_s) as actual_production_time_s
    from present_intervals as present
    inner join shift_orders
        on
            present.site_id = shift_orders.site_id
            and present.work_unit_id = shift_orders.work_unit_id
            and present.shift_started_at = shift_orders.shift_started_at
            and present.production_order_id = shift_orders.production_order_id
            and present.operation_id is not distinct from shift_orders.operation_id
    group by all

)

select
    work_units.site_id,
    work_units.work_unit_id,
    present.state,
    coalesce(present.category, 'unknown') as category,
    present.cause,
    coalesce(present.is_minor, false) as is_minor,
    state_beginnings.state_since_at,
    present.reason_id,
    present.production_order_id,
    present.operation_id,
    present.item_id,
    shifts.production_date,
    shifts.shift_id,
    shifts.shift_started_at,
    shifts.shift_ended_at,
    {% for element in shift_elements() -%}
    shifts.{{ element }},
    {% endfor -%}
    shifts.availability,
    shifts.effectiveness,
    shifts.quality_ratio,
    shifts.oee_index,
    shifts.nee_index,
    shifts.teep_index,
    shifts.coverage_ratio,
    'iso22400' as definition_id,
    {{ definition_version() }} as definition_version,
    true as is_provisional,
    cast(orders.good_quantity as decimal(18, 6)) as order_good_quantity,
    cast(orders.actual_production_time_s as decimal(18, 6)) as order_production_time_s,
    {# Where the shift was not heard at all, nothing says how it goes on. #}
    case
        when shifts.unknown_time_s < shifts.planned_busy_time_s
            then try_cast(
                {{ forecast('shifts.good_quantity', 'shifts.planned_busy_time_s', 'plans.planned_busy_time_s') }}
                as decimal(18, 6)
            )
    end as forecast_good_quantity,
    coalesce(present.ended_at, {{ evaluation_time() }}) as computed_through_at
from {{ ref('dim_work_unit') }} as work_units
left join present_intervals as present
    on
        work_units.site_id = present.site_id
        and work_units.work_unit_id = present.work_unit_id
left join state_beginnings
    on
        work_units.site_id = state_beginnings.site_id
        and work_units.work_unit_id = state_beginnings.work_unit_id
left join running_shifts as shifts
    on
        work_units.site_id = shifts.site_id
        and work_units.work_unit_id = shifts.work_unit_id
left join shift_plans as plans
    on
        shifts.site_id = plans.site_id
        and shifts.work_unit_id = plans.work_unit_id
        and shifts.shift_started_at = plans.shift_started_at
left join present_orders as orders
    on
        work_units.site_id = orders.site_id
        and work_units.work_unit_id = orders.work_unit_id
