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
    production_order_id,
    operation_id,
    sum(amount) as amount
from amounts
group by production_order_id, operation_id
having sum(amount) <> 0
