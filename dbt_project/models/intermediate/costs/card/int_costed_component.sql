{#- How much of each component a unit of an item needs at each operation in a costing version: with the scrap planned
    for it and for the operations that it goes through, per unit and per lot. -#}
{{ config(is_of_costing_files=true) }}
with

operations as (

    select distinct
        cost_version_id,
        item_id,
        operation_id,
        pieces_started
    from {{ ref('int_priced_operation') }}

)

select
    components.cost_version_id,
    components.item_id,
    components.component_item_id,
    components.operation_id,
    made_items.low_level,
    coalesce(items.cost_group_id, 'material') as cost_group_id,
    (components.cost_version_id, components.component_item_id) in (
        select (cost_version_id, item_id) from {{ ref('int_made_item') }}
    ) as is_made,
    {{ bom_quantity('components.quantity_per * coalesce(operations.pieces_started, 1)') }} as variable_quantity,
    components.constant_quantity,
    cast(
        {{ bom_quantity('components.quantity_per * coalesce(operations.pieces_started, 1)') }}
        + {{ money_divide(['components.constant_quantity'], ['made_items.costing_lot_quantity'], 9) }}
        as decimal(24, 9)
    ) as quantity
from {{ ref('int_bom_component') }} as components
inner join {{ ref('int_made_item') }} as made_items
    on
        components.cost_version_id = made_items.cost_version_id
        and components.item_id = made_items.item_id
left join operations
    on
        components.cost_version_id = operations.cost_version_id
        and components.item_id = operations.item_id
        and components.operation_id = operations.operation_id
left join {{ ref('stg_item') }} as items
    on components.component_item_id = items.item_id
where components.line_type = 'component'
