{{ config(incremental_strategy='affected_days', pre_hook="{{ bound_by_affected_days() }}") }}
with

{{ affected_days() }},

intervals as (

    select state_interval.*
    from {{ ref('state_interval') }} as state_interval
    semi join days
        on
            state_interval.site_id = days.site_id
            and state_interval.work_unit_id = days.work_unit_id
            and state_interval.production_date = days.production_date

),

{{ samples_given_meaning() }},

{{ counters_differenced() }},

{{ intervals_counted() }},

{{ shifts_summed() }}

{{ shift_kpis(
    'shift_orders',
    ['production_order_id', 'operation_id', 'item_id'],
    '(select evaluated_at from ' ~ ref('int_run') ~ ')'
) }}
