{#- The overhead formulas of the costing version that each site has from each moment on, and what it costs then to be
    rid of by-products: an overhead of one item. -#}
{{ config(materialized='view') }}
with

moments as (

    select moment_at from {{ ref('int_cost_moment') }}
    union
    select timestamp '-infinity' as moment_at

)

select
    site_costings.site_id,
    moments.moment_at,
    cast(null as varchar) as item_id,
    cast(null as varchar) as driver,
    formulas.overhead_id,
    formulas.kind,
    formulas.base,
    formulas.rate
from moments
inner join {{ ref('int_site_costing') }} as site_costings
    on
        moments.moment_at >= site_costings.began_at
        and moments.moment_at < site_costings.ended_at
inner join {{ ref('int_costing_version') }} as versions
    on site_costings.cost_version_id = versions.cost_version_id
inner join {{ ref('stg_overhead_formula') }} as formulas
    on versions.looked_up_version_id = formulas.cost_version_id
qualify
    dense_rank() over (
        partition by site_costings.site_id, moments.moment_at, formulas.overhead_id
        order by versions.distance asc
    ) = 1

union all

select
    site_costings.site_id,
    moments.moment_at,
    burdens.item_id,
    burdens.driver,
    burdens.overhead_id,
    burdens.kind,
    burdens.base,
    burdens.rate
from moments
inner join {{ ref('int_site_costing') }} as site_costings
    on
        moments.moment_at >= site_costings.began_at
        and moments.moment_at < site_costings.ended_at
inner join ({{ by_product_burdens() }}) as burdens
    on site_costings.cost_version_id = burdens.cost_version_id
