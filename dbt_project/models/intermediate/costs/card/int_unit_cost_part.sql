{#- What a unit of each item costs in each costing version, part by part, from the lowest level up. `cost_group_id` is
    where the money went first, `single_cost_group_id` where it goes when a made component counts as a whole. Both are
    groups of the same rows, so both add up to the same unit cost. The item of a process has all its parts, and less
    than nothing for what co-products bear of each; a co-product has its share of them. -#}
{{ config(is_of_costing_files=true) }}
with recursive

levelled_parts as (

    select
        added_parts.cost_version_id,
        added_parts.item_id,
        added_parts.part,
        added_parts.part_id,
        added_parts.operation_id,
        added_parts.cost_group_id,
        added_parts.cost_group_id as single_cost_group_id,
        coalesce(made_items.low_level, 0) as low_level,
        {{ unit_money('sum(added_parts.unit_cost)') }} as unit_cost
    from {{ ref('int_added_line') }} as added_parts
    left join {{ ref('int_made_item') }} as made_items
        on
            added_parts.cost_version_id = made_items.cost_version_id
            and added_parts.item_id = made_items.item_id
    group by all

),

made_components as (

    {#- What goes up of a made one is what its co-products leave; what a co-product bears is of the whole process. #}
    select
        components.cost_version_id,
        components.item_id,
        'component' as part,
        components.component_item_id,
        components.operation_id,
        components.low_level,
        components.cost_group_id,
        components.quantity,
        coalesce(products.unit_share, 1) as unit_share
    from {{ ref('int_costed_component') }} as components
    left join {{ ref('int_joint_product') }} as products
        on
            components.cost_version_id = products.cost_version_id
            and components.component_item_id = products.item_id
            and products.product_type = 'main'
    where components.is_made

    union all

    select
        products.cost_version_id,
        products.product_item_id as item_id,
        'process' as part,
        products.item_id as component_item_id,
        null as operation_id,
        made_items.low_level,
        coalesce(items.cost_group_id, 'material') as cost_group_id,
        1 as quantity,
        products.unit_share
    from {{ ref('int_joint_product') }} as products
    inner join {{ ref('int_made_item') }} as made_items
        on
            products.cost_version_id = made_items.cost_version_id
            and products.product_item_id = made_items.item_id
    left join {{ ref('stg_item') }} as items
        on products.item_id = items.item_id
    where products.product_type = 'co_product'

),

highest as (

    select max(low_level) as low_level
    from {{ ref('int_made_item') }}

),

rolled_up as (

    {#- Each pass hands on all that is known and adds the items of the next level, whose parts are known then. #}
    select
        levelled_parts.*,
        passes.pass
    {#- Outer: where nothing is known of the lowest level the passes still go on. #}
    from (select 0 as pass) as passes
    left join levelled_parts
        on passes.pass = levelled_parts.low_level

    union all

    select
        grown.cost_version_id,
        grown.item_id,
        grown.part,
        grown.part_id,
        grown.operation_id,
        grown.cost_group_id,
        grown.single_cost_group_id,
        grown.low_level,
        grown.unit_cost,
        grown.pass + 1 as pass
    from (
        select * from rolled_up

        union all

        select
            levelled_parts.*,
            passes.pass
        from levelled_parts
        inner join (select max(pass) as pass from rolled_up) as passes
            on levelled_parts.low_level = passes.pass + 1

        union all

        select
            components.cost_version_id,
            components.item_id,
            components.part,
            components.component_item_id as part_id,
            components.operation_id,
            rolled_up.cost_group_id,
            components.cost_group_id as single_cost_group_id,
            components.low_level,
            {{ unit_money(
                'components.quantity * sum(' ~ unit_money('components.unit_share * rolled_up.unit_cost') ~ ')'
            ) }} as unit_cost,
            rolled_up.pass
        from made_components as components
        inner join rolled_up
            on
                components.cost_version_id = rolled_up.cost_version_id
                and components.component_item_id = rolled_up.item_id
                and components.low_level = rolled_up.pass + 1
        group by
            components.cost_version_id,
            components.item_id,
            components.part,
            components.component_item_id,
            components.operation_id,
            components.cost_group_id,
            components.low_level,
            components.quantity,
            rolled_up.cost_group_id,
            rolled_up.pass
    ) as grown
    cross join highest
    where grown.pass < highest.low_level

),

parts as (

    select
        rolled_up.cost_version_id,
        rolled_up.item_id,
        rolled_up.part,
        rolled_up.part_id,
        rolled_up.operation_id,
        rolled_up.cost_group_id,
        rolled_up.single_cost_group_id,
        rolled_up.unit_cost
    from rolled_up
    cross join highest
    where
        rolled_up.pass = coalesce(highest.low_level, 0)
        and rolled_up.item_id is not null

)

select * from parts

union all

select
    parts.cost_version_id,
    parts.item_id,
    'co_product' as part,
    case when parts.part = 'component' then parts.part_id end as part_id,
    parts.operation_id,
    parts.cost_group_id,
    parts.single_cost_group_id,
    {{ unit_money('sum(' ~ unit_money('products.unit_share * parts.unit_cost') ~ ' - parts.unit_cost)') }} as unit_cost
from parts
inner join {{ ref('int_joint_product') }} as products
    on
        parts.cost_version_id = products.cost_version_id
        and parts.item_id = products.item_id
        and products.product_type = 'main'
where products.unit_share <> 1
group by all
