{#- What an hour or a piece costs at each work unit from each moment on, whatever an order's own version says: by the
    costing version that the site has then. Without a work unit: where nobody says at which it was done. -#}
with

moments as (

    select moment_at from {{ ref('int_cost_moment') }}
    union
    select timestamp '-infinity' as moment_at

),

work_units as (

    select
        site_id,
        equipment_id as work_unit_id
    from {{ ref('stg_equipment') }}
    where level = 'work_unit'

    union

    select
        site_id,
        null as work_unit_id
    from {{ ref('int_site_costing') }}

)

select
    work_units.site_id,
    work_units.work_unit_id,
    moments.moment_at,
    coalesce(rates.cost_category_id, 'conversion') as cost_category_id,
    rates.kind,
    rates.rate
from moments
inner join {{ ref('int_site_costing') }} as site_costings
    on
        moments.moment_at >= site_costings.began_at
        and moments.moment_at < site_costings.ended_at
inner join {{ ref('int_costing_version') }} as versions
    on site_costings.cost_version_id = versions.cost_version_id
inner join work_units
    on site_costings.site_id = work_units.site_id
inner join {{ ref('stg_cost_rate') }} as rates
    on
        versions.looked_up_version_id = rates.cost_version_id
        and (rates.work_unit_id is null or work_units.work_unit_id = rates.work_unit_id)
        and coalesce(rates.valid_from, timestamp '-infinity') <= moments.moment_at
qualify
    row_number() over (
        partition by
            work_units.site_id, work_units.work_unit_id, moments.moment_at, rates.cost_category_id, rates.kind
        order by versions.distance asc, rates.work_unit_id is null asc, rates.valid_from desc nulls last
    ) = 1
