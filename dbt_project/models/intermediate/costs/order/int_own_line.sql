{#- The cost card of each order that names another bill of material or route than its item's card has. One on which
    nothing stands is a row without a driver: its order is not made by the item's. -#}
{{ config(incremental_strategy='changed_orders') }}
with

orders as (

    select *
    from {{ of_changed_orders('int_order_costing') }}

),

{{ own_cards() }}

select
    production_order_id,
    operation_id,
    cost_group_id,
    driver,
    line_id,
    is_overhead,
    try_cast(variable_quantity as decimal(24, 9)) as variable_quantity,
    try_cast(constant_quantity as decimal(24, 9)) as constant_quantity,
    try_cast(unit_price as decimal(24, 9)) as unit_price
from own_lines

union all by name

select own_orders.production_order_id
from own_orders
anti join own_lines
    on own_orders.production_order_id = own_lines.production_order_id
