{#- The good pieces of each operation of a costed order: as reported once the operation or the order is over, as
    received from a vendor, else as the machine counted. `basis_quantity` is what its costs are measured against: of
    an order that is over the pieces that came out at its end, of a running one those of the operation itself, or of a
    later one where these are more: they have gone through. Of a process that makes several products it is what it
    delivered of all, by what each bears of its cost: with all as planned the good pieces of its item. One row without an
    operation stands for the order. Operations are in the order of the route by which the order is to be made. -#}
{{ config(incremental_strategy='changed_orders') }}
with

counted as (

    select
        production_order_id,
        operation_id,
        {{ not_negative('sum(produced_quantity)') }} as produced_quantity,
        {{ not_negative('sum(good_quantity)') }} as good_quantity,
        {{ not_negative('sum(scrap_quantity)') }} as scrap_quantity
    from {{ of_changed_orders('int_order_use') }}
    where operation_id is not null
    group by production_order_id, operation_id

),

reported as (

    select
        operations.production_order_id,
        operations.operation_id,
        sum(operations.good_quantity) as good_quantity,
        sum(operations.scrap_quantity) as scrap_quantity
    from {{ of_changed_orders('stg_order_operation') }} as operations
    inner join {{ of_changed_orders('int_order_costing') }} as orders
        on operations.production_order_id = orders.production_order_id
    group by operations.production_order_id, operations.operation_id
    {#- Not while it goes on at one of its work units. #}
    having
        count(operations.good_quantity) > 0
        and bool_and(operations.finished_at is not null or orders.is_final)

),

received as (

    select
        production_order_id,
        operation_id,
        sum(quantity - coalesce(rejected_quantity, 0)) as good_quantity,
        sum(rejected_quantity) as scrap_quantity
    from {{ of_changed_orders('stg_subcontract_receipt') }}
    group by production_order_id, operation_id

),

planned as (

    select *
    from {{ of_changed_orders('int_planned_operation') }}

),

on_card as (

    {#- Material may be needed at an operation that no route has. #}
    select distinct
        orders.production_order_id,
        card.operation_id
    from {{ of_changed_orders('int_order_costing') }} as orders
    inner join {{ ref('int_standard_line') }} as card
        on
            orders.cost_version_id = card.cost_version_id
            and orders.item_id = card.item_id
            and card.operation_id is not null

    union

    select
        production_order_id,
        operation_id
    from {{ of_changed_orders('int_own_line') }}
    where operation_id is not null

),

operations as (

    select
        orders.production_order_id,
        operations.operation_id,
        planned.sequence,
        orders.is_final,
        counted.produced_quantity,
        coalesce(reported.good_quantity, received.good_quantity, counted.good_quantity) as good_quantity,
        coalesce(reported.scrap_quantity, received.scrap_quantity, counted.scrap_quantity) as scrap_quantity,
        case
            when reported.good_quantity is not null then 'reported'
            when received.good_quantity is not null then 'received'
            when counted.good_quantity is not null then 'counted'
        end as quantity_source
    from (
        select production_order_id, operation_id from counted
        union
        select production_order_id, operation_id from reported
        union
        select production_order_id, operation_id from received
        union
        select production_order_id, operation_id from planned
        union
        select production_order_id, operation_id from on_card
    ) as operations
    inner join {{ of_changed_orders('int_order_costing') }} as orders
        on operations.production_order_id = orders.production_order_id
    {% for side in ['planned', 'counted', 'reported', 'received'] -%}
    left join {{ side }}
        on
            operations.production_order_id = {{ side }}.production_order_id
            and operations.operation_id = {{ side }}.operation_id
    {% endfor %}
),

delivered as (

    {#- What co-products were told of: by how much they are more than planned, per good piece and as such. #}
    select
        orders.production_order_id,
        sum(products.unit_share * outputs.quantity) as told_quantity,
        sum(products.unit_share * products.quantity_per) as planned_per_piece
    from {{ of_changed_orders('int_order_costing') }} as orders
    inner join {{ ref('int_joint_product') }} as products
        on
            orders.cost_version_id = products.cost_version_id
            and orders.item_id = products.item_id
            and products.product_type = 'co_product'
    inner join ({{ told_outputs() }}) as outputs
        on
            orders.production_order_id = outputs.production_order_id
            and products.product_item_id = outputs.item_id
    where orders.is_final
    group by orders.production_order_id

),

finished as (

    {#- An operation that nobody tells anything of hides nothing once the order is over. #}
    select
        production_order_id,
        arg_max(operation_id, (coalesce(sequence, -1), operation_id)) as operation_id,
        max(good_quantity) as started_quantity
    from operations
    where not is_final or good_quantity is not null
    group by production_order_id

),

scrapped as (

    select
        production_order_id,
        try_cast(sum(scrap_quantity) as decimal(18, 6)) as scrap_quantity
    from operations
    group by production_order_id

),

output as (

    select
        orders.production_order_id,
        orders.is_final,
        finished.operation_id as last_operation_id,
        coalesce(scrapped.scrap_quantity, 0) as scrap_quantity,
        try_cast(coalesce(operations.good_quantity, 0) as decimal(18, 6)) as good_quantity,
        case
            when delivered.production_order_id is null
                then try_cast(coalesce(operations.good_quantity, 0) as decimal(18, 6))
            else
                {{ not_negative(
                    'try_cast(try(coalesce(operations.good_quantity, 0) + delivered.told_quantity'
                    ' - delivered.planned_per_piece * coalesce(operations.good_quantity, 0)) as decimal(18, 6))'
                ) }}
        end as output_quantity,
        try_cast(
            case
                when orders.is_final then output_quantity
                else coalesce(finished.started_quantity, 0)
            end as decimal(18, 6)
        ) as basis_quantity
    from {{ of_changed_orders('int_order_costing') }} as orders
    left join finished
        on orders.production_order_id = finished.production_order_id
    left join operations
        on
            finished.production_order_id = operations.production_order_id
            and finished.operation_id = operations.operation_id
    left join scrapped
        on orders.production_order_id = scrapped.production_order_id
    left join delivered
        on orders.production_order_id = delivered.production_order_id

)

select
    operations.production_order_id,
    operations.operation_id,
    operations.sequence,
    operations.quantity_source,
    operations.operation_id = output.last_operation_id as is_last,
    try_cast(coalesce(operations.produced_quantity, 0) as decimal(18, 6)) as produced_quantity,
    try_cast(coalesce(operations.good_quantity, 0) as decimal(18, 6)) as good_quantity,
    {#- What was scrapped here or later on had gone through here. #}
    try_cast(
        case
            when operations.sequence is null then coalesce(operations.scrap_quantity, 0)
            else
                sum(case when operations.sequence is not null then coalesce(operations.scrap_quantity, 0) else 0 end)
                    over (
                        partition by operations.production_order_id
                        order by operations.sequence desc, operations.operation_id desc
                        rows unbounded preceding
                    )
        end as decimal(18, 6)
    ) as scrap_quantity,
    output.output_quantity,
    try_cast(
        case
            when output.is_final then output.output_quantity
            else
                max(coalesce(operations.good_quantity, 0)) over (
                    partition by operations.production_order_id
                    order by coalesce(operations.sequence, -1) desc, operations.operation_id desc
                    rows unbounded preceding
                )
        end as decimal(18, 6)
    ) as basis_quantity
from operations
inner join output
    on operations.production_order_id = output.production_order_id

union all

select
    production_order_id,
    null as operation_id,
    null as sequence,
    null as quantity_source,
    false as is_last,
    cast(0 as decimal(18, 6)) as produced_quantity,
    good_quantity,
    scrap_quantity,
    output_quantity,
    basis_quantity
from output
