{#- The hours of each operation by the cost category that they are charged in, at the rate of their time: the
    operation's own category, and where its route names none all that hold at its work unit. Where workers of a
    category booked, what they booked counts, else the operation's time. -#}
{{ config(incremental_strategy='changed_orders') }}
with

booked as (

    select
        bookings.production_order_id,
        bookings.operation_id,
        bookings.cost_category_id,
        bookings.driver,
        coalesce(moments.moment_at, timestamp '-infinity') as moment_at,
        min(bookings.started_at) as posted_at,
        sum(bookings.used_s) as used_s
    from {{ of_changed_orders('int_booked_time') }} as bookings
    asof left join {{ ref('int_cost_moment') }} as moments
        on bookings.started_at >= moments.moment_at
    where bookings.quality_cost_category is null
    group by all

),

booked_work_units as (

    select
        production_order_id,
        operation_id,
        min(work_unit_id) as work_unit_id
    from {{ of_changed_orders('int_operation_time') }}
    group by production_order_id, operation_id

)

select
    times.production_order_id,
    times.operation_id,
    times.work_unit_id,
    times.production_date,
    times.shift_id,
    times.driver,
    rates.cost_category_id,
    times.moment_at,
    times.posted_at,
    times.used_s,
    times.time_source,
    {{ crew_rate('rates.rate', 'rates.cost_category_id', 'routes.crew_size') }} as rate
from {{ of_changed_orders('int_operation_time') }} as times
inner join {{ of_changed_orders('int_order_costing') }} as orders
    on times.production_order_id = orders.production_order_id
inner join {{ of_changed_orders('int_operation_route') }} as routes
    on
        times.production_order_id = routes.production_order_id
        and times.operation_id is not distinct from routes.operation_id
        and times.work_unit_id is not distinct from routes.work_unit_id
inner join {{ ref('int_actual_rate') }} as rates
    on
        orders.site_id = rates.site_id
        and times.work_unit_id is not distinct from rates.work_unit_id
        and times.moment_at = rates.moment_at
        and times.driver = case rates.kind when 'setup' then 'setup_time' when 'run' then 'run_time' end
        and coalesce(routes.cost_category_id = rates.cost_category_id, routes.cost_category_id is null)
anti join booked
    on
        times.production_order_id = booked.production_order_id
        and times.operation_id = booked.operation_id
        and rates.cost_category_id = booked.cost_category_id
where not routes.is_subcontract

union all

select
    booked.production_order_id,
    booked.operation_id,
    booked_work_units.work_unit_id,
    null as production_date,
    null as shift_id,
    booked.driver,
    booked.cost_category_id,
    booked.moment_at,
    booked.posted_at,
    {#- What a crew worked beside one another is once the operation's time, at the rate of all. #}
    cast(
        case
            when routes.crew_size > 0 and booked.cost_category_id = '{{ var("labour_cost_category") }}'
                then {{ money_divide(['booked.used_s'], ['routes.crew_size'], 9) }}
            else booked.used_s
        end as decimal(24, 9)
    ) as used_s,
    'booked' as time_source,
    {{ crew_rate('coalesce(rates.rate, 0)', 'booked.cost_category_id', 'nullif(routes.crew_size, 0)') }} as rate
from booked
inner join {{ of_changed_orders('int_order_costing') }} as orders
    on booked.production_order_id = orders.production_order_id
left join booked_work_units
    on
        booked.production_order_id = booked_work_units.production_order_id
        and booked.operation_id = booked_work_units.operation_id
left join {{ of_changed_orders('int_operation_route') }} as routes
    on
        booked.production_order_id = routes.production_order_id
        and booked.operation_id is not distinct from routes.operation_id
        and booked_work_units.work_unit_id is not distinct from routes.work_unit_id
left join {{ ref('int_actual_rate') }} as rates
    on
        orders.site_id = rates.site_id
        and booked_work_units.work_unit_id is not distinct from rates.work_unit_id
        and booked.moment_at = rates.moment_at
        and booked.cost_category_id = rates.cost_category_id
        and booked.driver = case rates.kind when 'setup' then 'setup_time' when 'run' then 'run_time' end
