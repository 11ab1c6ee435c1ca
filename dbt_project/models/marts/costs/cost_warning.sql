{#- What makes a standard cost doubtful; nothing that is missing is silently nought. -#}
{{ config(is_of_costing_files=true) }}
with

versions as (

    select distinct cost_version_id
    from {{ ref('int_costing_version') }}

),

made_items as (

    select *
    from {{ ref('int_made_item') }}

),

operations as (

    select *
    from {{ ref('int_priced_operation') }}

),

unit_costs as (

    select
        cost_version_id,
        item_id,
        sum(unit_cost) as unit_cost
    from {{ ref('int_unit_cost_part') }}
    group by cost_version_id, item_id

)

select
    cost_version_id,
    item_id,
    'no_bom' as warning,
    cast(null as varchar) as operation_id
from made_items
where
    (cost_version_id, item_id) not in (
        select (cost_version_id, item_id) from {{ ref('int_bom_component') }}
        union
        select (cost_version_id, product_item_id) from {{ ref('int_joint_product') }}
    )

union all

select
    cost_version_id,
    item_id,
    'no_route' as warning,
    null as operation_id
from made_items
where
    (cost_version_id, item_id) not in (
        select (cost_version_id, item_id) from operations
        union
        select (cost_version_id, product_item_id) from {{ ref('int_joint_product') }}
        where product_type = 'co_product'
    )

union all

select
    cost_version_id,
    item_id,
    'no_rate' as warning,
    operation_id
from operations
where rate is null

union all

select
    versions.cost_version_id,
    items.item_id,
    'zero_cost' as warning,
    null as operation_id
from versions
cross join {{ ref('stg_item') }} as items
left join unit_costs
    on
        versions.cost_version_id = unit_costs.cost_version_id
        and items.item_id = unit_costs.item_id
where
    coalesce(unit_costs.unit_cost, 0) = 0
    {#- A by-product bears nothing. #}
    and (versions.cost_version_id, items.item_id) not in (
        select (cost_version_id, product_item_id) from {{ ref('int_joint_product') }}
        where product_type = 'by_product'
    )
    and (
        {#- A phantom that was blown through has no cost of its own. #}
        not coalesce(items.is_phantom, false)
        or (versions.cost_version_id, items.item_id) in (
            select (components.cost_version_id, components.component_item_id)
            from {{ ref('int_bom_component') }} as components
            where components.is_of_phantom is not true
        )
    )

union all

select distinct
    cost_version_id,
    item_id,
    'fallback_used' as warning,
    operation_id
from operations
where is_fallback

union all

select
    item_costs.cost_version_id,
    item_costs.item_id,
    'fallback_used' as warning,
    null as operation_id
from {{ ref('int_item_cost') }} as item_costs
left join made_items
    on
        item_costs.cost_version_id = made_items.cost_version_id
        and item_costs.item_id = made_items.item_id
where case when made_items.item_id is null then item_costs.is_unit_cost_fallback else item_costs.is_lot_fallback end

union all

select
    cost_version_id,
    item_id,
    'not_allocated' as warning,
    null as operation_id
from {{ ref('int_joint_product') }}
where
    product_type = 'main'
    and not is_allocated

union all

{#- More than any amount may be: it is left out of all sums. #}
select distinct
    cost_version_id,
    item_id,
    'too_large' as warning,
    operation_id
from {{ ref('int_unit_cost_part') }}
where unit_cost is null
