{% macro affected_days() -%}
{#- The CTEs that the operations macros start from, for this run: the days to rebuild and raw up to the pin. #}
days as (

    select * from {{ ref('int_affected_day') }} where is_gone is not true

),

telemetry as (

    select telemetry.*
    from {{ ref('stg_telemetry') }} as telemetry
    cross join {{ ref('int_run') }} as run
    where
        telemetry.snapshot_id <= run.pinned_snapshot_id
        and telemetry.observed_date >= coalesce(
            cast(getvariable('affected_from') as date), date '-infinity'
        )
        and telemetry.observed_date <= coalesce(
            cast(getvariable('affected_to') as date), date 'infinity'
        )

),

day_carry as (

    select * from {{ ref('int_day_carry') }}

),

heard as (

    {{ heard_before() }}

),

segments as (

    select * from {{ ref('int_calendar_segment') }}

)
{%- endmacro %}

{% macro bound_by_affected_days() -%}
    {#- Constants for the planner, so that it opens only the files of the affected days. #}
    set variable affected_from = (
        select coalesce(cast(min(started_at) as date) - 1, date 'infinity') from {{ ref('int_affected_day') }}
    );
    set variable affected_to = (
        select coalesce(cast(max(ended_at) as date) + 1, date '-infinity') from {{ ref('int_affected_day') }}
    )
{%- endmacro %}

{% macro heard_before() -%}
    select
        site_id,
        work_unit_id,
        collector,
        epoch,
        first_received_at,
        first_observed_at,
        last_observed_at,
        starts_with(signal, '$') as has_events
    from day_carry
{%- endmacro %}
