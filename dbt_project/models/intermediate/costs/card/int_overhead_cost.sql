{#- What overheads add to a unit at the item itself, line by line as the direct costs: they bear on its bought
    components and own operations, not on made components, which have borne theirs. Of each overhead the formulas of
    the nearest version that has it. What it costs to be rid of a by-product is an overhead of its process. -#}
{{ config(is_of_costing_files=true) }}
with

formulas as (

    {{ overhead_formulas() }}

),

operations as (

    {#- An operation's hours count once, whichever categories price them; a vendor's hours are not ours. #}
    select distinct
        formulas.cost_version_id,
        operations.item_id,
        operations.operation_id,
        formulas.overhead_id,
        formulas.base,
        formulas.rate,
        operations.run_s_per_unit,
        operations.setup_s_per_lot,
        made_items.costing_lot_quantity
    from formulas
    inner join {{ ref('int_priced_operation') }} as operations
        on
            formulas.cost_version_id = operations.cost_version_id
            and coalesce(formulas.base = operations.cost_category_id, formulas.base is null)
    inner join {{ ref('int_made_item') }} as made_items
        on
            operations.cost_version_id = made_items.cost_version_id
            and operations.item_id = made_items.item_id
    where
        formulas.kind = 'per_hour'
        and not operations.is_subcontract

)

select
    formulas.cost_version_id,
    direct_costs.item_id,
    direct_costs.operation_id,
    formulas.overhead_id,
    direct_costs.driver,
    {{ surcharge_line('direct_costs.cost_group_id', 'direct_costs.line_id') }} as line_id,
    direct_costs.variable_quantity,
    direct_costs.constant_quantity,
    try_cast(direct_costs.unit_price * formulas.rate as decimal(24, 9)) as unit_price,
    {{ unit_money('formulas.rate * direct_costs.unit_cost') }} as unit_cost
from formulas
inner join {{ ref('int_direct_cost') }} as direct_costs
    on
        formulas.cost_version_id = direct_costs.cost_version_id
        and coalesce(formulas.base = direct_costs.cost_group_id, formulas.base is null)
        and coalesce(formulas.item_id = direct_costs.item_id, formulas.item_id is null)
        and coalesce(formulas.driver = direct_costs.driver, formulas.driver is null)
where
    formulas.kind = 'surcharge'
    and direct_costs.part <> 'purchase'

union all

{% for driver, variable, constant, unit_cost in [
    ('run_time', 'run_s_per_unit', '0', money_divide(['run_s_per_unit', 'rate'], ['3600'], 6)),
    (
        'setup_time', '0', 'setup_s_per_lot',
        money_divide(['setup_s_per_lot', 'rate'], ['3600', 'costing_lot_quantity'], 6)
    )
] -%}
select
    cost_version_id,
    item_id,
    operation_id,
    overhead_id,
    '{{ driver }}' as driver,
    coalesce(base, '') as line_id,
    try_cast({{ variable }} as decimal(24, 9)) as variable_quantity,
    try_cast({{ constant }} as decimal(24, 9)) as constant_quantity,
    try_cast(rate as decimal(24, 9)) as unit_price,
    {{ unit_cost }} as unit_cost
from operations

union all
{% endfor %}
select
    formulas.cost_version_id,
    made_items.item_id,
    cast(null as varchar) as operation_id,
    formulas.overhead_id,
    'piece' as driver,
    coalesce(formulas.base, '') as line_id,
    cast(1 as decimal(24, 9)) as variable_quantity,
    cast(0 as decimal(24, 9)) as constant_quantity,
    try_cast(formulas.rate as decimal(24, 9)) as unit_price,
    formulas.rate as unit_cost
from formulas
inner join {{ ref('int_made_item') }} as made_items
    on formulas.cost_version_id = made_items.cost_version_id
left join {{ ref('stg_item') }} as items
    on made_items.item_id = items.item_id
where
    formulas.kind = 'per_unit'
    and coalesce(formulas.base = items.item_group_id, formulas.base is null)
    and coalesce(formulas.item_id = made_items.item_id, formulas.item_id is null)
    {#- What a co-product bears is in its process. #}
    and (made_items.cost_version_id, made_items.item_id) not in (
        select (cost_version_id, product_item_id) from {{ ref('int_joint_product') }}
        where product_type = 'co_product'
    )
