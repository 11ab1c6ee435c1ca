select
    production_order_id,
    site_id,
    item_id,
    route_version,
    mode,
    production_flow_id,
    project_id,
    order_quantity,
    released_at,
    ended_at,
    due_at,
    status
from {{ ref('stg_production_order') }}
