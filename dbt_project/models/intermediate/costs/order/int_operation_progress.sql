{#- When the pieces of each operation of a costed order came, between the moments at which costs or the period change:
    as received from a vendor, else as the machine counted, and once nobody works at it any more as reported. What a
    later operation or the order had finished had gone through. One row without an operation stands for the order. -#}
{{ config(incremental_strategy='changed_orders') }}
with

orders as (

    select
        orders.production_order_id,
        orders.is_final,
        coalesce(orders.ended_at, run.evaluated_at) as known_at
    from {{ of_changed_orders('int_order_costing') }} as orders
    cross join {{ ref('int_run') }} as run

),

places as (

    select
        quantities.*,
        coalesce(quantities.sequence, -1) as place,
        case when quantities.quantity_source is null then quantities.basis_quantity else quantities.good_quantity end
            as paid_quantity,
        orders.is_final,
        orders.known_at
    from {{ of_changed_orders('int_operation_quantity') }} as quantities
    inner join orders
        on quantities.production_order_id = orders.production_order_id

),

events as (

    {#- What is told later is known when the order ends. #}
    select
        uses.production_order_id,
        uses.operation_id,
        least(uses.started_at, orders.known_at) as happened_at,
        uses.good_quantity,
        false as is_report
    from {{ of_changed_orders('int_order_use') }} as uses
    inner join orders
        on uses.production_order_id = orders.production_order_id
    anti join {{ of_changed_orders('stg_subcontract_receipt') }} as receipts
        on
            uses.production_order_id = receipts.production_order_id
            and uses.operation_id = receipts.operation_id
    where
        uses.operation_id is not null
        and uses.good_quantity <> 0

    union all

    select
        receipts.production_order_id,
        receipts.operation_id,
        least(receipts.received_at, orders.known_at) as happened_at,
        receipts.quantity - coalesce(receipts.rejected_quantity, 0) as good_quantity,
        false as is_report
    from {{ of_changed_orders('stg_subcontract_receipt') }} as receipts
    inner join orders
        on receipts.production_order_id = orders.production_order_id

    union all

    select
        places.production_order_id,
        places.operation_id,
        least(
            coalesce(
                case when bool_and(reported.finished_at is not null) then max(reported.finished_at) end,
                places.known_at
            ), places.known_at
        ) as happened_at,
        0 as good_quantity,
        true as is_report
    from places
    inner join {{ of_changed_orders('stg_order_operation') }} as reported
        on
            places.production_order_id = reported.production_order_id
            and places.operation_id = reported.operation_id
    where places.quantity_source = 'reported'
    group by places.production_order_id, places.operation_id, places.known_at

    union all

    select
        production_order_id,
        null as operation_id,
        known_at as happened_at,
        0 as good_quantity,
        false as is_report
    from orders

),

happened as (

    select
        production_order_id,
        operation_id,
        happened_at,
        sum(good_quantity) as good_quantity,
        bool_or(is_report) as is_reported
    from events
    group by production_order_id, operation_id, happened_at

),

moments as (

    select
        events.production_order_id,
        events.happened_at,
        coalesce(moments.moment_at, timestamp '-infinity') as moment_at,
        events.is_known
    from (
        select
            production_order_id,
            happened_at,
            bool_or(operation_id is null) as is_known
        from happened
        group by production_order_id, happened_at
    ) as events
    asof left join {{ ref('int_cost_moment') }} as moments
        on events.happened_at >= moments.moment_at

),

told as (

    select
        places.production_order_id,
        places.operation_id,
        places.place,
        places.is_last,
        places.is_final,
        places.basis_quantity,
        places.paid_quantity,
        places.output_quantity,
        moments.moment_at,
        moments.happened_at,
        moments.is_known,
        case
            when bool_or(coalesce(happened.is_reported, false)) over so_far then places.good_quantity
            else
                least(
                    {{ not_negative('sum(coalesce(happened.good_quantity, 0)) over so_far') }},
                    places.good_quantity
                )
        end as told_quantity
    from places
    inner join moments
        on places.production_order_id = moments.production_order_id
    left join happened
        on
            places.production_order_id = happened.production_order_id
            and places.operation_id = happened.operation_id
            and moments.happened_at = happened.happened_at
    where places.operation_id is not null
    window so_far as (
        partition by places.production_order_id, places.operation_id
        order by moments.happened_at
    )

),

passed as (

    select
        *,
        greatest(
            max(told_quantity) over (
                partition by production_order_id, happened_at
                order by place desc, operation_id desc
            ),
            max(case when is_last then least(told_quantity, output_quantity) else 0 end) over (
                partition by production_order_id, happened_at
            )
        ) as passed_quantity
    from told

),

through as (

    select
        production_order_id,
        happened_at,
        max(passed_quantity) as passed_quantity,
        max(least(told_quantity, output_quantity)) filter (where is_last) as finished_quantity
    from passed
    group by production_order_id, happened_at

),

so_far as (

    select
        production_order_id,
        operation_id,
        moment_at,
        happened_at,
        case
            when is_known and is_final then basis_quantity
            else least(passed_quantity, basis_quantity)
        end as quantity,
        case when is_known then paid_quantity else least(passed_quantity, paid_quantity) end as paid_quantity,
        cast(0 as decimal(18, 6)) as output_quantity
    from passed

    union all

    {#- An order may have no operation at all. #}
    select
        orders.production_order_id,
        null as operation_id,
        moments.moment_at,
        moments.happened_at,
        case
            when moments.is_known and orders.is_final then orders.basis_quantity
            else least(coalesce(through.passed_quantity, 0), orders.basis_quantity)
        end as quantity,
        cast(0 as decimal(18, 6)) as paid_quantity,
        case
            when moments.is_known then orders.output_quantity
            else coalesce(through.finished_quantity, 0)
        end as output_quantity
    from places as orders
    inner join moments
        on orders.production_order_id = moments.production_order_id
    left join through
        on
            moments.production_order_id = through.production_order_id
            and moments.happened_at = through.happened_at
    where orders.operation_id is null

),

changes as (

    select
        *,
        lag(quantity, 1, 0) over earlier as earlier_quantity,
        paid_quantity - lag(paid_quantity, 1, 0) over earlier as paid_change,
        output_quantity - lag(output_quantity, 1, 0) over earlier as output_change
    from so_far
    window earlier as (
        partition by production_order_id, operation_id
        order by happened_at
    )

),

beside_earlier as (

    select
        production_order_id,
        operation_id,
        moment_at,
        min(happened_at) as posted_at,
        try_cast(arg_max(quantity, happened_at) as decimal(18, 6)) as quantity,
        try_cast(arg_min(earlier_quantity, happened_at) as decimal(18, 6)) as earlier_quantity,
        try_cast(sum(paid_change) as decimal(18, 6)) as paid_quantity,
        try_cast(sum(output_change) as decimal(18, 6)) as output_quantity
    from changes
    where
        quantity <> earlier_quantity
        or paid_change <> 0
        or output_change <> 0
    group by production_order_id, operation_id, moment_at

)

select *
from beside_earlier
where
    earlier_quantity <> quantity
    or paid_quantity <> 0
    or output_quantity <> 0
