{#- What the losses of an operation cost is the quantity variance of its machine time, to the cent (domain.md 2.5.7). #}
with

amounts as (

    select
        production_order_id,
        operation_id,
        amount
    from {{ ref('loss_cost') }}

    union all

    select
        production_order_id,
        operation_id,
        -amount as amount
    from {{ ref('order_variance') }}
    where is_machine_time

)

select
    amounts.production_order_id,
    amounts.operation_id,
    sum(amounts.amount) as amount
from amounts
semi join {{ ref('int_changed_order') }} as changed
    on amounts.production_order_id = changed.production_order_id
group by amounts.production_order_id, amounts.operation_id
having sum(amounts.amount) <> 0
