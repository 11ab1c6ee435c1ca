{#- Each line of an order's cost card beside what was used of it, and why they differ (domain.md 2.5.2): per line
    allowed = what its pieces and one lot may need, absorbed = what its pieces carry. A line of an operation that a
    running order has not begun has no row. Its lot is spread over what came out, that of a running order over what
    it is to deliver. Amounts are not rounded to cents. -#}
{{ config(incremental_strategy='changed_orders') }}
with

card as (

    select
        orders.production_order_id,
        orders.is_final,
        orders.order_quantity,
        quantities.basis_quantity,
        quantities.output_quantity,
        quantities.scrap_quantity,
        lines.operation_id,
        lines.cost_group_id,
        lines.driver,
        lines.line_id,
        lines.is_overhead,
        lines.variable_quantity,
        lines.constant_quantity,
        lines.unit_price,
        lines.unit_cost,
        lines.constant_unit_cost,
        {#- Of a process order materials of one unit stand for one another. #}
        case
            when orders.mode = 'process' and lines.driver = 'material' and not lines.is_overhead then items.unit
        end as mixed_unit
    from {{ of_changed_orders('int_order_costing') }} as orders
    inner join {{ ref('int_standard_line') }} as lines
        on
            orders.cost_version_id = lines.cost_version_id
            and orders.item_id = lines.item_id
    inner join {{ of_changed_orders('int_operation_quantity') }} as quantities
        on
            orders.production_order_id = quantities.production_order_id
            and lines.operation_id is not distinct from quantities.operation_id
    left join {{ ref('stg_item') }} as items
        on lines.line_id = items.item_id

),

used as (

    select
        production_order_id,
        operation_id,
        cost_group_id,
        driver,
        line_id,
        is_overhead,
        max(replaced_line_id) as replaced_line_id,
        max(source) as source,
        sum(quantity) as quantity,
        sum(amount) as amount
    from {{ of_changed_orders('int_actual_line') }}
    group by production_order_id, operation_id, cost_group_id, driver, line_id, is_overhead

),

substitutes as (

    select
        production_order_id,
        operation_id,
        replaced_cost_group_id as cost_group_id,
        driver,
        replaced_line_id as line_id,
        is_overhead,
        sum(quantity) as quantity
    from {{ of_changed_orders('int_actual_line') }}
    where replaced_line_id is not null
    group by production_order_id, operation_id, replaced_cost_group_id, driver, replaced_line_id, is_overhead

),

begun as (

    select
        production_order_id,
        operation_id,
        bool_or(source = 'machine') as is_told_by_machine
    from {{ of_changed_orders('int_actual_line') }}
    group by production_order_id, operation_id

),

booked as (

    select distinct
        production_order_id,
        operation_id,
        cost_group_id,
        line_id
    from {{ of_changed_orders('int_actual_line') }}
    where source = 'booked'

),

machine_times as (

    select
        production_order_id,
        operation_id,
        driver,
        sum(used_s) as used_s
    from {{ of_changed_orders('int_operation_time') }}
    where time_source = 'machine'
    group by production_order_id, operation_id, driver

),

lines as (

    select
        card.*,
        {#- What workers booked of a category is all that counts of it, setup or run; and of a machine's time that is
            charged otherwise than the card says its losses do not tell. #}
        card.driver in ('setup_time', 'run_time')
        and coalesce(begun.is_told_by_machine, false)
        and coalesce(used.quantity, 0) = coalesce(machine_times.used_s, 0)
        and booked.production_order_id is null as is_machine_time,
        used.source,
        coalesce(used.quantity, 0) as used_quantity,
        coalesce(used.amount, 0) as used_amount,
        {{ bom_quantity('card.variable_quantity * card.basis_quantity') }} + card.constant_quantity
            as allowed_quantity,
        case when card.is_final then card.basis_quantity else greatest(card.order_quantity, card.basis_quantity) end
            as lot_quantity,
        {#- As much of a line as was not used and its substitutes can stand for. #}
        greatest(least(coalesce(substitutes.quantity, 0), allowed_quantity - coalesce(used.quantity, 0)), 0)
            as replaced_quantity
    from card
    {% for side in ['used', 'substitutes'] -%}
    left join {{ side }}
        on
            card.production_order_id = {{ side }}.production_order_id
            and card.operation_id is not distinct from {{ side }}.operation_id
            and card.cost_group_id = {{ side }}.cost_group_id
            and card.driver = {{ side }}.driver
            and card.line_id = {{ side }}.line_id
            and card.is_overhead = {{ side }}.is_overhead
    {% endfor -%}
    left join begun
        on
            card.production_order_id = begun.production_order_id
            and card.operation_id is not distinct from begun.operation_id
    left join booked
        on
            card.production_order_id = booked.production_order_id
            and card.operation_id = booked.operation_id
            and card.cost_group_id = booked.cost_group_id
            and card.line_id = booked.line_id
    left join machine_times
        on
            card.production_order_id = machine_times.production_order_id
            and card.operation_id = machine_times.operation_id
            and card.driver = machine_times.driver
    where
        card.is_final
        or begun.production_order_id is not null
        or card.basis_quantity > 0

),

mixed as (

    {#- What there would be of each material in all that was used, mixed as the card says. #}
    select
        *,
        {{ amount_of('allowed_quantity', 'unit_price', 'driver') }} as allowed_amount,
        mixed_unit is not null
        and count(*) over mixture > 1
        and sum(allowed_quantity) over mixture > 0 as is_mixed,
        used_quantity + replaced_quantity as mixed_quantity,
        sum(used_quantity + replaced_quantity) over mixture as mixture_quantity,
        sum(allowed_quantity) over mixture as allowed_mixture_quantity
    from lines
    window mixture as (partition by production_order_id, mixed_unit)

),

valued as (

    select
        *,
        {#- Very large quantities by way of their ratio: the product would be more than any number. #}
        case
            when is_mixed
                then
                    {{ amount_of('mixed_quantity', 'unit_price', 'driver') }}
                    - coalesce(
                        {{ money_divide(['mixture_quantity', 'allowed_amount'], ['allowed_mixture_quantity'], 6) }},
                        try_cast(
                            allowed_amount * {{ money_divide(['mixture_quantity'], ['allowed_mixture_quantity'], 9) }}
                            as decimal(28, 6)
                        )
                    )
            else 0
        end as mix_amount,
        case when constant_quantity = 0 then 0 else {{ amount_of('constant_quantity', 'unit_price', 'driver') }} end
            as constant_amount,
        {{ amount_of('used_quantity', 'unit_price', 'driver') }} as used_at_standard_amount,
        case when replaced_quantity = 0 then 0 else {{ amount_of('replaced_quantity', 'unit_price', 'driver') }} end
            as replaced_amount,
        {{ amount_of('scrap_quantity * variable_quantity', 'unit_price', 'driver') }} as scrapped_amount
    from mixed

)

select
    production_order_id,
    operation_id,
    cost_group_id,
    driver,
    line_id,
    is_overhead,
    is_machine_time,
    source,
    used_quantity,
    allowed_quantity,
    variable_quantity,
    unit_price,
    try_cast(used_amount as decimal(28, 6)) as actual_amount,
    try_cast(allowed_amount as decimal(28, 6)) as allowed_amount,
    try_cast(constant_amount as decimal(28, 6)) as constant_amount,
    cast(
        basis_quantity * (unit_cost - constant_unit_cost) + lot_quantity * constant_unit_cost as decimal(28, 6)
    ) as absorbed_amount,
    cast(
        case when constant_quantity = 0 then 0 else constant_amount - lot_quantity * constant_unit_cost end
        as decimal(28, 6)
    ) as lot_size_amount,
    try_cast(used_at_standard_amount + replaced_amount - allowed_amount as decimal(28, 6)) as quantity_amount,
    try_cast(used_amount - used_at_standard_amount as decimal(28, 6)) as price_amount,
    try_cast(-replaced_amount as decimal(28, 6)) as substitution_amount,
    {#- Of the quantity variance of a material what its scrapped pieces took; not more than there is of it. Of a mixture
        that is its yield. #}
    cast(
        case
            when driver = 'material' and not is_overhead and not is_mixed
                then
                    least(
                        scrapped_amount, greatest(used_at_standard_amount + replaced_amount - allowed_amount, 0)
                    )
            else 0
        end as decimal(28, 6)
    ) as scrap_amount,
    is_mixed,
    try_cast(coalesce(mix_amount, 0) as decimal(28, 6)) as mix_amount
from valued

union all

{#- What the card does not know is a substitution as a whole. #}
select
    used.production_order_id,
    used.operation_id,
    used.cost_group_id,
    used.driver,
    used.line_id,
    used.is_overhead,
    false as is_machine_time,
    used.source,
    used.quantity as used_quantity,
    cast(0 as decimal(24, 9)) as allowed_quantity,
    cast(0 as decimal(24, 9)) as variable_quantity,
    cast(null as decimal(24, 9)) as unit_price,
    try_cast(used.amount as decimal(28, 6)) as actual_amount,
    cast(0 as decimal(28, 6)) as allowed_amount,
    cast(0 as decimal(28, 6)) as constant_amount,
    cast(0 as decimal(28, 6)) as absorbed_amount,
    cast(0 as decimal(28, 6)) as lot_size_amount,
    cast(0 as decimal(28, 6)) as quantity_amount,
    cast(0 as decimal(28, 6)) as price_amount,
    try_cast(used.amount as decimal(28, 6)) as substitution_amount,
    cast(0 as decimal(28, 6)) as scrap_amount,
    false as is_mixed,
    cast(0 as decimal(28, 6)) as mix_amount
from used
anti join card
    on
        used.production_order_id = card.production_order_id
        and used.operation_id is not distinct from card.operation_id
        and used.cost_group_id = card.cost_group_id
        and used.driver = card.driver
        and used.line_id = card.line_id
        and used.is_overhead = card.is_overhead
