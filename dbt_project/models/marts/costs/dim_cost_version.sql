select
    versions.cost_version_id,
    versions.site_id,
    versions.cost_version_type,
    versions.status,
    versions.valid_from,
    site_costings.previous_version_id,
    versions.currency
from {{ ref('stg_cost_version') }} as versions
left join {{ ref('int_site_costing') }} as site_costings
    on versions.cost_version_id = site_costings.cost_version_id
