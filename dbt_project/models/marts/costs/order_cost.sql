{#- What an order should cost and what it cost. -#}
with

lines as (

    select *
    from {{ ref('int_order_cost_line') }}

),

estimates as (

    {#- As planned: the whole order by its cost card. #}
    select
        orders.production_order_id,
        card.operation_id,
        card.cost_group_id,
        card.driver,
        card.line_id,
        card.is_overhead,
        {{ bom_quantity('card.variable_quantity * orders.order_quantity') }} + card.constant_quantity as quantity,
        {{ amount_of(
            bom_quantity('card.variable_quantity * orders.order_quantity') ~ ' + card.constant_quantity',
            'card.unit_price',
            'card.driver'
        ) }} as amount
    from {{ ref('int_order_costing') }} as orders
    inner join {{ ref('int_standard_line') }} as card
        on
            orders.cost_version_id = card.cost_version_id
            and orders.item_id = card.item_id

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

)

select
    bases.production_order_id,
    bases.operation_id,
    bases.cost_group_id,
    bases.basis,
    {#- Hours, or pieces or units of one material; of several there is no common quantity. #}
    case
        when bool_and(bases.driver in ('setup_time', 'run_time'))
            then {{ money_divide(["sum(bases.quantity)"], ['3600'], 6) }}
        when count(distinct bases.line_id) = 1 then cast(sum(bases.quantity) as decimal(28, 6))
    end as quantity,
    case
        when bool_and(bases.driver in ('setup_time', 'run_time')) then 'h'
        when count(distinct bases.line_id) = 1 then coalesce(any_value(items.unit), 'pcs')
    end as unit,
    {{ cents('sum(bases.amount)') }} as amount,
    orders.currency,
    periods.period_id,
    orders.is_final
from bases
inner join {{ ref('int_order_costing') }} as orders
    on bases.production_order_id = orders.production_order_id
left join {{ ref('int_period') }} as periods
    on
        orders.ended_at >= periods.starts_at
        and orders.ended_at < periods.ends_at
left join {{ ref('stg_item') }} as items
    on
        bases.line_id = items.item_id
        and bases.driver = 'material'
group by
    bases.production_order_id,
    bases.operation_id,
    bases.cost_group_id,
    bases.basis,
    orders.currency,
    periods.period_id,
    orders.is_final
