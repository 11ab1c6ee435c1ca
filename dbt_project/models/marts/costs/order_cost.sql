{#- What an order should cost and what it cost. -#}
{{ config(incremental_strategy='changed_orders') }}
with

lines as (

    select *
    from {{ of_changed_orders('int_order_cost_line') }}

),

orders as (

    select *
    from {{ of_changed_orders('int_order_costing') }}

),

planned_lines as (

    {{ planned_lines() }}

),

estimates as (

    {#- As planned: the whole order by its cost card, its own where it is made by another recipe than the item's. #}
    select
        planned_lines.production_order_id,
        planned_lines.operation_id,
        planned_lines.cost_group_id,
        planned_lines.driver,
        planned_lines.line_id,
        planned_lines.is_overhead,
        {{ bom_quantity('planned_lines.variable_quantity * orders.order_quantity') }} + planned_lines.constant_quantity
            as quantity,
        {{ amount_of(
            bom_quantity('planned_lines.variable_quantity * orders.order_quantity')
            ~ ' + planned_lines.constant_quantity',
            'planned_lines.unit_price',
            'planned_lines.driver'
        ) }} as amount
    from planned_lines
    inner join orders
        on planned_lines.production_order_id = orders.production_order_id

),

bases as (

    {% for basis, quantity, amount in [
        ('standard', 'allowed_quantity', 'allowed_amount'),
        ('absorbed', 'allowed_quantity', 'absorbed_amount'),
        ('actual', 'used_quantity', 'actual_amount')
    ] -%}
    select
        production_order_id,
        operation_id,
        cost_group_id,
        driver,
        line_id,
        is_overhead,
        '{{ basis }}' as basis,
        {{ quantity }} as quantity,
        {{ amount }} as amount
    from lines

    union all
    {% endfor %}
    select
        production_order_id,
        operation_id,
        cost_group_id,
        driver,
        line_id,
        is_overhead,
        'estimate' as basis,
        quantity,
        amount
    from estimates

),

sums as (

    {#- Of several things there is no common quantity. #}
    select
        production_order_id,
        operation_id,
        cost_group_id,
        basis,
        any_value(driver) as driver,
        any_value(line_id) as line_id,
        count(distinct line_id) = 1 as is_of_one,
        bool_and(driver in ('setup_time', 'run_time')) as is_time,
        sum(quantity) as quantity,
        sum(amount) as amount
    from bases
    group by production_order_id, operation_id, cost_group_id, basis

)

select
    sums.production_order_id,
    sums.operation_id,
    sums.cost_group_id,
    sums.basis,
    case
        when sums.is_of_one and sums.is_time then {{ money_divide(['sums.quantity'], ['3600'], 6) }}
        when sums.is_of_one then try_cast(sums.quantity as decimal(28, 6))
    end as quantity,
    case
        when sums.is_of_one and sums.is_time then 'h'
        when sums.is_of_one then coalesce(items.unit, 'pcs')
    end as unit,
    {{ cents('sums.amount') }} as amount,
    orders.currency,
    periods.period_id,
    orders.is_final
from sums
inner join orders
    on sums.production_order_id = orders.production_order_id
asof left join {{ ref('int_dated_period') }} as periods
    on orders.ended_at >= periods.starts_at
left join {{ ref('stg_item') }} as items
    on
        case when sums.driver = 'material' then sums.line_id end = items.item_id
