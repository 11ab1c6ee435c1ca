{#- Material that each costed order used, as lines of its cost card: what was issued to it, and what machines measured
    of items of which nothing was; of what is neither, in an order to which nothing was issued, what its good pieces
    should have needed by the bill by which it is made, posted with them. What is not on the card is a substitute for
    the item that it replaces. What machines measured is where they did, what was issued of the shift in which its
    operation was worked on last. -#}
{{ config(incremental_strategy='changed_orders') }}
with

card as (

    select
        orders.production_order_id,
        lines.operation_id,
        lines.cost_group_id,
        lines.line_id as item_id
    from {{ of_changed_orders('int_order_costing') }} as orders
    inner join {{ ref('int_standard_line') }} as lines
        on
            orders.cost_version_id = lines.cost_version_id
            and orders.item_id = lines.item_id
            and lines.driver = 'material'
            and not lines.is_overhead

),

standard_prices as (

    select
        cost_version_id,
        item_id,
        sum(unit_cost) as unit_price
    from {{ ref('int_unit_cost_part') }}
    group by cost_version_id, item_id

),

issues as (

    select
        movements.movement_id,
        movements.production_order_id,
        movements.operation_id,
        movements.item_id,
        movements.replaces_item_id,
        movements.moved_at,
        'issued' as quantity_source,
        orders.cost_version_id,
        {{ moved_quantity('movements') }} as quantity,
        {{ in_order_currency('movements.unit_price', 'movements.currency', 'movements.moved_at') }} as unit_price
    from {{ of_changed_orders('stg_material_movement') }} as movements
    inner join {{ of_changed_orders('int_order_costing') }} as orders
        on movements.production_order_id = orders.production_order_id
    {{ dated_exchange_rates('movements.currency', 'movements.moved_at') }}
    where not movements.is_output

),

issued_items as (

    select distinct
        production_order_id,
        unnest([item_id, replaces_item_id]) as item_id
    from issues

),

measures as (

    select
        concat_ws(
            '|', measured.production_order_id, measured.operation_id, measured.work_unit_id, measured.item_id,
            measured.measured_at
        ) as movement_id,
        measured.production_order_id,
        measured.operation_id,
        measured.item_id,
        measured.measured_at as moved_at,
        measured.work_unit_id,
        measured.production_date,
        measured.shift_id,
        'measured' as quantity_source,
        orders.cost_version_id,
        measured.quantity
    from {{ of_changed_orders('int_measured_material') }} as measured
    inner join {{ of_changed_orders('int_order_costing') }} as orders
        on measured.production_order_id = orders.production_order_id
    anti join issued_items
        on
            measured.production_order_id = issued_items.production_order_id
            and measured.item_id = issued_items.item_id

),

movements as (

    select * from issues
    union all by name
    select * from measures

),

placed as (

    {#- Each movement on one line of the card: its own operation's before another's. #}
    select
        movements.*,
        card.operation_id as card_operation_id,
        card.cost_group_id,
        card.item_id is not null as is_on_card
    from movements
    left join card
        on
            movements.production_order_id = card.production_order_id
            and movements.item_id = card.item_id
    qualify
        row_number() over (
            partition by movements.movement_id
            order by card.operation_id is not distinct from movements.operation_id desc, card.operation_id asc
        ) = 1

),

replaced as (

    select
        placed.movement_id,
        card.operation_id,
        card.cost_group_id,
        card.item_id
    from placed
    inner join card
        on
            placed.production_order_id = card.production_order_id
            and placed.replaces_item_id = card.item_id
            and not placed.is_on_card
    qualify
        row_number() over (
            partition by placed.movement_id
            order by card.operation_id is not distinct from placed.operation_id desc, card.operation_id asc
        ) = 1

),

issued as (

    select
        placed.production_order_id,
        case
            when placed.is_on_card then placed.card_operation_id
            when replaced.movement_id is not null then replaced.operation_id
            else placed.operation_id
        end as operation_id,
        coalesce(placed.cost_group_id, items.cost_group_id, 'material') as cost_group_id,
        placed.item_id,
        replaced.item_id as replaced_item_id,
        replaced.cost_group_id as replaced_cost_group_id,
        placed.quantity_source,
        placed.moved_at as posted_at,
        placed.work_unit_id,
        placed.production_date,
        placed.shift_id,
        placed.quantity,
        {#- An item that has a standard cost is issued at it: what it was bought for differed at its receipt. #}
        case
            when '{{ var("material_price_variance") }}' = 'at_use'
                then coalesce(placed.unit_price, standard_prices.unit_price)
            else coalesce(standard_prices.unit_price, placed.unit_price)
        end as unit_price
    from placed
    left join replaced
        on placed.movement_id = replaced.movement_id
    left join standard_prices
        on
            placed.cost_version_id = standard_prices.cost_version_id
            and placed.item_id = standard_prices.item_id
    left join {{ ref('stg_item') }} as items
        on placed.item_id = items.item_id

),

planned as (

    {{ planned_lines() }}

),

flushed as (

    select
        planned.production_order_id,
        planned.operation_id,
        planned.cost_group_id,
        planned.line_id as item_id,
        null as replaced_item_id,
        null as replaced_cost_group_id,
        'backflushed' as quantity_source,
        pieces.posted_at,
        {{ quantity_of_pieces('planned.variable_quantity', 'planned.constant_quantity', 'pieces') }} as quantity,
        planned.unit_price
    from planned
    inner join {{ of_changed_orders('int_operation_progress') }} as pieces
        on
            planned.production_order_id = pieces.production_order_id
            and planned.operation_id is not distinct from pieces.operation_id
            and pieces.earlier_quantity <> pieces.quantity
    anti join issues
        on planned.production_order_id = issues.production_order_id
    anti join measures
        on
            planned.production_order_id = measures.production_order_id
            and planned.line_id = measures.item_id
    where
        planned.driver = 'material'
        and not planned.is_overhead
        and (planned.variable_quantity <> 0 or 0 in (pieces.earlier_quantity, pieces.quantity))

),

shifts_in_turn as (

    {{ shifts_in_turn() }}

),

used as (

    select
        issued.* replace (
            coalesce(issued.production_date, shifts.production_date) as production_date,
            case when issued.production_date is null then shifts.shift_id else issued.shift_id end as shift_id
        )
    from issued
    asof left join shifts_in_turn as shifts
        on
            issued.production_order_id = shifts.production_order_id
            and issued.operation_id = shifts.operation_id
            and issued.posted_at >= shifts.began_at

    union all by name

    select * from flushed

)

select
    used.production_order_id,
    used.operation_id,
    used.cost_group_id,
    used.item_id,
    used.replaced_item_id,
    used.replaced_cost_group_id,
    used.quantity_source,
    used.work_unit_id,
    used.production_date,
    used.shift_id,
    coalesce(moments.moment_at, timestamp '-infinity') as moment_at,
    min(used.posted_at) as posted_at,
    try_cast(sum(used.quantity) as decimal(24, 9)) as quantity,
    try_cast(coalesce(sum(try_cast(used.quantity * used.unit_price as decimal(28, 6))), 0) as decimal(28, 6)) as amount
from used
asof left join {{ ref('int_cost_moment') }} as moments
    on used.posted_at >= moments.moment_at
group by all
