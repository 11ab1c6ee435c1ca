-- Fails if the time elements of a shift or day do not add up to its length.
{%- for mart, started in [('work_unit_shift_order', 'shift_started_at'), ('work_unit_day', 'production_date')] %}
select
    site_id,
    work_unit_id,
    cast({{ started }} as timestamp) as started
from {{ ref(mart) }}
where
    calendar_time_s <> not_scheduled_time_s + planned_downtime_s + planned_busy_time_s
    or planned_busy_time_s
    <> actual_production_time_s + actual_setup_time_s + actual_delay_time_s + actual_down_time_s + unknown_time_s
    or minor_stop_time_s > actual_delay_time_s
    or least(
        not_scheduled_time_s, planned_downtime_s, actual_production_time_s, actual_setup_time_s,
        actual_delay_time_s, actual_down_time_s, unknown_time_s, minor_stop_time_s
    ) < 0
{{ 'union all' if not loop.last }}
{%- endfor %}

union all

select
    days.site_id,
    days.work_unit_id,
    cast(days.production_date as timestamp) as started
from {{ ref('work_unit_day') }} as days
inner join (
    select distinct
        site_id,
        work_unit_id,
        production_date,
        day_started_at,
        day_ended_at
    from {{ ref('int_calendar_segment') }}
) as calendar
    on
        days.site_id = calendar.site_id
        and days.work_unit_id = calendar.work_unit_id
        and days.production_date = calendar.production_date
inner join {{ ref('int_run') }} as run
    on calendar.day_ended_at <= run.evaluated_at
where days.calendar_time_s <> {{ seconds(microseconds_between('calendar.day_started_at', 'calendar.day_ended_at')) }}
