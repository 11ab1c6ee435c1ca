{#- The cost card of each made item in each costing version, one level deep: what a unit and a lot of it need, made
    components at their own standard cost. The unit costs of its lines are the item's standard cost. -#}
{{ config(is_of_costing_files=true) }}
with

made_unit_costs as (

    select
        cost_version_id,
        item_id,
        sum(unit_cost) as unit_cost
    from {{ ref('int_unit_cost_part') }}
    group by cost_version_id, item_id

),

made_parts as (

    select
        cost_version_id,
        item_id,
        part_id,
        operation_id,
        sum(unit_cost) as unit_cost
    from {{ ref('int_unit_cost_part') }}
    where part = 'component'
    group by cost_version_id, item_id, part_id, operation_id

),

made_components as (

    select
        components.cost_version_id,
        components.item_id,
        components.operation_id,
        components.cost_group_id,
        'material' as driver,
        components.component_item_id as line_id,
        false as is_overhead,
        components.variable_quantity,
        components.constant_quantity,
        try_cast(coalesce(made_unit_costs.unit_cost, 0) as decimal(24, 9)) as unit_price,
        try_cast(coalesce(made_parts.unit_cost, 0) as decimal(18, 6)) as unit_cost
    from {{ ref('int_costed_component') }} as components
    left join made_unit_costs
        on
            components.cost_version_id = made_unit_costs.cost_version_id
            and components.component_item_id = made_unit_costs.item_id
    left join made_parts
        on
            components.cost_version_id = made_parts.cost_version_id
            and components.item_id = made_parts.item_id
            and components.component_item_id = made_parts.part_id
            and components.operation_id is not distinct from made_parts.operation_id
    where components.is_made

)

select
    lines.cost_version_id,
    lines.item_id,
    lines.operation_id,
    lines.cost_group_id,
    lines.driver,
    lines.line_id,
    lines.part = 'overhead' as is_overhead,
    lines.variable_quantity,
    lines.constant_quantity,
    lines.unit_price,
    coalesce(lines.unit_cost, 0) as unit_cost,
    coalesce({{ constant_unit_cost('lines') }}, 0) as constant_unit_cost
from {{ ref('int_added_line') }} as lines
where lines.part <> 'purchase'

union all

select
    *,
    {{ constant_unit_cost('made_components') }} as constant_unit_cost
from made_components
