{#- What each loss of an order cost: its time at the standard conversion rate of the operation, machine, labour and
    overheads that go by time (domain.md 2.5.7). The losses of an operation are the quantity variance of its machine
    time, to the cent: they share it by largest remainder. Time that workers booked is no machine's loss. -#}
{{ config(incremental_strategy='changed_orders') }}
with

orders as (

    select * from {{ of_changed_orders('int_order_costing') }}

),

hourly_rates as (

    select
        orders.production_order_id,
        card.operation_id,
        card.driver,
        sum(card.unit_price) as rate
    from orders
    inner join {{ ref('int_standard_line') }} as card
        on
            orders.cost_version_id = card.cost_version_id
            and orders.item_id = card.item_id
            and card.driver in ('setup_time', 'run_time')
    semi join {{ of_changed_orders('int_order_cost_line') }} as lines
        on
            orders.production_order_id = lines.production_order_id
            and card.operation_id = lines.operation_id
            and card.cost_group_id = lines.cost_group_id
            and card.driver = lines.driver
            and card.line_id = lines.line_id
            and lines.is_machine_time
    group by orders.production_order_id, card.operation_id, card.driver

),

planned as (

    select distinct
        orders.production_order_id,
        operations.operation_id,
        operations.planned_run_s_per_unit,
        operations.setup_s_per_lot as allowed_setup_s,
        operations.run_s_per_unit as run_s_per_good_unit
    from orders
    inner join {{ ref('int_priced_operation') }} as operations
        on
            orders.cost_version_id = operations.cost_version_id
            and orders.item_id = operations.item_id

),

uses as (

    select
        uses.*,
        planned.planned_run_s_per_unit,
        planned.run_s_per_good_unit
    from {{ of_changed_orders('int_charged_use') }} as uses
    inner join planned
        on
            uses.production_order_id = planned.production_order_id
            and uses.operation_id = planned.operation_id

),

operations_used as (

    {#- With where what concerns the whole operation is shown. #}
    select
        uses.production_order_id,
        uses.operation_id,
        places.work_unit_id,
        places.production_date,
        places.shift_id,
        sum(uses.used_s) filter (where uses.category = 'setup') as setup_s,
        sum(uses.good_quantity) as counted_quantity
    from uses
    inner join {{ of_changed_orders('int_order_place') }} as places
        on
            uses.production_order_id = places.production_order_id
            and uses.operation_id = places.operation_id
            and places.spread_by = 'lot'
    group by
        uses.production_order_id, uses.operation_id, places.work_unit_id, places.production_date, places.shift_id

),

losses as (

    select
        production_order_id,
        operation_id,
        work_unit_id,
        production_date,
        shift_id,
        'run_time' as driver,
        case when category = 'unknown' then 'uncovered' else loss_category end as loss_category,
        case
            when category = 'unknown' then 'uncovered'
            when is_minor then 'minor_stop'
            else 'stop'
        end as loss_detail,
        cause,
        reason_id,
        used_s as lost_s
    from uses
    where category in ('delay', 'unknown')

    union all

    {#- What a machine's own pieces should have taken, and what the rejected ones among them took. #}
    select
        uses.production_order_id,
        uses.operation_id,
        uses.work_unit_id,
        uses.production_date,
        uses.shift_id,
        'run_time' as driver,
        'performance' as loss_category,
        'reduced_speed' as loss_detail,
        null as cause,
        null as reason_id,
        case when uses.category = 'production' then uses.used_s else 0 end
        - uses.produced_quantity * uses.planned_run_s_per_unit as lost_s
    from uses

    union all

    select
        uses.production_order_id,
        uses.operation_id,
        uses.work_unit_id,
        uses.production_date,
        uses.shift_id,
        'run_time' as driver,
        'quality' as loss_category,
        'rejects' as loss_detail,
        null as cause,
        null as reason_id,
        uses.produced_quantity * uses.planned_run_s_per_unit
        - uses.good_quantity * uses.run_s_per_good_unit as lost_s
    from uses

    union all

    {#- Good here, and yet not what the order delivered: rejected later on, or reported otherwise. #}
    select
        operations_used.production_order_id,
        operations_used.operation_id,
        operations_used.work_unit_id,
        operations_used.production_date,
        operations_used.shift_id,
        'run_time' as driver,
        'quality' as loss_category,
        'not_delivered' as loss_detail,
        null as cause,
        null as reason_id,
        (operations_used.counted_quantity - quantities.basis_quantity) * planned.run_s_per_good_unit as lost_s
    from operations_used
    inner join planned
        on
            operations_used.production_order_id = planned.production_order_id
            and operations_used.operation_id = planned.operation_id
    inner join {{ of_changed_orders('int_operation_quantity') }} as quantities
        on
            operations_used.production_order_id = quantities.production_order_id
            and operations_used.operation_id = quantities.operation_id

    union all

    select
        operations_used.production_order_id,
        operations_used.operation_id,
        operations_used.work_unit_id,
        operations_used.production_date,
        operations_used.shift_id,
        'setup_time' as driver,
        'setup' as loss_category,
        'setup' as loss_detail,
        null as cause,
        null as reason_id,
        coalesce(operations_used.setup_s, 0) - planned.allowed_setup_s as lost_s
    from operations_used
    inner join planned
        on
            operations_used.production_order_id = planned.production_order_id
            and operations_used.operation_id = planned.operation_id

),

losses_summed as (

    select
        losses.production_order_id,
        losses.operation_id,
        losses.work_unit_id,
        losses.production_date,
        losses.shift_id,
        losses.driver,
        losses.loss_category,
        losses.loss_detail,
        losses.cause,
        losses.reason_id,
        sum(losses.lost_s) as lost_s
    from losses
    group by all
    having sum(losses.lost_s) <> 0

),

losses_priced as (

    {#- Hours that the card has no price for are no loss of money. #}
    select
        losses.*,
        {{ amount_of('losses.lost_s', 'rates.rate', 'losses.driver') }} as exact_amount
    from losses_summed as losses
    inner join hourly_rates as rates
        on
            losses.production_order_id = rates.production_order_id
            and losses.operation_id = rates.operation_id
            and losses.driver = rates.driver

),

variances as (

    select
        production_order_id,
        operation_id,
        sum(amount) as amount
    from {{ of_changed_orders('order_variance') }}
    where is_machine_time
    group by production_order_id, operation_id

),

losses_ranked as (

    select
        losses.*,
        cast(floor(losses.exact_amount * 100) as bigint) as whole_cents,
        row_number() over (
            partition by losses.production_order_id, losses.operation_id
            order by
                losses.exact_amount * 100 - floor(losses.exact_amount * 100) desc, losses.loss_detail asc,
                losses.work_unit_id asc, losses.reason_id asc, losses.cause asc, losses.production_date asc,
                losses.shift_id asc
        ) as place,
        count(*) over (partition by losses.production_order_id, losses.operation_id) as losses_count,
        cast(coalesce(variances.amount, 0) * 100 as bigint)
        - sum(cast(floor(losses.exact_amount * 100) as bigint)) over (
            partition by losses.production_order_id, losses.operation_id
        ) as cents_left
    from losses_priced as losses
    left join variances
        on
            losses.production_order_id = variances.production_order_id
            and losses.operation_id = variances.operation_id

)

select
    losses.production_order_id,
    losses.operation_id,
    losses.work_unit_id,
    losses.loss_category,
    losses.loss_detail,
    losses.cause,
    losses.reason_id,
    losses.production_date,
    losses.shift_id,
    try_cast(losses.lost_s as decimal(18, 6)) as lost_s,
    {{ cents(shared_cents('losses.whole_cents', 'losses.cents_left', 'losses.losses_count', 'losses.place')) }}
        as amount,
    try_cast(losses.exact_amount as decimal(28, 6)) as exact_amount,
    orders.currency,
    orders.is_final
from losses_ranked as losses
inner join orders
    on losses.production_order_id = orders.production_order_id
