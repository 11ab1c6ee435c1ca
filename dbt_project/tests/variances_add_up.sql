{#- The variances of an order are its actual less its absorbed cost, to the cent, in each operation and cost group; so
    are those of its products, and those of its shifts, together. What this run did not cost anew was looked at when it was. #}
with

differences as (

    select
        production_order_id,
        operation_id,
        cost_group_id,
        sum(case basis when 'actual' then amount when 'absorbed' then -amount else 0 end) as amount
    from {{ ref('order_cost') }}
    group by production_order_id, operation_id, cost_group_id

    union all

    select
        production_order_id,
        operation_id,
        cost_group_id,
        -sum(amount) as amount
    from {{ ref('order_variance') }}
    group by production_order_id, operation_id, cost_group_id

)

select
    differences.production_order_id,
    differences.operation_id,
    differences.cost_group_id,
    sum(differences.amount) as amount
from differences
semi join {{ ref('int_changed_order') }} as changed
    on differences.production_order_id = changed.production_order_id
group by differences.production_order_id, differences.operation_id, differences.cost_group_id
having sum(differences.amount) <> 0

union all

{#- What rounding leaves is cents, and what the unit costs of the card were rounded by. #}
select
    variances.production_order_id,
    variances.operation_id,
    variances.cost_group_id,
    variances.amount
from {{ ref('order_variance') }} as variances
inner join {{ ref('int_operation_quantity') }} as quantities
    on
        variances.production_order_id = quantities.production_order_id
        and quantities.operation_id is null
semi join {{ ref('int_changed_order') }} as changed
    on variances.production_order_id = changed.production_order_id
where
    variances.variance_type = 'rounding'
    and abs(variances.amount) > 0.1 + 0.00001 * quantities.basis_quantity

union all

select
    products.production_order_id,
    null as operation_id,
    products.cost_group_id,
    products.amount - costs.amount as amount
from (
    select
        production_order_id,
        cost_group_id,
        sum(variance_amount) as amount
    from {{ ref('order_product_cost') }}
    group by production_order_id, cost_group_id
) as products
inner join (
    select
        production_order_id,
        cost_group_id,
        sum(amount) as amount
    from {{ ref('order_variance') }}
    group by production_order_id, cost_group_id
) as costs
    on
        products.production_order_id = costs.production_order_id
        and products.cost_group_id = costs.cost_group_id
semi join {{ ref('int_changed_order') }} as changed
    on products.production_order_id = changed.production_order_id
where products.amount <> costs.amount

union all

select
    shifts.production_order_id,
    shifts.operation_id,
    shifts.cost_group_id,
    sum(shifts.amount) as amount
from (
    select
        production_order_id,
        operation_id,
        cost_group_id,
        detail_type,
        is_machine_time,
        amount
    from {{ ref('order_variance_shift') }}

    union all

    select
        production_order_id,
        operation_id,
        cost_group_id,
        detail_type,
        is_machine_time,
        -amount as amount
    from {{ ref('order_variance') }}
) as shifts
semi join {{ ref('int_changed_order') }} as changed
    on shifts.production_order_id = changed.production_order_id
group by
    shifts.production_order_id, shifts.operation_id, shifts.cost_group_id, shifts.detail_type, shifts.is_machine_time
having sum(shifts.amount) <> 0
