-- Fails if the time elements of a shift do not add up to its length.
select *
from {{ ref('work_unit_shift_order') }}
where
    calendar_time_s <> not_scheduled_time_s + planned_downtime_s + planned_busy_time_s
    or planned_busy_time_s
    <> actual_production_time_s + actual_setup_time_s + actual_delay_time_s + actual_down_time_s + unknown_time_s
    or minor_stop_time_s > actual_delay_time_s
    or least(
        planned_downtime_s, actual_production_time_s, actual_setup_time_s, actual_delay_time_s,
        actual_down_time_s, unknown_time_s, minor_stop_time_s
    ) < 0
