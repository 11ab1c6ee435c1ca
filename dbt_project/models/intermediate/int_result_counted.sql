{#- Pieces and their results per production day and order: what the yields are made of. #}
{{ config(incremental_strategy='affected_days') }}
with

{{ affected_intervals_and_counts() }},

{{ intervals_counted() }},

{{ results_counted() }}

select
    site_id,
    work_unit_id,
    production_date,
    shift_id,
    production_order_id,
    operation_id,
    item_id,
    result,
    reason_id,
    quantity
from results_counted
