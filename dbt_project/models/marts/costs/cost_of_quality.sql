{#- What quality costs, and what the lack of it (prevention, appraisal, failure): hours booked to prevent and to
    examine, operations of a route that examine, bad pieces found here, pieces that customers sent back. -#}
{{ config(materialized='view') }}
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
    from {{ ref('int_operation_time') }}
    group by production_order_id, operation_id

),

reported_places as (

    {#- Where an operation is done of which no time is known yet. #}
    select
        production_order_id,
        operation_id,
        min(work_unit_id) as work_unit_id
    from {{ ref('stg_order_operation') }}
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
    from {{ ref('int_booked_time') }} as bookings
    inner join {{ ref('int_order_costing') }} as orders
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
    from {{ ref('int_actual_line') }} as lines
    semi join {{ ref('int_inspection_operation') }} as inspections
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
        from {{ ref('int_booked_time') }}
        where quality_cost_category is null

        union all

        select
            times.production_order_id,
            times.operation_id,
            times.used_s * coalesce(routes.crew_size, 1) as used_s,
            false as is_booked
        from {{ ref('int_operation_time') }} as times
        left join {{ ref('int_operation_route') }} as routes
            on
                times.production_order_id = routes.production_order_id
                and times.operation_id is not distinct from routes.operation_id
                and times.work_unit_id is not distinct from routes.work_unit_id
    ) as hours
    semi join {{ ref('int_inspection_operation') }} as inspections
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
    inner join {{ ref('int_order_costing') }} as orders
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
        from {{ ref('order_cost') }}
        where basis = 'actual'
        group by production_order_id, operation_id
    ) as costs
        on
            begun.production_order_id = costs.production_order_id
            and begun.operation_id = costs.operation_id

),

hours as (

    select
        works.production_order_id,
        works.operation_id,
        works.site_id,
        works.item_id,
        works.work_unit_id,
        cast(timezone(sites.time_zone, timezone('UTC', works.done_at)) as date) as production_date,
        works.quality_cost_category,
        case works.quality_cost_category when 'appraisal' then 'inspection' else 'prevention' end as result,
        cast(null as varchar) as reason_id,
        coalesce(sum(works.used_s), 0) as used_s,
        'h' as unit,
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

),

sent_back as (

    select
        returns.*,
        {#- Of the version that its order is costed by, else of that which the site had then. #}
        coalesce(costed.cost_version_id, site_costings.cost_version_id) as cost_version_id,
        coalesce(costed.currency, site_costings.currency) as version_currency
    from {{ ref('stg_customer_return') }} as returns
    left join {{ ref('int_order_costing') }} as costed
        on returns.production_order_id = costed.production_order_id
    left join {{ ref('int_site_costing') }} as site_costings
        on
            returns.site_id = site_costings.site_id
            and returns.returned_at >= site_costings.began_at
            and returns.returned_at < site_costings.ended_at
    where returns.returned_at <= (select max(evaluated_at) from {{ ref('int_run') }})

),

standard_costs as (

    select
        cost_version_id,
        item_id,
        sum(unit_cost) as unit_cost
    from {{ ref('int_unit_cost_part') }}
    group by cost_version_id, item_id

),

returned as (

    select
        returns.*,
        orders.currency as order_currency,
        try_cast(try(returns.quantity * standard_costs.unit_cost) as decimal(28, 6))
        + coalesce(
            {{ in_order_currency('returns.amount', 'returns.currency', 'returns.returned_at') }},
            case when returns.amount is null then 0 end
        ) as cost_amount
    from sent_back as returns
    inner join (
        {#- Where no costing version holds, what is stated is all that is known. #}
        select
            return_id,
            coalesce(version_currency, currency) as currency
        from sent_back
    ) as orders
        on returns.return_id = orders.return_id
    left join standard_costs
        on
            returns.cost_version_id = standard_costs.cost_version_id
            and returns.item_id = standard_costs.item_id
    {{ dated_exchange_rates('returns.currency', 'returns.returned_at') }}
),

pieces as (

    select
        production_order_id,
        operation_id,
        site_id,
        item_id,
        work_unit_id,
        production_date,
        'internal_failure' as quality_cost_category,
        result,
        reason_id,
        quantity,
        amount,
        currency
    from {{ ref('int_internal_failure') }}

    union all

    select
        returned.production_order_id,
        null as operation_id,
        returned.site_id,
        returned.item_id,
        null as work_unit_id,
        cast(timezone(sites.time_zone, timezone('UTC', returned.returned_at)) as date) as production_date,
        'external_failure' as quality_cost_category,
        'return' as result,
        returned.reason_id,
        sum(returned.quantity) as quantity,
        case when bool_and(returned.cost_amount is not null) then sum(returned.cost_amount) end as amount,
        returned.order_currency as currency
    from returned
    left join sites
        on returned.site_id = sites.site_id
    group by all

),

costs as (

    select
        * exclude (used_s),
        {{ money_divide(['used_s'], ['3600'], 6) }} as quantity
    from hours

    union all by name

    select
        pieces.*,
        coalesce(items.unit, 'pcs') as unit
    from pieces
    left join {{ ref('stg_item') }} as items
        on pieces.item_id = items.item_id

)

select
    production_order_id,
    operation_id,
    site_id,
    item_id,
    work_unit_id,
    production_date,
    quality_cost_category,
    result,
    reason_id,
    try_cast(quantity as decimal(18, 6)) as quantity,
    unit,
    {{ cents('amount') }} as amount,
    currency
from costs
