{#- What each product of an order that makes several bears of its cost, by what was delivered of each and what a unit
    bears by the standard. The products share each amount by largest remainder, so they add up to order_cost. -#}
{{ config(incremental_strategy='changed_orders') }}
with

orders as (

    select * from {{ of_changed_orders('int_order_costing') }}

),

outputs as (

    {{ told_outputs() }}

),

products as (

    select
        orders.production_order_id,
        products.product_item_id,
        products.product_type,
        products.unit_share,
        {#- Of a running order nobody knows yet what it will deliver beside. #}
        case
            when products.product_type = 'main' then quantities.good_quantity
            when outputs.quantity is not null and orders.is_final then greatest(outputs.quantity, 0)
            else {{ bom_quantity('quantities.good_quantity * products.quantity_per') }}
        end as quantity
    from orders
    inner join {{ ref('int_joint_product') }} as products
        on
            orders.cost_version_id = products.cost_version_id
            and orders.item_id = products.item_id
            and products.product_type <> 'by_product'
    inner join {{ of_changed_orders('int_operation_quantity') }} as quantities
        on
            orders.production_order_id = quantities.production_order_id
            and quantities.operation_id is null
    left join outputs
        on
            orders.production_order_id = outputs.production_order_id
            and products.product_item_id = outputs.item_id

),

weighed as (

    select
        *,
        {{ bom_quantity('unit_share * quantity') }} as weight,
        {{ bom_quantity('sum(unit_share * quantity) over (partition by production_order_id)') }} as order_weight
    from products

),

shares as (

    {#- An order that delivered nothing was for its item. #}
    select
        production_order_id,
        product_item_id,
        product_type,
        quantity,
        case
            when order_weight <> 0 then {{ money_divide(['weight'], ['order_weight'], 9) }}
            when product_type = 'main' then 1
            else 0
        end as share
    from weighed

),

costs as (

    select
        production_order_id,
        cost_group_id,
        basis,
        sum(amount) as amount
    from {{ of_changed_orders('order_cost') }}
    where basis in ('absorbed', 'actual')
    group by production_order_id, cost_group_id, basis

),

shared as (

    select
        shares.*,
        costs.cost_group_id,
        costs.basis,
        costs.amount,
        costs.amount * 100 * shares.share as exact_cents
    from shares
    inner join costs
        on shares.production_order_id = costs.production_order_id

),

ranked as (

    select
        *,
        cast(floor(exact_cents) as bigint) as whole_cents,
        count(*) over products_of_amount as products_count,
        cast(amount * 100 as bigint) - sum(cast(floor(exact_cents) as bigint)) over products_of_amount as cents_left,
        row_number() over (
            partition by production_order_id, cost_group_id, basis
            order by exact_cents - floor(exact_cents) desc, product_item_id asc
        ) as place
    from shared
    window products_of_amount as (partition by production_order_id, cost_group_id, basis)

),

amounts as (

    select
        production_order_id,
        product_item_id,
        product_type,
        quantity,
        cost_group_id,
        sum(case basis when 'absorbed' then amount else 0 end) as absorbed_amount,
        sum(case basis when 'actual' then amount else 0 end) as actual_amount
    from (
        select
            * exclude (amount),
            {{ shared_cents('whole_cents', 'cents_left', 'products_count', 'place') }} as amount
        from ranked
    ) as shared_amounts
    group by production_order_id, product_item_id, product_type, quantity, cost_group_id

)

select
    amounts.production_order_id,
    amounts.product_item_id as item_id,
    amounts.product_type,
    amounts.cost_group_id,
    try_cast(amounts.quantity as decimal(18, 6)) as quantity,
    {{ cents('amounts.absorbed_amount') }} as absorbed_amount,
    {{ cents('amounts.actual_amount') }} as actual_amount,
    {{ cents('amounts.actual_amount - amounts.absorbed_amount') }} as variance_amount,
    orders.currency,
    periods.period_id,
    orders.is_final
from amounts
inner join orders
    on amounts.production_order_id = orders.production_order_id
asof left join {{ ref('int_dated_period') }} as periods
    on orders.ended_at >= periods.starts_at
