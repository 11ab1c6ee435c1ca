{#- What stock and work in process were worth when a costing version began to count at a site: by the version before and
    by the new one. Work in process is what its orders had used by then less what they had finished, both at standard. -#}
{{ config(materialized='view') }}
with

activations as (

    select
        site_id,
        cost_version_id,
        previous_version_id,
        began_at,
        currency
    from {{ ref('int_site_costing') }}
    where previous_version_id is not null

),

unit_costs as (

    select
        cost_version_id,
        item_id,
        {{ unit_money('sum(unit_cost)') }} as unit_cost
    from {{ ref('standard_cost') }}
    where level = 'single'
    group by cost_version_id, item_id

),

counted as (

    select
        activations.*,
        stock.item_id,
        stock.counted_at,
        stock.quantity
    from activations
    inner join {{ ref('stg_stock') }} as stock
        on
            activations.site_id = stock.site_id
            and activations.began_at >= stock.counted_at
    qualify
        row_number() over (
            partition by activations.site_id, activations.cost_version_id, stock.item_id
            order by stock.counted_at desc
        ) = 1

),

begun as (

    select
        production_order_id,
        min(posted_at) as first_posted_at
    from {{ ref('int_actual_line') }}
    group by production_order_id

),

running as (

    {#- An order that had posted nothing by then had nothing in process: without that bound each version would take all
        orders that came after it. #}
    select
        activations.*,
        orders.production_order_id,
        orders.item_id
    from activations
    inner join {{ ref('int_order_costing') }} as orders
        on
            activations.site_id = orders.site_id
            and coalesce(activations.began_at < orders.ended_at, true)
    inner join begun
        on
            orders.production_order_id = begun.production_order_id
            and activations.began_at > begun.first_posted_at

),

used as (

    select
        running.site_id,
        running.cost_version_id,
        running.previous_version_id,
        running.production_order_id,
        running.item_id,
        lines.operation_id,
        lines.cost_group_id,
        lines.driver,
        lines.line_id,
        lines.is_overhead,
        {#- A key: what a condition on one side of a join leaves out is else compared with all of the other side. #}
        case when lines.driver = 'material' and not lines.is_overhead then lines.line_id end as material_id,
        sum(lines.quantity) as quantity,
        sum(lines.amount) as amount
    from running
    inner join {{ ref('int_actual_line') }} as lines
        on
            running.production_order_id = lines.production_order_id
            and running.began_at > lines.posted_at
    group by all

),

cards as (

    select
        cost_version_id,
        item_id,
        sum(unit_cost) as unit_cost
    from {{ ref('int_standard_line') }}
    group by cost_version_id, item_id

),

piece_costs as (

    {#- What a finished piece of the process took with it, its co-products included. #}
    select
        running.site_id,
        running.cost_version_id,
        running.production_order_id,
        previous_cards.unit_cost as previous_unit_cost,
        cards.unit_cost
    from running
    left join cards
        on
            running.cost_version_id = cards.cost_version_id
            and running.item_id = cards.item_id
    left join cards as previous_cards
        on
            running.previous_version_id = previous_cards.cost_version_id
            and running.item_id = previous_cards.item_id

),

priced as (

    {#- Material at its standard cost, all else by the line of the cost card. What one of the versions has no price for
        cost what it did, by both. #}
    select
        used.*,
        coalesce(previous_costs.unit_cost, previous_card.unit_price) as previous_price,
        coalesce(new_costs.unit_cost, new_card.unit_price) as price
    from used
    {% for version, unit_cost, card in [
        ('previous_version_id', 'previous_costs', 'previous_card'), ('cost_version_id', 'new_costs', 'new_card')
    ] -%}
    left join unit_costs as {{ unit_cost }}
        on
            used.{{ version }} = {{ unit_cost }}.cost_version_id
            and used.material_id = {{ unit_cost }}.item_id
    left join {{ ref('int_standard_line') }} as {{ card }}
        on
            used.{{ version }} = {{ card }}.cost_version_id
            and used.item_id = {{ card }}.item_id
            and used.operation_id is not distinct from {{ card }}.operation_id
            and used.cost_group_id = {{ card }}.cost_group_id
            and used.driver = {{ card }}.driver
            and used.line_id = {{ card }}.line_id
            and used.is_overhead = {{ card }}.is_overhead
    {% endfor %}
),

finished as (

    select
        running.site_id,
        running.cost_version_id,
        running.production_order_id,
        sum(pieces.output_quantity) as quantity
    from running
    inner join {{ ref('int_operation_progress') }} as pieces
        on
            running.production_order_id = pieces.production_order_id
            and pieces.operation_id is null
            and running.began_at > pieces.posted_at
    group by running.site_id, running.cost_version_id, running.production_order_id

),

in_process as (

    select
        running.*,
        coalesce(finished.quantity, 0) as finished_quantity,
        {#- What has no cost card in one version is finished at that of the other, by both. #}
        {% for known, other in [('previous_unit_cost', 'unit_cost'), ('unit_cost', 'previous_unit_cost')] -%}
        cast(
            case
                when coalesce(piece_costs.{{ known }}, 0) <= 0 and piece_costs.{{ other }} > 0
                    then piece_costs.{{ other }}
                else coalesce(piece_costs.{{ known }}, 0)
            end as decimal(18, 6)
        ) as {{ known }},
        {% endfor -%}
        sums.previous_amount,
        sums.new_amount
    from running
    inner join (
        select
            site_id,
            cost_version_id,
            production_order_id,
            sum(
                case
                    when previous_price is null or price is null then amount
                    else {{ amount_of('quantity', 'previous_price', 'driver') }}
                end
            ) as previous_amount,
            sum(
                case
                    when previous_price is null or price is null then amount
                    else {{ amount_of('quantity', 'price', 'driver') }}
                end
            ) as new_amount
        from priced
        group by site_id, cost_version_id, production_order_id
    ) as sums
        on
            running.site_id = sums.site_id
            and running.cost_version_id = sums.cost_version_id
            and running.production_order_id = sums.production_order_id
    {% for side in ['finished', 'piece_costs'] -%}
    left join {{ side }}
        on
            running.site_id = {{ side }}.site_id
            and running.cost_version_id = {{ side }}.cost_version_id
            and running.production_order_id = {{ side }}.production_order_id
    {% endfor %}

),

valued as (

    select
        counted.site_id,
        counted.cost_version_id,
        counted.previous_version_id,
        counted.began_at,
        'stock' as kind,
        counted.item_id,
        cast(null as varchar) as production_order_id,
        counted.counted_at,
        counted.quantity,
        previous_costs.unit_cost as previous_unit_cost,
        new_costs.unit_cost,
        {{ cents('counted.quantity * previous_costs.unit_cost') }} as previous_amount,
        {{ cents('counted.quantity * new_costs.unit_cost') }} as amount,
        counted.currency
    from counted
    left join unit_costs as previous_costs
        on
            counted.previous_version_id = previous_costs.cost_version_id
            and counted.item_id = previous_costs.item_id
    left join unit_costs as new_costs
        on
            counted.cost_version_id = new_costs.cost_version_id
            and counted.item_id = new_costs.item_id

    union all

    select
        site_id,
        cost_version_id,
        previous_version_id,
        began_at,
        'in_process' as kind,
        item_id,
        production_order_id,
        cast(null as timestamp) as counted_at,
        try_cast(finished_quantity as decimal(18, 6)) as quantity,
        previous_unit_cost,
        unit_cost,
        {{ cents('previous_amount - finished_quantity * previous_unit_cost') }} as previous_amount,
        {{ cents('new_amount - finished_quantity * unit_cost') }} as amount,
        currency
    from in_process

)

select
    site_id,
    cost_version_id,
    previous_version_id,
    began_at as activated_at,
    kind,
    item_id,
    production_order_id,
    counted_at,
    quantity,
    previous_unit_cost,
    unit_cost,
    previous_amount,
    amount,
    {{ cents('amount - previous_amount') }} as difference_amount,
    currency
from valued
