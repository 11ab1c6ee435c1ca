{#- Shifts by the hours of the site's clock: intervals are cut at them, and pieces count in the hour in which their
    counter told them. #}
{{ config(materialized='view') }}
with

days as (

    select distinct
        site_id,
        work_unit_id,
        production_date,
        day_started_at as started_at,
        day_ended_at as ended_at
    from {{ ref('int_calendar_segment') }}

),

{{ cut_at_hours(ref('state_interval'), ref('int_interval_count')) }},

{{ intervals_counted(intervals='intervals_of_hours', counts='counts_of_hours') }},

{{ shifts_summed(['hour_started_at']) }}

{{ hour_kpis('(select evaluated_at from ' ~ ref('int_run') ~ ')') }}
