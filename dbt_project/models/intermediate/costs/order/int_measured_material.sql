{#- Material that counters measured while an order was worked on, by the quarters of an hour in which they told it; what
    is used between orders is nobody's. -#}
{{ config(incremental_strategy='affected_days') }}
-- depends_on: {{ ref('int_changed_order') }}
select
    intervals.site_id,
    intervals.work_unit_id,
    intervals.production_date,
    intervals.shift_id,
    intervals.production_order_id,
    intervals.operation_id,
    counts.material_item_id as item_id,
    greatest(counts.started_at, counts.quarter_started_at) as measured_at,
    try_cast(sum(counts.quantity) as decimal(18, 6)) as quantity
from {{ ref('int_interval_count') }} as counts
semi join {{ ref('int_affected_day') }} as days
    on
        counts.site_id = days.site_id
        and counts.work_unit_id = days.work_unit_id
        and counts.production_date = days.production_date
inner join {{ ref('state_interval') }} as intervals
    on
        counts.site_id = intervals.site_id
        and counts.work_unit_id = intervals.work_unit_id
        and counts.production_date = intervals.production_date
        and counts.started_at = intervals.started_at
where
    counts.role = 'consumption'
    and intervals.production_order_id is not null
group by all
