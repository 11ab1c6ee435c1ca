{#- What a unit of each item costs in each costing version, part by part, from the lowest level up. `cost_group_id` is
    where the money went first, `single_cost_group_id` where it goes when a made component counts as a whole. Both are
    groups of the same rows, so both add up to the same unit cost. -#}
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

    select *
    from {{ ref('int_costed_component') }}
    where is_made

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
            'component' as part,
            components.component_item_id as part_id,
            components.operation_id,
            rolled_up.cost_group_id,
            components.cost_group_id as single_cost_group_id,
            components.low_level,
            {{ unit_money('components.quantity * sum(rolled_up.unit_cost)') }} as unit_cost,
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

)

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
