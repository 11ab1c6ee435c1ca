{#- Each item as it was made by each version of its bill of material and route, beside the version made before it: what
    a good piece cost, how the machines ran, what came out. Orders that are over, in the currency of their costing. -#}
{{ config(materialized='view') }}
with

orders as (

    select
        production_order_id,
        site_id,
        item_id,
        bom_version,
        route_version,
        currency,
        coalesce(costed_at, ended_at) as began_at,
        ended_at
    from {{ ref('int_order_costing') }}
    where is_final

),

quantities as (

    select
        production_order_id,
        good_quantity,
        {#- Of a process that makes several products what it delivered of all, in pieces of its item. #}
        basis_quantity
    from {{ ref('int_operation_quantity') }}
    where operation_id is null

),

amounts as (

    select
        production_order_id,
        sum(amount) filter (where basis = 'absorbed') as absorbed_amount,
        sum(amount) filter (where basis = 'actual') as actual_amount
    from {{ ref('order_cost') }}
    group by production_order_id

),

costs as (

    select
        orders.site_id,
        orders.item_id,
        orders.bom_version,
        orders.route_version,
        orders.currency,
        count(*) as order_count,
        min(orders.began_at) as first_began_at,
        max(orders.ended_at) as last_ended_at,
        sum(quantities.good_quantity) as good_quantity,
        sum(quantities.basis_quantity) as basis_quantity,
        sum(amounts.absorbed_amount) as absorbed_amount,
        sum(amounts.actual_amount) as actual_amount
    from orders
    left join quantities
        on orders.production_order_id = quantities.production_order_id
    left join amounts
        on orders.production_order_id = amounts.production_order_id
    group by orders.site_id, orders.item_id, orders.bom_version, orders.route_version, orders.currency

),

runs as (

    select
        orders.site_id,
        orders.item_id,
        orders.bom_version,
        orders.route_version,
        orders.currency,
        {{ summed_elements() }},
        {{ kpis_of_sums() }}
    from {{ ref('work_unit_shift_order') }} as shift_orders
    inner join orders
        on
            shift_orders.site_id = orders.site_id
            and shift_orders.production_order_id = orders.production_order_id
    where shift_orders.definition_id = 'iso22400'
    group by orders.site_id, orders.item_id, orders.bom_version, orders.route_version, orders.currency

),

yields as (

    select
        orders.site_id,
        orders.item_id,
        orders.bom_version,
        orders.route_version,
        orders.currency,
        {{ first_pass_yield() }} as first_pass_yield
    from {{ ref('yield_operation') }} as yields
    inner join orders
        on
            yields.site_id = orders.site_id
            and yields.production_order_id = orders.production_order_id
    group by orders.site_id, orders.item_id, orders.bom_version, orders.route_version, orders.currency

),

versions as (

    select
        costs.*,
        {{ money_divide(['costs.absorbed_amount'], ['costs.basis_quantity'], 6) }} as absorbed_unit_cost,
        {{ money_divide(['costs.actual_amount'], ['costs.basis_quantity'], 6) }} as actual_unit_cost,
        runs.oee_index,
        runs.availability,
        runs.effectiveness,
        runs.quality_ratio,
        yields.first_pass_yield
    from costs
    {% for side in ['runs', 'yields'] -%}
    left join {{ side }}
        on
            costs.site_id = {{ side }}.site_id
            and costs.item_id = {{ side }}.item_id
            and costs.bom_version is not distinct from {{ side }}.bom_version
            and costs.route_version is not distinct from {{ side }}.route_version
            and costs.currency = {{ side }}.currency
    {% endfor %}
)

select
    site_id,
    item_id,
    bom_version,
    route_version,
    lag(bom_version) over changes as previous_bom_version,
    lag(route_version) over changes as previous_route_version,
    first_began_at,
    last_ended_at,
    order_count,
    try_cast(good_quantity as decimal(28, 6)) as good_quantity,
    try_cast(absorbed_unit_cost as decimal(18, 6)) as absorbed_unit_cost,
    try_cast(actual_unit_cost as decimal(18, 6)) as actual_unit_cost,
    try_cast(lag(actual_unit_cost) over changes as decimal(18, 6)) as previous_actual_unit_cost,
    try_cast(actual_unit_cost - lag(actual_unit_cost) over changes as decimal(18, 6)) as difference_unit_cost,
    availability,
    effectiveness,
    quality_ratio,
    oee_index,
    lag(oee_index) over changes as previous_oee_index,
    first_pass_yield,
    lag(first_pass_yield) over changes as previous_first_pass_yield,
    currency
from versions
window changes as (
    partition by site_id, item_id, currency
    order by first_began_at, bom_version, route_version
)
