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

union all

{#- Sharing its cents must not hide another amount: each line of the variance is rounded by half a cent at most. #}
select
    losses.production_order_id,
    losses.operation_id,
    losses.amount - losses.exact_amount as amount
from (
    select
        production_order_id,
        operation_id,
        sum(amount) as amount,
        sum(exact_amount) as exact_amount
    from {{ ref('loss_cost') }}
    group by production_order_id, operation_id
) as losses
inner join (
    select
        production_order_id,
        operation_id,
        count(*) as lines
    from {{ ref('int_order_cost_line') }}
    where is_machine_time
    group by production_order_id, operation_id
) as variances
    on
        losses.production_order_id = variances.production_order_id
        and losses.operation_id = variances.operation_id
semi join {{ ref('int_changed_order') }} as changed
    on losses.production_order_id = changed.production_order_id
where abs(losses.amount - losses.exact_amount) > 0.006 * variances.lines
