{% macro affected_days() -%}
{#- The CTEs that the operations macros start from, for this run: the days of this slice and raw up to the pin. #}
days as (

    select *
    from {{ ref('int_affected_day') }}
    where
        is_gone is not true
        and slice is not distinct from coalesce(cast(getvariable('slice') as bigint), slice)

),

{#- Each reader of it wants few of its rows: written out it would hold them all. #}
telemetry as not materialized (

    select *
    from {{ ref('stg_telemetry') }}
    where
        snapshot_id <= (select max(pinned_snapshot_id) from {{ ref('int_run') }})
        and observed_date >= coalesce(cast(getvariable('slice_from') as date), date '-infinity')
        and observed_date <= coalesce(cast(getvariable('slice_to') as date), date 'infinity')

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

{% macro affected_intervals_and_counts() -%}
{#- The CTEs that `intervals_counted` starts from, for this run. #}
days as (

    select * from {{ ref('int_affected_day') }} where is_gone is not true

),

{% for cte, model in [('intervals', ref('state_interval')), ('counts_of_intervals', ref('int_interval_count'))] -%}
{{ cte }} as (

    select known.*
    from {{ model }} as known
    semi join days
        on
            known.site_id = days.site_id
            and known.work_unit_id = days.work_unit_id
            and known.production_date = days.production_date

){{ ',' if not loop.last }}

{% endfor %}
{%- endmacro %}

{% macro is_link_event(signal) -%}
    {#- What says whether the machine behind an epoch was heard; other events of a collector or a terminal do not. #}
    {{ signal }} in ('$heartbeat', '$link')
{%- endmacro %}

{% macro is_said_afterwards(signal) -%}
    {#- What people say of the past: it tells nothing of whether the machine was heard then. #}
    {{ signal }} in ('$stop_reason', '$count_correction')
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
        {{ is_link_event('signal') }} as has_events
    from day_carry
    where not {{ is_said_afterwards('signal') }}
{%- endmacro %}

{% macro slices() -%}
    {#- The slices of the affected days, each with the UTC days that its samples may lie in; one of nothing when no day
        is affected. -#}
    {%- set found = run_query(
        'select slice, cast(min(looked_at_from - ' ~ reach_of_events_before() ~ ') as date),'
        ~ ' cast(max(ended_at + ' ~ reach_of_events_after() ~ ') as date)'
        ~ ' from ' ~ ref('int_affected_day') ~ ' where is_gone is not true group by slice order by slice'
    ) -%}
    {{ return(found.rows if found.rows else [(-1, 'infinity', '-infinity')]) }}
{%- endmacro %}

{% macro begin_slice(slice) -%}
    {#- Constants for the planner, so that it opens only the files of these days. -#}
    set variable slice = {{ slice[0] }};
    set variable slice_from = date '{{ slice[1] }}';
    set variable slice_to = date '{{ slice[2] }}'
{%- endmacro %}

{% macro end_slices() -%}
    reset variable slice;
    reset variable slice_from;
    reset variable slice_to
{%- endmacro %}
