{% macro utc_from_local(time_zone, local_at) -%}
    {#- Wall-clock time to UTC. A time that occurs twice when clocks go back means its first occurrence
        (the database takes the second); one that is skipped counts with the offset before the change. #}
    case
        when
            timezone({{ time_zone }}, timezone({{ time_zone }}, {{ local_at }}) - interval 1 hour)
            = {{ local_at }}
            then timezone('UTC', timezone({{ time_zone }}, {{ local_at }}) - interval 1 hour)
        else timezone('UTC', timezone({{ time_zone }}, {{ local_at }}))
    end
{%- endmacro %}

{% macro evaluation_time() -%}
    {#- The one `now` of a live evaluation: the session variable `takt_now` (UTC), else the clock.
        Both are constants to the planner, so they prune files. #}
    coalesce(cast(getvariable('takt_now') as timestamp), timezone('UTC', now()))
{%- endmacro %}

{% macro shares_time_with_any(row, spans) -%}
    {#- Whether a row of a work unit has a moment in common with a row of CTE `spans`; both are [start, end). #}
    exists (
        select 1 from {{ spans }}
        where
            {{ spans }}.site_id = {{ row }}.site_id
            and {{ spans }}.work_unit_id = {{ row }}.work_unit_id
            and {{ spans }}.started_at < {{ row }}.ended_at
            and {{ spans }}.ended_at > {{ row }}.started_at
    )
{%- endmacro %}
