{#- The items that are made in a costing version: those with a bill of material or a route, and their co-products, which
    are made of what the process costs. `low_level` is the longest way down to an item whose components are all bought
    (0). -#}
{{ config(is_of_costing_files=true) }}
with recursive

uses as (

    select
        cost_version_id,
        case line_type when 'co_product' then component_item_id else item_id end as item_id,
        case line_type when 'co_product' then item_id else component_item_id end as component_item_id
    from {{ ref('int_bom_component') }}
    where
        line_type <> 'by_product'
        and is_of_phantom is not true

),

made_items as (

    select
        cost_version_id,
        item_id
    from uses

    union

    {#- Also one of which nothing is known but what is made beside it. #}
    select
        cost_version_id,
        item_id
    from {{ ref('int_bom_component') }}
    where is_of_phantom is not true

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
        uses.cost_version_id,
        uses.item_id,
        ways.low_level + 1 as low_level
    from ways
    inner join uses
        on
            ways.cost_version_id = uses.cost_version_id
            and ways.item_id = uses.component_item_id

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
