select
    cost_version_id,
    site_id,
    cost_version_type,
    status,
    valid_from,
    currency
from {{ ref('stg_cost_version') }}
