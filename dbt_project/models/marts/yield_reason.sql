{#- Why pieces were lost, in pieces: what a Pareto over any grouping is summed from. #}
{{ config(incremental_strategy='affected_days') }}
select
    results.site_id,
    results.work_unit_id,
    results.production_date,
    results.shift_id,
    results.production_order_id,
    results.operation_id,
    results.item_id,
    results.result,
    results.reason_id,
    reasons.name as reason_name,
    reasons.parent_reason_id,
    results.quantity
from {{ ref('int_result_counted') }} as results
semi join {{ ref('int_affected_day') }} as days
    on
        results.site_id = days.site_id
        and results.work_unit_id = days.work_unit_id
        and results.production_date = days.production_date
left join {{ ref('stg_reason_code') }} as reasons
    on results.reason_id = reasons.reason_id
where results.result in ('scrap', 'rework')
