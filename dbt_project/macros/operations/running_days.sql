{% macro running_days() -%}
{#- The CTEs that the operations macros start from, for the present: each work unit's running production day and
    raw at the head. What lies before the day is known from int_day_carry and what has arrived since the last refresh. #}
segments as (

    select * from {{ ref('int_calendar_segment') }}

),

telemetry as (

    {# A production day began less than two UTC days ago. The bound is a constant to the planner: it prunes files. #}
    select *
    from {{ ref('stg_telemetry') }}
    where observed_date >= cast({{ evaluation_time() }} as date) - 3

),

{#- Of any day, so that a late sample counts at once, however long the silence after it was. The bound is read from
    a table first, so it prunes files as a constant does. #}
telemetry_since_the_last_refresh as (

    select *
    from {{ ref('stg_telemetry') }}
    where snapshot_id > (select max(pinned_snapshot_id) from {{ ref('int_completed_run') }})

),

day_carry as (

    select
        * exclude (arrived_first_observed_at, arrived_last_observed_at, first_snapshot_id, last_snapshot_id)
    from {{ ref('int_day_carry') }}

    union all by name

    select
        * exclude (arrived_first_observed_at, arrived_last_observed_at, first_snapshot_id, last_snapshot_id)
    from ({{ samples_folded('telemetry_since_the_last_refresh') }}) as arrived

),

heard as (

    {{ heard_before() }}

),

{#- A work unit that has told nothing yet has no days, as in history. #}
days as (

    select distinct
        segments.site_id,
        segments.work_unit_id,
        segments.production_date,
        segments.day_started_at as started_at,
        segments.day_ended_at as ended_at,
        {{ evaluation_time() }} as evaluated_at
    from segments
    semi join heard
        on
            segments.site_id = heard.site_id
            and segments.work_unit_id = heard.work_unit_id
            and segments.day_ended_at > heard.first_observed_at
    where
        segments.day_started_at < {{ evaluation_time() }}
        and segments.day_ended_at >= {{ evaluation_time() }}

)
{%- endmacro %}
