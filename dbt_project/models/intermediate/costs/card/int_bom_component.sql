{#- What an item is made of in a costing version, and what is made beside it: the lines of the bill of material that
    holds then (of several the one that began last), phantoms blown through to what they are made of. What a phantom item
    itself is made of (`is_of_phantom`) is there for those who use it under another bill of material. -#}
{{ config(is_of_costing_files=true) }}
with recursive

bom_lines as (

    select
        *,
        min(coalesce(valid_from, timestamp '-infinity')) over (partition by item_id, bom_version) as began_at
    from {{ ref('stg_bom_line') }}

),

lines_then as (

    select
        versions.cost_version_id,
        bom_lines.*
    from {{ ref('int_costing_version') }} as versions
    inner join bom_lines
        on
            versions.costed_at >= coalesce(bom_lines.valid_from, timestamp '-infinity')
            and versions.costed_at < coalesce(bom_lines.valid_to, timestamp 'infinity')
    where versions.distance = 0
    qualify
        dense_rank() over (
            partition by versions.cost_version_id, bom_lines.item_id
            order by bom_lines.began_at desc, bom_lines.bom_version desc
        ) = 1

),

boms as (

    select distinct
        cost_version_id,
        item_id
    from lines_then

),

lines as (

    select
        lines_then.cost_version_id,
        lines_then.item_id,
        lines_then.bom_version,
        parents.item_id is not null as is_of_phantom,
        lines_then.component_item_id,
        lines_then.operation_id,
        lines_then.line_type,
        lines_then.cost_share_ratio,
        lines_then.burden_kind,
        lines_then.burden_rate,
        {{ quantity_with_scrap('lines_then') }} as quantity_per,
        {{ constant_with_scrap('lines_then') }} as constant_quantity,
        {#- A phantom without components is what it is: blown through to nothing, its cost would be lost. #}
        (coalesce(lines_then.is_phantom, false) or coalesce(items.is_phantom, false))
        and boms.item_id is not null
        and lines_then.line_type = 'component' as is_phantom
    from lines_then
    left join {{ ref('stg_item') }} as items
        on lines_then.component_item_id = items.item_id
    left join boms
        on
            lines_then.cost_version_id = boms.cost_version_id
            and lines_then.component_item_id = boms.item_id
    left join (select item_id from {{ ref('stg_item') }} where is_phantom) as parents
        on lines_then.item_id = parents.item_id

),

blown_through as (

    select *
    from lines

    union all

    select
        blown_through.cost_version_id,
        blown_through.item_id,
        blown_through.bom_version,
        blown_through.is_of_phantom,
        lines.component_item_id,
        blown_through.operation_id,
        lines.line_type,
        lines.cost_share_ratio,
        lines.burden_kind,
        lines.burden_rate,
        {{ bom_quantity('blown_through.quantity_per * lines.quantity_per') }} as quantity_per,
        {{ bom_quantity('blown_through.constant_quantity * lines.quantity_per + lines.constant_quantity') }}
            as constant_quantity,
        lines.is_phantom
    from blown_through
    inner join lines
        on
            blown_through.cost_version_id = lines.cost_version_id
            and blown_through.component_item_id = lines.item_id
    where
        blown_through.is_phantom
        and lines.line_type = 'component'

)

select
    cost_version_id,
    item_id,
    bom_version,
    is_of_phantom,
    component_item_id,
    operation_id,
    line_type,
    try_cast(sum(quantity_per) as decimal(24, 9)) as quantity_per,
    try_cast(sum(constant_quantity) as decimal(24, 9)) as constant_quantity,
    {#- Of a further product, which has one line. #}
    max(cost_share_ratio) as cost_share_ratio,
    max(burden_kind) as burden_kind,
    max(burden_rate) as burden_rate
from blown_through
where not is_phantom
group by cost_version_id, item_id, bom_version, is_of_phantom, component_item_id, operation_id, line_type
