{#- What goes into a unit of each made item in each costing version, one level deep. The tree of an item is read by
    asking again for what its made components consist of: written out, every way down from every item would be a row. -#}
{{ config(is_of_costing_files=true) }}
with

made_items as (

    select *
    from {{ ref('int_made_item') }}

),

parts as (

    select *
    from {{ ref('int_unit_cost_part') }}

),

unit_costs as (

    select
        cost_version_id,
        item_id,
        cost_group_id,
        {{ unit_money('sum(unit_cost)') }} as unit_cost
    from parts
    group by cost_version_id, item_id, cost_group_id

),

components as (

    {#- Also what costs nothing is part of the tree. #}
    select
        components.cost_version_id,
        components.item_id,
        components.low_level,
        'component' as node,
        components.component_item_id,
        components.is_made,
        components.operation_id,
        coalesce(parts.cost_group_id, components.cost_group_id) as cost_group_id,
        components.cost_group_id as single_cost_group_id,
        components.quantity,
        coalesce(items.unit, 'pcs') as unit,
        coalesce(unit_costs.unit_cost, 0) as unit_cost,
        coalesce(parts.unit_cost, 0) as amount
    from {{ ref('int_costed_component') }} as components
    left join parts
        on
            components.cost_version_id = parts.cost_version_id
            and components.item_id = parts.item_id
            and parts.part = 'component'
            and components.component_item_id = parts.part_id
            and components.operation_id is not distinct from parts.operation_id
    left join unit_costs
        on
            components.cost_version_id = unit_costs.cost_version_id
            and components.component_item_id = unit_costs.item_id
            and parts.cost_group_id = unit_costs.cost_group_id
    left join {{ ref('stg_item') }} as items
        on components.component_item_id = items.item_id

),

added_lines as (

    select
        lines.cost_version_id,
        lines.item_id,
        made_items.low_level,
        case
            when lines.part = 'overhead' then 'overhead'
            when lines.driver = 'setup_time' then 'setup'
            when lines.driver = 'run_time' then 'run'
            else lines.driver
        end as node,
        lines.operation_id,
        lines.cost_group_id,
        case
            when lines.driver in ('setup_time', 'run_time') then 'h'
            when lines.part <> 'overhead' then coalesce(items.unit, 'pcs')
        end as unit,
        case
            when lines.driver in ('setup_time', 'run_time')
                then
                    {{ money_divide(['lines.variable_quantity'], ['3600'], 9) }}
                    + {{ money_divide(
                        ['lines.constant_quantity', '1'], ['3600', 'made_items.costing_lot_quantity'], 9
                    ) }}
            when lines.part <> 'overhead' then lines.variable_quantity
        end as quantity,
        lines.unit_price,
        lines.unit_cost
    from {{ ref('int_added_line') }} as lines
    inner join made_items
        on
            lines.cost_version_id = made_items.cost_version_id
            and lines.item_id = made_items.item_id
    left join {{ ref('stg_item') }} as items
        on lines.item_id = items.item_id
    where
        lines.part in ('operation', 'overhead')
        and (lines.variable_quantity <> 0 or lines.constant_quantity <> 0)

),

added as (

    select
        cost_version_id,
        item_id,
        low_level,
        node,
        cast(null as varchar) as component_item_id,
        false as is_made,
        operation_id,
        cost_group_id,
        cost_group_id as single_cost_group_id,
        {#- Of an overhead that bears on more than time there is no one quantity. #}
        case when count(unit) = count(*) then {{ bom_quantity('sum(quantity)') }} end as quantity,
        case when count(unit) = count(*) then min(unit) end as unit,
        case when count(unit) = count(*) and count(distinct unit_price) = 1 then {{ unit_money('min(unit_price)') }} end
            as unit_cost,
        {{ unit_money('sum(unit_cost)') }} as amount
    from added_lines
    group by cost_version_id, item_id, low_level, node, operation_id, cost_group_id

),

joint as (

    {#- What a process costs beside what its item bears of it, on both sides. #}
    select
        parts.cost_version_id,
        parts.item_id,
        made_items.low_level,
        parts.part as node,
        parts.part_id as component_item_id,
        parts.part = 'process' as is_made,
        parts.operation_id,
        parts.cost_group_id,
        parts.single_cost_group_id,
        products.unit_share as quantity,
        coalesce(items.unit, 'pcs') as unit,
        cast(null as decimal(18, 6)) as unit_cost,
        parts.unit_cost as amount
    from parts
    inner join made_items
        on
            parts.cost_version_id = made_items.cost_version_id
            and parts.item_id = made_items.item_id
    left join {{ ref('int_joint_product') }} as products
        on
            parts.cost_version_id = products.cost_version_id
            and case when parts.part = 'process' then parts.part_id end = products.item_id
            and parts.item_id = products.product_item_id
    left join {{ ref('stg_item') }} as items
        on products.item_id = items.item_id
    where parts.part in ('process', 'co_product')

),

nodes as (

    select * from components

    union all

    select * from added

    union all

    select * from joint

)

select
    nodes.cost_version_id,
    nodes.item_id,
    cast(nodes.low_level as integer) as low_level,
    nodes.node,
    nodes.component_item_id,
    nodes.is_made,
    nodes.operation_id,
    nodes.cost_group_id,
    nodes.single_cost_group_id,
    cast(nodes.quantity as decimal(24, 9)) as quantity,
    nodes.unit,
    cast(nodes.unit_cost as decimal(18, 6)) as unit_cost,
    cast(nodes.amount as decimal(18, 6)) as amount,
    versions.currency
from nodes
inner join {{ ref('stg_cost_version') }} as versions
    on nodes.cost_version_id = versions.cost_version_id
