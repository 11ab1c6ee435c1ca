{% macro intervals_attributed() -%}
{#- Gives each piece its operation, item and planned run time, its category, and whether its stop is a minor
    one; then joins pieces that differ in nothing. #}
operations_told as (

    {# Of several operations of the order here the one that started last; before any has started, the first. #}
    select
        pieces.site_id,
        pieces.work_unit_id,
        pieces.production_date,
        pieces.started_at,
        arg_min(
            operations.operation_id,
            {
                'is_later': coalesce(operations.started_at > pieces.started_at, true),
                'before_us': coalesce(-epoch_us(operations.started_at), 0),
                'operation_id': operations.operation_id
            }
        ) as operation_id
    from pieces
    inner join {{ ref('stg_order_operation') }} as operations
        on
            pieces.production_order_id = operations.production_order_id
            and pieces.work_unit_id = operations.work_unit_id
    where pieces.planned_operation_id is null
    group by all

),

pieces_with_item as (

    select
        pieces.* exclude (planned_operation_id, told_item_id, segment),
        pieces.segment.shift_id as shift_id,
        pieces.segment.shift_started_at as shift_started_at,
        pieces.segment.shift_ended_at as shift_ended_at,
        pieces.segment.kind as calendar_kind,
        coalesce(pieces.planned_operation_id, operations_told.operation_id) as told_operation_id,
        coalesce(pieces.told_item_id, orders.item_id) as item_id,
        orders.route_version
    from pieces
    left join operations_told
        on
            pieces.site_id = operations_told.site_id
            and pieces.work_unit_id = operations_told.work_unit_id
            and pieces.production_date = operations_told.production_date
            and pieces.started_at = operations_told.started_at
    left join {{ ref('stg_production_order') }} as orders
        on pieces.production_order_id = orders.production_order_id

),

routes_of_pieces as (

    {# The work unit's own routing before one for any work unit; the newest version when the order names none. #}
    select
        pieces.site_id,
        pieces.work_unit_id,
        pieces.production_date,
        pieces.started_at,
        arg_max(
            {
                'operation_id': routes.operation_id,
                'planned_run_s_per_unit': routes.planned_run_s_per_unit
            },
            {
                'is_own': routes.work_unit_id is not null,
                'route_version': routes.route_version,
                'earliness': -routes.sequence,
                'operation_id': routes.operation_id
            }
        ) as route
    from pieces_with_item as pieces
    inner join {{ ref('stg_routing_operation') }} as routes
        on
            pieces.item_id = routes.item_id
            and coalesce(pieces.route_version, routes.route_version) = routes.route_version
            and coalesce(routes.work_unit_id, pieces.work_unit_id) = pieces.work_unit_id
            and coalesce(
                pieces.told_operation_id, case when routes.work_unit_id is not null then routes.operation_id end
            ) = routes.operation_id
            and pieces.started_at >= coalesce(routes.valid_from, timestamp '-infinity')
            and pieces.started_at < coalesce(routes.valid_to, timestamp 'infinity')
    group by all

),

pieces_with_route as (

    select
        pieces.* exclude (told_operation_id, route_version),
        coalesce(pieces.told_operation_id, routes.route.operation_id) as operation_id,
        case when pieces.item_id is null and pieces.production_order_id is null then 0
            else routes.route.planned_run_s_per_unit
        end as planned_run_s_per_unit
    from pieces_with_item as pieces
    left join routes_of_pieces as routes
        on
            pieces.site_id = routes.site_id
            and pieces.work_unit_id = routes.work_unit_id
            and pieces.production_date = routes.production_date
            and pieces.started_at = routes.started_at

),

pieces_with_category as (

    select
        *,
        {{ state_category('state', 'production_order_id') }} as category,
        case when category = 'delay' then {{ delay_cause('state') }} end as cause
    from pieces_with_route

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
        ) < {{ var('minor_stop_threshold_s') }} * 1000000 as is_minor
    from pieces_of_stops

),

pieces_of_the_day as (

    select
        pieces.*,
        hash(
            state, category, is_minor, production_order_id, operation_id, item_id, planned_run_s_per_unit,
            shift_id, shift_started_at, calendar_kind
        ) as likeness
    from pieces_judged as pieces
    inner join day_windows as days
        on
            pieces.site_id = days.site_id
            and pieces.work_unit_id = days.work_unit_id
            and pieces.production_date = days.production_date
            and pieces.started_at >= days.started_at
            and pieces.started_at < days.through_at

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
        from pieces_of_the_day
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
        min(state_since_at) as state_since_at,
        any_value(category) as category,
        any_value(cause) as cause,
        any_value(is_minor) as is_minor,
        any_value(production_order_id) as production_order_id,
        any_value(operation_id) as operation_id,
        any_value(item_id) as item_id,
        any_value(planned_run_s_per_unit) as planned_run_s_per_unit
    from interval_pieces
    group by site_id, work_unit_id, production_date, interval_number

),

reasons_told as (

    select
        intervals.site_id,
        intervals.work_unit_id,
        intervals.started_at,
        arg_max(
            reasons.told, (reasons.observed_at, reasons.first_received_at, reasons.epoch, reasons.row_number)
        ) as reason_id
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

intervals as (

    {#- Data of the last seconds is still on its way: that end is not a gap, it is not known yet. #}
    select
        intervals.*,
        reasons_told.reason_id
    from intervals_without_reason as intervals
    left join reasons_told
        on
            intervals.site_id = reasons_told.site_id
            and intervals.work_unit_id = reasons_told.work_unit_id
            and intervals.started_at = reasons_told.started_at
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
