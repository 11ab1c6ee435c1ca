{#- Which cost groups are below each line of the costing sheet: of the stated one, without any of the default one. Each
    cost group that has a cost is below the total once. -#}
{{ config(materialized='view') }}
with recursive

stated as (

    select *
    from {{ ref('stg_costing_sheet') }}

),

sheets as (

    select count(*) > 0 as is_stated
    from stated

),

categories as (

    {#- Also one that no rate has: its hours are booked or routed. #}
    select cost_category_id from {{ ref('stg_cost_rate') }}
    union
    select cost_category_id from {{ ref('stg_labour_booking') }}
    union
    select cost_category_id from {{ ref('stg_routing_operation') }}

),

added_groups as (

    {#- What no stated line takes. By default an id of several kinds of cost is an overhead, else a category. #}
    select
        costs.cost_group_id,
        case
            when sheets.is_stated then 'not_on_sheet'
            when
                costs.cost_group_id = 'by_product_burden'
                or costs.cost_group_id in (select overhead_id from {{ ref('stg_overhead_formula') }})
                then 'overheads'
            when
                costs.cost_group_id in ('conversion', '{{ var("labour_cost_category") }}')
                or costs.cost_group_id in (select cost_category_id from categories)
                then 'conversion'
            when costs.cost_group_id = 'subcontract' then 'direct_cost'
            else 'direct_material'
        end as parent_line_id
    from (
        select cost_group_id
        from {{ ref('standard_cost') }}
        union
        select cost_group_id
        from {{ ref('order_cost') }}
    ) as costs
    cross join sheets
    anti join stated
        on costs.cost_group_id = stated.cost_group_id

),

lines as (

    {#- `place` orders the lines of a subtotal: those with a sequence, those without, what is not on the sheet. #}
    select
        line_id,
        coalesce(parent_line_id, 'total') as parent_line_id,
        name,
        row(if(sequence is null, 1, 0), coalesce(sequence, 0), line_id) as place
    from stated
    group by line_id, parent_line_id, name, sequence

    union all

    select
        nodes.line_id,
        nodes.parent_line_id,
        nodes.name,
        row(nodes.place, nodes.sequence, nodes.line_id) as place
    from (
        values
        ('total', null, 'Total', 0, 1),
        ('direct_cost', 'total', 'Direct cost', 0, 1),
        ('direct_material', 'direct_cost', 'Direct material', 0, 1),
        ('conversion', 'direct_cost', 'Conversion', 0, 3),
        ('overheads', 'total', 'Overheads', 0, 2),
        ('not_on_sheet', 'total', 'Not on the sheet', 2, 0)
    ) as nodes (line_id, parent_line_id, name, place, sequence)
    inner join sheets
        on nodes.line_id = 'total' or (nodes.line_id = 'not_on_sheet') = sheets.is_stated

    union all

    select
        concat(parent_line_id, '/', cost_group_id) as line_id,
        parent_line_id,
        cost_group_id as name,
        row(0, 2, cost_group_id) as place
    from added_groups

),

ways as (

    select
        line_id,
        parent_line_id,
        name,
        [line_id] as way,
        [place] as places
    from lines
    where parent_line_id is null

    union all

    select
        lines.line_id,
        lines.parent_line_id,
        lines.name,
        list_append(ways.way, lines.line_id) as way,
        list_append(ways.places, lines.place) as places
    from ways
    inner join lines
        on ways.line_id = lines.parent_line_id

),

taken as (

    select
        line_id,
        cost_group_id
    from stated
    where cost_group_id is not null

    union all

    select
        concat(parent_line_id, '/', cost_group_id) as line_id,
        cost_group_id
    from added_groups

),

below as (

    select
        unnest(ways.way) as line_id,
        taken.cost_group_id
    from taken
    inner join ways
        on taken.line_id = ways.line_id

)

select
    ways.line_id,
    below.cost_group_id,
    ways.parent_line_id,
    ways.name,
    cast(len(ways.way) - 1 as integer) as depth,
    {#- A subtotal stands after its lines. #}
    cast(dense_rank() over (
        order by list_append(ways.places, row(3, 0, ''))
    ) as integer) as sequence,
    ways.line_id in (select parent_line_id from lines where parent_line_id is not null) as is_subtotal
from below
inner join ways
    on below.line_id = ways.line_id
