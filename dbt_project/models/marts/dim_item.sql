select
    item_id,
    name,
    unit
from {{ ref('stg_item') }}
