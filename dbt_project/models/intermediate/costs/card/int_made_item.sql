{#- The items that are made in a costing version: those with a bill of material or a route. `low_level` is the longest
    way down to an item whose components are all bought (0). -#}
{{ config(is_of_costing_files=true) }}
with recursive

made_items as (

    select
        cost_version_id,
        item_id
    from {{ ref('int_bom_component') }}

    union

    select
        cost_version_id,
        item_id
    from {{ ref('int_priced_operation') }}

),

ways as (

    select
        cost_version_id,
        item_id,
        0 as low_level
    from made_items

    union

    select
        components.cost_version_id,
        components.item_id,
        ways.low_level + 1 as low_level
    from ways
    inner join {{ ref('int_bom_component') }} as components
        on
            ways.cost_version_id = components.cost_version_id
            and ways.item_id = components.component_item_id

)

select
    ways.cost_version_id,
    ways.item_id,
    coalesce(item_costs.costing_lot_quantity, 1) as costing_lot_quantity,
    max(ways.low_level) as low_level
from ways
left join {{ ref('int_item_cost') }} as item_costs
    on
        ways.cost_version_id = item_costs.cost_version_id
        and ways.item_id = item_costs.item_id
group by ways.cost_version_id, ways.item_id, item_costs.costing_lot_quantity
