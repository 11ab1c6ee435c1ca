select
    period_id,
    starts_at,
    ends_at
from {{ ref('int_period') }}
