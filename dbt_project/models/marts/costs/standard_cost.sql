{{ config(is_of_costing_files=true) }}
with

parts as (

    select *
    from {{ ref('int_unit_cost_part') }}

),

levels as (

    select
        cost_version_id,
        item_id,
        single_cost_group_id as cost_group_id,
        'single' as level,
        unit_cost
    from parts

    union all

    select
        cost_version_id,
        item_id,
        cost_group_id,
        'rolled_up' as level,
        unit_cost
    from parts

)

select
    levels.cost_version_id,
    levels.item_id,
    levels.cost_group_id,
    levels.level,
    {{ unit_money('sum(levels.unit_cost)') }} as unit_cost,
    versions.currency
from levels
inner join {{ ref('stg_cost_version') }} as versions
    on levels.cost_version_id = versions.cost_version_id
group by levels.cost_version_id, levels.item_id, levels.cost_group_id, levels.level, versions.currency
