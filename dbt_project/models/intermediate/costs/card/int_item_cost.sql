{#- What is stated of an item's cost in a costing version: of the nearest version that states it. -#}
{{ config(is_of_costing_files=true) }}
select
    versions.cost_version_id,
    item_costs.item_id,
    arg_min(item_costs.unit_cost, versions.distance) as unit_cost,
    coalesce(arg_min(item_costs.costing_lot_quantity, versions.distance), 1) as costing_lot_quantity,
    arg_min(item_costs.sales_price, versions.distance) as sales_price,
    arg_min(item_costs.separable_unit_cost, versions.distance) as separable_unit_cost,
    coalesce(min(versions.distance) filter (where item_costs.unit_cost is not null), 0) > 0 as is_unit_cost_fallback,
    coalesce(min(versions.distance) filter (where item_costs.costing_lot_quantity is not null), 0) > 0
        as is_lot_fallback
from {{ ref('int_costing_version') }} as versions
inner join {{ ref('stg_item_cost') }} as item_costs
    on versions.looked_up_version_id = item_costs.cost_version_id
group by versions.cost_version_id, item_costs.item_id
