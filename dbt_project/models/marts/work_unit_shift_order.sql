{{ config(incremental_strategy='affected_days') }}
with

{{ affected_intervals_and_counts() }},

{{ intervals_counted() }},

{{ shifts_summed() }}

{{ shift_kpis(
    'shift_orders',
    ['production_order_id', 'operation_id', 'item_id'],
    '(select evaluated_at from ' ~ ref('int_run') ~ ')'
) }}
