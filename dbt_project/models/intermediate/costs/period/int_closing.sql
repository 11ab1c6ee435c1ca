{#- The closings that count: those that were not reopened. -#}
{{ config(materialized='view') }}
select closings.*
from {{ source('accounting', 'closing') }} as closings
anti join {{ source('accounting', 'reopening') }} as reopenings
    on closings.closing_id = reopenings.closing_id
