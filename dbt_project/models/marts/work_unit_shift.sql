{{ config(incremental_strategy='affected_days') }}
with

shift_orders as (

    select shift_orders.*
    from {{ ref('work_unit_shift_order') }} as shift_orders
    semi join {{ ref('int_affected_day') }} as days
        on
            shift_orders.site_id = days.site_id
            and shift_orders.work_unit_id = days.work_unit_id
            and shift_orders.production_date = days.production_date
    where shift_orders.definition_id = 'iso22400'

)

{{ shift_kpis(
    'shift_orders',
    [],
    '(select evaluated_at from ' ~ ref('int_run') ~ ')'
) }}
