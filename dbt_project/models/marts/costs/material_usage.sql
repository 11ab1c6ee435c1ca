{#- How much of each material an order used, by each of the ways in which that is known: by what was issued to it, by
    what machines measured, and by what its pieces should have needed; and which of them its cost is of. -#}
{{ config(materialized='view') }}
with

issued as (

    select
        production_order_id,
        item_id,
        sum({{ moved_quantity('movements') }}) as issued_quantity
    from {{ ref('stg_material_movement') }} as movements
    where not is_output
    group by production_order_id, item_id

),

measured as (

    select
        production_order_id,
        item_id,
        sum(quantity) as measured_quantity
    from {{ ref('int_measured_material') }}
    group by production_order_id, item_id

),

planned_lines as (

    {{ planned_lines() }}

),

planned as (

    {#- What is on the bill is planned, also before there is a piece that needs it. #}
    select
        planned_lines.production_order_id,
        planned_lines.line_id as item_id,
        true as is_planned,
        case
            when count(pieces.production_order_id) = 0 then 0
            else
                sum({{
                    quantity_of_pieces('planned_lines.variable_quantity', 'planned_lines.constant_quantity', 'pieces')
                }})
        end as planned_quantity
    from planned_lines
    left join {{ ref('int_operation_progress') }} as pieces
        on
            planned_lines.production_order_id = pieces.production_order_id
            and planned_lines.operation_id is not distinct from pieces.operation_id
    where
        planned_lines.driver = 'material'
        and not planned_lines.is_overhead
    group by planned_lines.production_order_id, planned_lines.line_id

),

used as (

    select
        production_order_id,
        item_id,
        max(quantity_source) as quantity_source,
        sum(quantity) as used_quantity,
        sum(amount) as amount
    from {{ ref('int_used_material') }}
    group by production_order_id, item_id

),

told as (

    select * from issued
    union all by name
    select * from measured
    union all by name
    select * from planned
    union all by name
    select * from used

),

summed as (

    select
        told.production_order_id,
        told.item_id,
        try_cast(sum(told.planned_quantity) as decimal(18, 6)) as planned_quantity,
        try_cast(sum(told.issued_quantity) as decimal(18, 6)) as issued_quantity,
        try_cast(sum(told.measured_quantity) as decimal(18, 6)) as measured_quantity,
        try_cast(coalesce(sum(told.used_quantity), 0) as decimal(18, 6)) as used_quantity,
        max(told.quantity_source) as quantity_source,
        bool_or(coalesce(told.is_planned, false)) as is_planned,
        {{ cents('coalesce(sum(told.amount), 0)') }} as amount,
        orders.currency
    from told
    inner join {{ ref('int_order_costing') }} as orders
        on told.production_order_id = orders.production_order_id
    group by told.production_order_id, told.item_id, orders.currency

)

select
    production_order_id,
    item_id,
    is_planned,
    planned_quantity,
    issued_quantity,
    measured_quantity,
    used_quantity,
    try_cast(
        {{ money_divide(['used_quantity - planned_quantity'], ['planned_quantity'], 6) }} as decimal(18, 6)
    ) as excess_ratio,
    quantity_source,
    amount,
    currency
from summed
