{#- What people spent on quality in hours, and what these cost: booked to prevent and to examine, and operations of a
    route that examine. Per operation, production date and category. -#}
{{ config(incremental_strategy='changed_orders') }}
with

sites as (

    select
        site_id,
        any_value(time_zone) as time_zone
    from {{ ref('stg_equipment') }}
    where level = 'site'
    group by site_id

),

operation_times as (

    select
        production_order_id,
        operation_id,
        min(work_unit_id) as work_unit_id
    from {{ of_changed_orders('int_operation_time') }}
    group by production_order_id, operation_id

),

reported_places as (

    {#- Where an operation is done of which no time is known yet. #}
    select
        production_order_id,
        operation_id,
        min(work_unit_id) as work_unit_id
    from {{ of_changed_orders('stg_order_operation') }}
    group by production_order_id, operation_id

),

booked as (

    {#- At the rate of the time at the operation's work unit; each hour is a worker's, whatever the crew. #}
    select
        bookings.production_order_id,
        bookings.operation_id,
        orders.site_id,
        orders.item_id,
        orders.currency,
        coalesce(times.work_unit_id, places.work_unit_id) as work_unit_id,
        bookings.quality_cost_category,
        bookings.started_at as done_at,
        bookings.used_s,
        {{ money_divide(['bookings.used_s', 'rates.rate'], ['3600'], 6) }} as amount
    from {{ of_changed_orders('int_booked_time') }} as bookings
    inner join {{ of_changed_orders('int_order_costing') }} as orders
        on bookings.production_order_id = orders.production_order_id
    left join operation_times as times
        on
            bookings.production_order_id = times.production_order_id
            and bookings.operation_id = times.operation_id
    left join reported_places as places
        on
            bookings.production_order_id = places.production_order_id
            and bookings.operation_id = places.operation_id
    asof left join {{ ref('int_cost_moment') }} as moments
        on bookings.started_at >= moments.moment_at
    left join {{ ref('int_actual_rate') }} as rates
        on
            orders.site_id = rates.site_id
            and coalesce(times.work_unit_id, places.work_unit_id) is not distinct from rates.work_unit_id
            and coalesce(moments.moment_at, timestamp '-infinity') = rates.moment_at
            and bookings.cost_category_id = rates.cost_category_id
            and rates.kind = 'run'
    where bookings.quality_cost_category is not null

),

begun as (

    select
        lines.production_order_id,
        lines.operation_id,
        min(lines.posted_at) as done_at
    from {{ of_changed_orders('int_actual_line') }} as lines
    semi join {{ of_changed_orders('int_inspection_operation') }} as inspections
        on
            lines.production_order_id = inspections.production_order_id
            and lines.operation_id = inspections.operation_id
    group by lines.production_order_id, lines.operation_id

),

examined as (

    {#- Hours of people, as what is booked: of what nobody booked those of the operation, of as many as work at it. #}
    select
        production_order_id,
        operation_id,
        coalesce(sum(used_s) filter (where is_booked), sum(used_s)) as used_s
    from (
        select
            production_order_id,
            operation_id,
            used_s,
            true as is_booked
        from {{ of_changed_orders('int_booked_time') }}
        where quality_cost_category is null

        union all

        select
            times.production_order_id,
            times.operation_id,
            times.used_s * coalesce(routes.crew_size, 1) as used_s,
            false as is_booked
        from {{ of_changed_orders('int_operation_time') }} as times
        left join {{ of_changed_orders('int_operation_route') }} as routes
            on
                times.production_order_id = routes.production_order_id
                and times.operation_id is not distinct from routes.operation_id
                and times.work_unit_id is not distinct from routes.work_unit_id
    ) as hours
    semi join {{ of_changed_orders('int_inspection_operation') }} as inspections
        on
            hours.production_order_id = inspections.production_order_id
            and hours.operation_id = inspections.operation_id
    group by production_order_id, operation_id

),

planned as (

    {#- All that an operation cost, to the cent as in order_cost; of the day on which it began. #}
    select
        orders.production_order_id,
        begun.operation_id,
        orders.site_id,
        orders.item_id,
        orders.currency,
        times.work_unit_id,
        'appraisal' as quality_cost_category,
        begun.done_at,
        examined.used_s,
        costs.amount
    from begun
    inner join {{ of_changed_orders('int_order_costing') }} as orders
        on begun.production_order_id = orders.production_order_id
    left join operation_times as times
        on
            begun.production_order_id = times.production_order_id
            and begun.operation_id = times.operation_id
    left join examined
        on
            begun.production_order_id = examined.production_order_id
            and begun.operation_id = examined.operation_id
    inner join (
        select
            production_order_id,
            operation_id,
            sum(amount) as amount
        from {{ of_changed_orders('order_cost') }}
        where basis = 'actual'
        group by production_order_id, operation_id
    ) as costs
        on
            begun.production_order_id = costs.production_order_id
            and begun.operation_id = costs.operation_id

)

select
    works.production_order_id,
    works.operation_id,
    works.site_id,
    works.item_id,
    works.work_unit_id,
    cast(timezone(sites.time_zone, timezone('UTC', works.done_at)) as date) as production_date,
    works.quality_cost_category,
    coalesce(sum(works.used_s), 0) as used_s,
    {#- What has no rate is not known, and no sum says less than it is. #}
    case when bool_and(works.amount is not null) then sum(works.amount) end as amount,
    works.currency
from (
    select * from booked
    union all
    select * from planned
) as works
left join sites
    on works.site_id = sites.site_id
group by all
