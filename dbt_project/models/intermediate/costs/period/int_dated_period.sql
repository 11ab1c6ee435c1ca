{#- The accounting periods, and what lies before the first and after the last one as periods of their own: each
    moment is of the last that had begun. -#}
{{ config(materialized='view') }}
select
    period_id,
    starts_at
from {{ ref('int_period') }}

union all

select
    'before' as period_id,
    timestamp '-infinity' as starts_at

union all

select
    'after' as period_id,
    max(ends_at) as starts_at
from {{ ref('int_period') }}
having max(ends_at) is not null
