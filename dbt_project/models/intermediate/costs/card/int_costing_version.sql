{#- Each costing version with the versions in which a cost is looked up, itself first (distance 0), and the moment as of
    which its bills of material and routes are taken: its beginning, for one without any the present. #}
with recursive

versions as (

    select *
    from {{ ref('stg_cost_version') }}

),

looked_up as (

    select
        cost_version_id,
        cost_version_id as looked_up_version_id,
        fallback_version_id,
        0 as distance
    from versions

    union all

    select
        looked_up.cost_version_id,
        versions.cost_version_id as looked_up_version_id,
        versions.fallback_version_id,
        looked_up.distance + 1 as distance
    from looked_up
    inner join versions
        on looked_up.fallback_version_id = versions.cost_version_id

)

select
    looked_up.cost_version_id,
    looked_up.looked_up_version_id,
    looked_up.distance,
    versions.currency,
    coalesce(versions.valid_from, int_run.evaluated_at) as costed_at
from looked_up
inner join versions
    on looked_up.cost_version_id = versions.cost_version_id
cross join {{ ref('int_run') }} as int_run
