{#- Setups as they happened: what a work unit was set up from and to, and how long it took. All setup without
    production in between is one; what it was for is what was produced next. #}
{{ config(materialized='view') }}
with

phases as (

    select
        *,
        case
            when category = 'production' then {
                'production_order_id': production_order_id,
                'operation_id': operation_id,
                'item_id': item_id,
                'started_at': started_at,
                'ended_at': ended_at
            }
        end as produced
    from {{ ref('int_order_phase') }}

),

phases_and_their_neighbours as (

    select
        *,
        count(produced) over phases_before as production_number,
        last_value(produced ignore nulls) over phases_before as produced_before,
        first_value(produced ignore nulls) over phases_after as produced_after
    from phases
    window
        phases_before as (
            partition by site_id, work_unit_id
            order by started_at
            rows between unbounded preceding and current row
        ),
        phases_after as (
            partition by site_id, work_unit_id
            order by started_at
            rows between current row and unbounded following
        )

),

setups as (

    select
        site_id,
        work_unit_id,
        arg_min(production_date, started_at) as production_date,
        min(started_at) as started_at,
        max(ended_at) as ended_at,
        any_value(produced_before) as produced_before,
        any_value(produced_after) as produced_after,
        {#- Before anything is produced: what the work unit is being set up for. #}
        arg_max(
            { 'production_order_id': production_order_id, 'operation_id': operation_id, 'item_id': item_id }, started_at
        ) as set_up_for,
        sum(planned_busy_time_s) as setup_time_s,
        sum(duration_s) as duration_s
    from phases_and_their_neighbours
    where category = 'setup'
    group by site_id, work_unit_id, production_number

),

changes as (

    select
        *,
        produced_before.production_order_id as from_order_id,
        produced_before.item_id as from_item_id,
        case when produced_after is null then set_up_for.production_order_id else produced_after.production_order_id end
            as to_order_id,
        case when produced_after is null then set_up_for.operation_id else produced_after.operation_id end
            as to_operation_id,
        case when produced_after is null then set_up_for.item_id else produced_after.item_id end as to_item_id
    from setups

),

planned_setups as (

    {#- The work unit's own routing before one for any; the newest version when the order names none. #}
    select
        changes.site_id,
        changes.work_unit_id,
        changes.started_at,
        arg_max(
            { 'planned_setup_s': routes.planned_setup_s },
            {
                'is_own': routes.work_unit_id is not null,
                'route_version': routes.route_version,
                'earliness': -routes.sequence,
                'operation_id': routes.operation_id
            }
        ) as planned
    from changes
    left join {{ ref('stg_production_order') }} as orders
        on changes.to_order_id = orders.production_order_id
    inner join {{ ref('stg_routing_operation') }} as routes
        on
            changes.to_item_id = routes.item_id
            and changes.to_operation_id = routes.operation_id
            and coalesce(orders.route_version, routes.route_version) = routes.route_version
            and changes.work_unit_id = coalesce(routes.work_unit_id, changes.work_unit_id)
            and changes.started_at >= coalesce(routes.valid_from, timestamp '-infinity')
            and changes.started_at < coalesce(routes.valid_to, timestamp 'infinity')
    group by changes.site_id, changes.work_unit_id, changes.started_at

)

select
    md5(concat_ws('|', changes.site_id, changes.work_unit_id, epoch_us(changes.started_at))) as changeover_id,
    changes.site_id,
    changes.work_unit_id,
    changes.production_date,
    changes.started_at,
    changes.ended_at,
    case
        when changes.from_order_id = changes.to_order_id then 'within_order'
        when changes.from_item_id = changes.to_item_id then 'same_item'
        when changes.from_item_id <> changes.to_item_id then 'other_item'
        else 'unknown'
    end as kind,
    changes.from_order_id,
    changes.from_item_id,
    changes.to_order_id,
    changes.to_operation_id,
    changes.to_item_id,
    changes.produced_after is not null as is_complete,
    cast(changes.setup_time_s as decimal(18, 6)) as setup_time_s,
    cast(changes.duration_s as decimal(18, 6)) as duration_s,
    {{ seconds(microseconds_between('changes.produced_before.ended_at', 'changes.produced_after.started_at')) }}
        as changeover_time_s,
    planned_setups.planned.planned_setup_s
from changes
left join planned_setups
    on
        changes.site_id = planned_setups.site_id
        and changes.work_unit_id = planned_setups.work_unit_id
        and changes.started_at = planned_setups.started_at
