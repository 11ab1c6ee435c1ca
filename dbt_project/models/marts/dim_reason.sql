select
    reason_id,
    name,
    parent_reason_id,
    loss_category
from {{ ref('stg_reason_code') }}
