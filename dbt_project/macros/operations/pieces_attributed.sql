{% macro pieces_attributed() -%}
{#- Gives each piece its operation, item and planned run time. #}
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

)
{%- endmacro %}
