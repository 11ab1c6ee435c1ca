{#- What each order really used, as lines of its cost card, at the prices of the time at which it did: the finest of
    what its actual cost is made of. Amounts are not rounded to cents. -#}
{{ config(incremental_strategy='changed_orders') }}
with

orders as (

    select
        orders.*,
        items.item_group_id
    from {{ of_changed_orders('int_order_costing') }} as orders
    left join {{ ref('stg_item') }} as items
        on orders.item_id = items.item_id

),

times as (

    select
        production_order_id,
        operation_id,
        cost_category_id as cost_group_id,
        driver,
        cost_category_id as line_id,
        time_source as source,
        moment_at,
        min(posted_at) as posted_at,
        sum(used_s) as quantity,
        sum({{ amount_of('used_s', 'rate', 'driver') }}) as amount
    from {{ of_changed_orders('int_charged_time') }}
    group by production_order_id, operation_id, cost_category_id, driver, time_source, moment_at

),

receipts as (

    select
        receipts.production_order_id,
        receipts.operation_id,
        'subcontract' as cost_group_id,
        'subcontract' as driver,
        'subcontract' as line_id,
        'received' as source,
        coalesce(moments.moment_at, timestamp '-infinity') as moment_at,
        receipts.received_at as posted_at,
        receipts.quantity,
        {#- What has no price yet is owed at the standard. #}
        cast(
            receipts.quantity
            * coalesce(
                {{ in_order_currency('receipts.unit_price', 'receipts.currency', 'receipts.received_at') }},
                card.unit_price
            ) as decimal(28, 6)
        ) as amount
    from {{ of_changed_orders('stg_subcontract_receipt') }} as receipts
    inner join orders
        on receipts.production_order_id = orders.production_order_id
    left join {{ ref('int_standard_line') }} as card
        on
            orders.cost_version_id = card.cost_version_id
            and orders.item_id = card.item_id
            and receipts.operation_id = card.operation_id
            and card.driver = 'subcontract'
            and not card.is_overhead
    {{ dated_exchange_rates('receipts.currency', 'receipts.received_at') }}
    asof left join {{ ref('int_cost_moment') }} as moments
        on receipts.received_at >= moments.moment_at

),

planned as (

    {{ planned_lines() }}

),

by_the_piece as (

    {#- What a vendor has not billed is owed at its standard; own piece rates are those of the time. #}
    select
        orders.production_order_id,
        lines.operation_id,
        lines.cost_group_id,
        lines.driver,
        lines.line_id,
        case when lines.driver = 'subcontract' then 'accrued' else quantities.quantity_source end as source,
        pieces.moment_at,
        pieces.posted_at,
        pieces.paid_quantity as quantity,
        cast(
            pieces.paid_quantity
            * coalesce({{ crew_rate('rates.rate', 'rates.cost_category_id', 'crews.crew_size') }}, lines.unit_price)
            as decimal(28, 6)
        ) as amount
    from orders
    inner join planned as lines
        on
            orders.production_order_id = lines.production_order_id
            and lines.driver in ('piece', 'subcontract')
            and not lines.is_overhead
    inner join {{ of_changed_orders('int_operation_progress') }} as pieces
        on
            orders.production_order_id = pieces.production_order_id
            and lines.operation_id = pieces.operation_id
            and pieces.paid_quantity <> 0
    inner join {{ of_changed_orders('int_operation_quantity') }} as quantities
        on
            orders.production_order_id = quantities.production_order_id
            and lines.operation_id = quantities.operation_id
    left join (
        select
            production_order_id,
            operation_id,
            min(work_unit_id) as work_unit_id
        from {{ of_changed_orders('int_operation_time') }}
        group by production_order_id, operation_id
    ) as places
        on
            orders.production_order_id = places.production_order_id
            and lines.operation_id = places.operation_id
    left join {{ of_changed_orders('int_planned_operation') }} as crews
        on
            orders.production_order_id = crews.production_order_id
            and lines.operation_id = crews.operation_id
    left join {{ ref('int_actual_rate') }} as rates
        on
            orders.site_id = rates.site_id
            and places.work_unit_id is not distinct from rates.work_unit_id
            and pieces.moment_at = rates.moment_at
            and case when lines.driver = 'piece' then lines.line_id end = rates.cost_category_id
            and rates.kind = 'quantity'
    anti join receipts
        on
            orders.production_order_id = receipts.production_order_id
            and case when lines.driver = 'subcontract' then lines.operation_id end = receipts.operation_id

),

materials as (

    select
        production_order_id,
        operation_id,
        cost_group_id,
        'material' as driver,
        item_id as line_id,
        replaced_item_id as replaced_line_id,
        replaced_cost_group_id,
        quantity_source as source,
        moment_at,
        posted_at,
        quantity,
        amount
    from {{ of_changed_orders('int_used_material') }}

),

direct_lines as (

    select * from times
    union all by name
    select * from receipts
    union all by name
    select * from by_the_piece
    union all by name
    select * from materials

),

surcharges as (

    {#- As on the card: what was made here and issued has borne its overheads. #}
    select
        lines.production_order_id,
        lines.operation_id,
        formulas.overhead_id as cost_group_id,
        lines.driver,
        {{ surcharge_line('lines.cost_group_id', 'lines.line_id') }} as line_id,
        case
            when lines.replaced_line_id is not null
                then {{ surcharge_line('lines.replaced_cost_group_id', 'lines.replaced_line_id') }}
        end as replaced_line_id,
        case when lines.replaced_line_id is not null then formulas.overhead_id end as replaced_cost_group_id,
        lines.source,
        lines.moment_at,
        lines.posted_at,
        lines.quantity,
        try_cast(lines.amount * formulas.rate as decimal(28, 6)) as amount
    from direct_lines as lines
    inner join orders
        on lines.production_order_id = orders.production_order_id
    inner join {{ ref('int_actual_overhead') }} as formulas
        on
            orders.site_id = formulas.site_id
            and lines.moment_at = formulas.moment_at
            and formulas.kind = 'surcharge'
            and coalesce(lines.cost_group_id = formulas.base, formulas.base is null)
            and coalesce(orders.item_id = formulas.item_id, formulas.item_id is null)
            and coalesce(lines.driver = formulas.driver, formulas.driver is null)
    anti join {{ ref('int_made_item') }} as made_items
        on
            orders.cost_version_id = made_items.cost_version_id
            and case when lines.driver = 'material' then lines.line_id end = made_items.item_id

),

own_hours as (

    {#- A vendor's hours are not ours. #}
    select
        times.*,
        routes.cost_category_id as route_category_id
    from {{ of_changed_orders('int_operation_time') }} as times
    inner join {{ of_changed_orders('int_operation_route') }} as routes
        on
            times.production_order_id = routes.production_order_id
            and times.operation_id is not distinct from routes.operation_id
            and times.work_unit_id is not distinct from routes.work_unit_id
            and not routes.is_subcontract

),

paid_categories as (

    {#- As on the card any rate of a category brings all hours of the operation, also those without a rate. #}
    select distinct
        site_id,
        work_unit_id,
        moment_at,
        cost_category_id
    from {{ ref('int_actual_rate') }}

),

booked_categories as (

    select distinct
        production_order_id,
        operation_id,
        cost_category_id
    from {{ of_changed_orders('int_booked_time') }}
    where quality_cost_category is null

),

hours as (

    select
        production_order_id,
        operation_id,
        cast(null as varchar) as cost_category_id,
        driver,
        time_source,
        moment_at,
        posted_at,
        used_s
    from own_hours

    union all

    select
        times.production_order_id,
        times.operation_id,
        categories.cost_category_id,
        times.driver,
        times.time_source,
        times.moment_at,
        times.posted_at,
        times.used_s
    from own_hours as times
    inner join orders
        on times.production_order_id = orders.production_order_id
    inner join paid_categories as categories
        on
            orders.site_id = categories.site_id
            and times.work_unit_id is not distinct from categories.work_unit_id
            and times.moment_at = categories.moment_at
            and coalesce(times.route_category_id = categories.cost_category_id, times.route_category_id is null)
    anti join booked_categories
        on
            times.production_order_id = booked_categories.production_order_id
            and times.operation_id = booked_categories.operation_id
            and categories.cost_category_id = booked_categories.cost_category_id

    union all

    select
        times.production_order_id,
        times.operation_id,
        times.cost_category_id,
        times.driver,
        times.time_source,
        times.moment_at,
        times.posted_at,
        times.used_s
    from {{ of_changed_orders('int_charged_time') }} as times
    semi join booked_categories
        on
            times.production_order_id = booked_categories.production_order_id
            and times.operation_id = booked_categories.operation_id
            and times.cost_category_id = booked_categories.cost_category_id

),

hourly as (

    select
        hours.production_order_id,
        hours.operation_id,
        formulas.overhead_id as cost_group_id,
        hours.driver,
        coalesce(formulas.base, '') as line_id,
        hours.time_source as source,
        hours.moment_at,
        min(hours.posted_at) as posted_at,
        sum(hours.used_s) as quantity,
        sum({{ amount_of('hours.used_s', 'formulas.rate', 'hours.driver') }}) as amount
    from hours
    inner join orders
        on hours.production_order_id = orders.production_order_id
    inner join {{ ref('int_actual_overhead') }} as formulas
        on
            orders.site_id = formulas.site_id
            and hours.moment_at = formulas.moment_at
            and formulas.kind = 'per_hour'
            and formulas.base is not distinct from hours.cost_category_id
    group by all

),

per_unit as (

    select
        orders.production_order_id,
        cast(null as varchar) as operation_id,
        formulas.overhead_id as cost_group_id,
        'piece' as driver,
        coalesce(formulas.base, '') as line_id,
        'counted' as source,
        formulas.moment_at,
        pieces.posted_at,
        pieces.quantity - pieces.earlier_quantity as quantity,
        try_cast((pieces.quantity - pieces.earlier_quantity) * formulas.rate as decimal(28, 6)) as amount
    from orders
    inner join {{ of_changed_orders('int_operation_progress') }} as pieces
        on
            orders.production_order_id = pieces.production_order_id
            and pieces.operation_id is null
            and pieces.earlier_quantity <> pieces.quantity
    inner join {{ ref('int_actual_overhead') }} as formulas
        on
            orders.site_id = formulas.site_id
            and pieces.moment_at = formulas.moment_at
            and formulas.kind = 'per_unit'
            and coalesce(orders.item_group_id = formulas.base, formulas.base is null)
            and coalesce(orders.item_id = formulas.item_id, formulas.item_id is null)

),

lines as (

    select
        *,
        false as is_overhead
    from direct_lines

    {% for overheads in ['surcharges', 'hourly', 'per_unit'] -%}
    union all by name

    select
        *,
        true as is_overhead
    from {{ overheads }}
    {% endfor %}
)

select
    lines.production_order_id,
    lines.operation_id,
    lines.cost_group_id,
    lines.driver,
    lines.line_id,
    lines.is_overhead,
    lines.replaced_line_id,
    lines.replaced_cost_group_id,
    lines.source,
    {#- What comes after the end of its order belongs to that; once its period is closed it is an adjustment. #}
    least(lines.posted_at, orders.ended_at) as posted_at,
    try_cast(lines.quantity as decimal(24, 9)) as quantity,
    try_cast(coalesce(lines.amount, 0) as decimal(28, 6)) as amount
from lines
inner join orders
    on lines.production_order_id = orders.production_order_id
