{#- Work in process of each order, period by period: what went in at actual cost, less what came out at standard,
    less the variance once the order has ended; then nothing is left. What is reckoned from pieces goes in with them, but
    not always for the standard that they take out. Amounts are rounded on their running totals, so the periods add up
    to the order. -#}
{{ config(incremental_strategy='changed_orders') }}
with

orders as (

    select
        orders.*,
        coalesce(orders.ended_at, run.evaluated_at) as known_at
    from {{ of_changed_orders('int_order_costing') }} as orders
    cross join {{ ref('int_run') }} as run

),

periods as (

    select * from {{ ref('int_dated_period') }}

),

ends as (

    select
        period_id,
        lead(starts_at, 1, timestamp 'infinity') over (order by starts_at) as ends_at
    from periods

),

inputs as (

    select
        lines.production_order_id,
        lines.operation_id,
        lines.cost_group_id,
        periods.period_id,
        periods.starts_at,
        min(lines.posted_at) as first_posted_at,
        {% for kind, rows in [
            ('material', "lines.driver = 'material' and not lines.is_overhead"),
            ('overhead', 'lines.is_overhead'),
            ('subcontract', "lines.driver = 'subcontract' and not lines.is_overhead")
        ] -%}
        coalesce(sum(lines.amount) filter (where {{ rows }}), 0) as {{ kind }}_amount,
        {% endfor -%}
        sum(lines.amount) as amount
    from {{ of_changed_orders('int_actual_line') }} as lines
    asof inner join periods
        on lines.posted_at >= periods.starts_at
    group by all

),

pieces as (

    select
        pieces.production_order_id,
        periods.starts_at,
        sum(sum(pieces.output_quantity)) over (
            partition by pieces.production_order_id
            order by periods.starts_at
        ) as output_quantity
    from {{ of_changed_orders('int_operation_progress') }} as pieces
    asof inner join periods
        on pieces.posted_at >= periods.starts_at
    where pieces.operation_id is null
    group by pieces.production_order_id, periods.starts_at

),

order_spans as (

    {#- From the first cost to the end of the order, or of what came late. #}
    select
        orders.production_order_id,
        orders.is_final,
        orders.known_at,
        min(inputs.first_posted_at) as first_posted_at,
        coalesce(min(inputs.starts_at), max(known_periods.starts_at)) as first_starts_at,
        greatest(max(inputs.starts_at), max(known_periods.starts_at)) as last_starts_at,
        max(known_periods.starts_at) as known_starts_at
    from orders
    left join inputs
        on orders.production_order_id = inputs.production_order_id
    asof inner join periods as known_periods
        on orders.known_at >= known_periods.starts_at
    where
        orders.is_final
        or inputs.production_order_id is not null
    group by orders.production_order_id, orders.is_final, orders.known_at

),

outputs_so_far as (

    select
        spans.production_order_id,
        periods.period_id,
        periods.starts_at,
        spans.is_final and periods.starts_at >= spans.known_starts_at as is_ended,
        coalesce(pieces.output_quantity, 0) as output_quantity
    from order_spans as spans
    inner join periods
        on
            spans.first_starts_at <= periods.starts_at
            and spans.last_starts_at >= periods.starts_at
    asof left join pieces
        on
            spans.production_order_id = pieces.production_order_id
            and periods.starts_at >= pieces.starts_at

),

groups as (

    select
        orders.production_order_id,
        lines.operation_id,
        lines.cost_group_id,
        sum(lines.unit_cost) as unit_cost
    from orders
    inner join {{ ref('int_standard_line') }} as lines
        on
            orders.cost_version_id = lines.cost_version_id
            and orders.item_id = lines.item_id
    group by orders.production_order_id, lines.operation_id, lines.cost_group_id

    union

    select distinct
        inputs.production_order_id,
        inputs.operation_id,
        inputs.cost_group_id,
        0 as unit_cost
    from inputs
    inner join orders
        on inputs.production_order_id = orders.production_order_id
    anti join {{ ref('int_standard_line') }} as lines
        on
            orders.cost_version_id = lines.cost_version_id
            and orders.item_id = lines.item_id
            and inputs.operation_id is not distinct from lines.operation_id
            and inputs.cost_group_id = lines.cost_group_id

),

absorbed as (

    select
        production_order_id,
        operation_id,
        cost_group_id,
        amount
    from {{ of_changed_orders('order_cost') }}
    where
        basis = 'absorbed'
        and is_final

),

totals as (

    select
        outputs.production_order_id,
        outputs.period_id,
        outputs.starts_at,
        outputs.is_ended,
        groups.operation_id,
        groups.cost_group_id,
        {% for kind in ['', 'material_', 'overhead_', 'subcontract_'] -%}
        {{ cents('sum(coalesce(inputs.' ~ kind ~ 'amount, 0)) over so_far') }} as {{ kind }}total,
        {% endfor -%}
        case
            when outputs.is_ended then coalesce(absorbed.amount, 0)
            else {{ cents('outputs.output_quantity * groups.unit_cost') }}
        end as output_total
    from outputs_so_far as outputs
    inner join groups
        on outputs.production_order_id = groups.production_order_id
    left join inputs
        on
            outputs.production_order_id = inputs.production_order_id
            and outputs.period_id = inputs.period_id
            and groups.operation_id is not distinct from inputs.operation_id
            and groups.cost_group_id = inputs.cost_group_id
    left join absorbed
        on
            outputs.production_order_id = absorbed.production_order_id
            and groups.operation_id is not distinct from absorbed.operation_id
            and groups.cost_group_id = absorbed.cost_group_id
    window so_far as (
        partition by outputs.production_order_id, groups.operation_id, groups.cost_group_id
        order by outputs.starts_at
    )

),

group_totals as (

    select
        production_order_id,
        period_id,
        starts_at,
        cost_group_id,
        sum(total) as total,
        sum(material_total) as material_total,
        sum(overhead_total) as overhead_total,
        sum(subcontract_total) as subcontract_total,
        sum(output_total) as output_total,
        sum(case when is_ended then 0 else total - output_total end) as closing_amount
    from totals
    group by production_order_id, period_id, starts_at, cost_group_id

),

movements as (

    select
        production_order_id,
        period_id,
        starts_at,
        cost_group_id,
        {% for kind in ['', 'material_', 'overhead_', 'subcontract_', 'output_'] -%}
        {{ kind }}total - lag({{ kind }}total, 1, 0) over earlier as {{ kind or 'input_' }}amount,
        {% endfor -%}
        lag(closing_amount, 1, 0) over earlier as opening_amount,
        closing_amount
    from group_totals
    window earlier as (
        partition by production_order_id, cost_group_id
        order by starts_at
    )

)

select
    movements.period_id,
    movements.production_order_id,
    movements.cost_group_id,
    {{ cents('movements.opening_amount') }} as opening_amount,
    {{ cents('movements.material_amount') }} as material_amount,
    {{ cents(
        'movements.input_amount - movements.material_amount - movements.overhead_amount - movements.subcontract_amount'
    ) }} as conversion_amount,
    {{ cents('movements.overhead_amount') }} as overhead_amount,
    {{ cents('movements.subcontract_amount') }} as subcontract_amount,
    {{ cents('movements.output_amount') }} as output_amount,
    {{ cents(
        'movements.opening_amount + movements.input_amount - movements.output_amount - movements.closing_amount'
    ) }} as variance_amount,
    {{ cents('movements.closing_amount') }} as closing_amount,
    datesub('day', order_spans.first_posted_at, least(ends.ends_at, orders.known_at)) as age_days,
    orders.currency
from movements
inner join orders
    on movements.production_order_id = orders.production_order_id
inner join order_spans
    on movements.production_order_id = order_spans.production_order_id
inner join ends
    on movements.period_id = ends.period_id
where
    movements.opening_amount <> 0
    or movements.input_amount <> 0
    or movements.output_amount <> 0
    or movements.closing_amount <> 0
