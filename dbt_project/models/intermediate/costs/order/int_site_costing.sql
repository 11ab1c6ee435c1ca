{#- Which costing version a site's costs are of, from when to when: the active standard versions, each up to the
    next. -#}
{{ config(materialized='view') }}
select
    site_id,
    cost_version_id,
    lag(cost_version_id) over in_turn as previous_version_id,
    currency,
    coalesce(valid_from, timestamp '-infinity') as began_at,
    lead(coalesce(valid_from, timestamp '-infinity'), 1, timestamp 'infinity') over in_turn as ended_at
from {{ ref('stg_cost_version') }}
where
    cost_version_type = 'standard'
    and status = 'active'
window in_turn as (
    partition by site_id
    order by coalesce(valid_from, timestamp '-infinity'), cost_version_id
)
