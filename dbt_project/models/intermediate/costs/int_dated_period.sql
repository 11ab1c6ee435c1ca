{#- The accounting periods, and what lies before the first one as one of its own: each moment is of the last that had
    begun. -#}
{{ config(materialized='ephemeral') }}
select
    period_id,
    starts_at
from {{ ref('int_period') }}

union all

select
    'before' as period_id,
    timestamp '-infinity' as starts_at
