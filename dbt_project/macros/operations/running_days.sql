{% macro running_days() -%}
{#- The CTEs that the operations macros start from, for the present: each work unit's running production day and
    raw at the head. What lies before the day is known from int_day_carry as of the last refresh. #}
segments as (

    select * from {{ ref('int_calendar_segment') }}

),

days as (

    select distinct
        site_id,
        work_unit_id,
        production_date,
        day_started_at as started_at,
        day_ended_at as ended_at,
        {{ evaluation_time() }} as evaluated_at
    from segments
    where
        day_started_at < {{ evaluation_time() }}
        and day_ended_at >= {{ evaluation_time() }}

),

telemetry as (

    {# A production day began less than two UTC days ago. The bound is a constant to the planner: it prunes files. #}
    select *
    from {{ ref('stg_telemetry') }}
    where observed_date >= cast({{ evaluation_time() }} as date) - 3

),

day_carry as (

    select * from {{ ref('int_day_carry') }}

),

heard as (

    {{ heard_before() }}

    union all

    select
        site_id,
        work_unit_id,
        collector,
        epoch,
        min(received_at) as first_received_at,
        min(observed_at) as first_observed_at,
        max(observed_at) as last_observed_at,
        bool_or(starts_with(signal, '$')) as has_events
    from telemetry
    group by all

),

stop_entries as (

    {#- Distinct: what is known from the last refresh may stand in telemetry too. #}
    select * exclude (arrived_after_snapshot_id) from {{ ref('int_stop_entry') }}
    union
    {{ stop_entries_told('telemetry') }}

)
{%- endmacro %}
