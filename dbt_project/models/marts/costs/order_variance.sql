{#- Why an order cost other than what its pieces carry: actual less absorbed, to the cent. Each variance is rounded
    once; what that leaves is shown as itself. -#}
{{ config(incremental_strategy='changed_orders') }}
with

lines as (

    select *
    from {{ of_changed_orders('int_order_cost_line') }}

),

parts as (

    {{ variance_parts('lines') }}

),

variances as (

    select
        production_order_id,
        operation_id,
        cost_group_id,
        variance_type,
        detail_type,
        is_machine_time,
        {{ cents('sum(amount)') }} as amount
    from parts
    group by all

),

differences as (

    select
        production_order_id,
        operation_id,
        cost_group_id,
        {{ cents('sum(actual_amount)') }} - {{ cents('sum(absorbed_amount)') }} as amount
    from lines
    group by production_order_id, operation_id, cost_group_id

),

explained as (

    select
        production_order_id,
        operation_id,
        cost_group_id,
        sum(amount) as amount
    from variances
    group by production_order_id, operation_id, cost_group_id

),

variances_and_rounding as (

    select * from variances

    union all

    select
        differences.production_order_id,
        differences.operation_id,
        differences.cost_group_id,
        'rounding' as variance_type,
        'rounding' as detail_type,
        false as is_machine_time,
        differences.amount - explained.amount as amount
    from differences
    inner join explained
        on
            differences.production_order_id = explained.production_order_id
            and differences.operation_id is not distinct from explained.operation_id
            and differences.cost_group_id = explained.cost_group_id

)

select
    variances.production_order_id,
    variances.operation_id,
    variances.cost_group_id,
    variances.variance_type,
    variances.detail_type,
    variances.is_machine_time,
    {{ cents('variances.amount') }} as amount,
    orders.currency,
    periods.period_id,
    orders.is_final
from variances_and_rounding as variances
inner join {{ of_changed_orders('int_order_costing') }} as orders
    on variances.production_order_id = orders.production_order_id
asof left join {{ ref('int_dated_period') }} as periods
    on orders.ended_at >= periods.starts_at
where variances.amount <> 0
