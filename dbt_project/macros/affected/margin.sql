{% macro margin() -%}
    {#- How far beyond its ends a production day is looked at: a stop is minor or not by its whole length. #}
    to_seconds({{ longest_minor_stop_s() }})
{%- endmacro %}

{% macro margin_before(is_told_by_pulses) -%}
    {#- How far before its start a production day is looked at: a pulse may keep a machine running into it. #}
    case
        when {{ is_told_by_pulses }} then to_seconds({{ longest_minor_stop_s() + var('longest_pulse_gap_s') }})
        else {{ margin() }}
    end
{%- endmacro %}

{% macro reach_of_events_before() -%}
    {#- How much earlier heartbeats and lost links are looked for: they cover, or take back, what follows them. #}
    to_seconds({{ var('heartbeat_reach_s') + var('link_told_late_s') }})
{%- endmacro %}

{% macro reach_of_events_after() -%}
    {{ margin() }} + to_seconds({{ var('heartbeat_reach_s') }})
{%- endmacro %}

{% macro is_told_by_pulses(days) -%}
    {#- Whether in some part of a production day counters alone tell if the work unit runs. #}
    exists (
        select 1 from {{ ref('stg_signal_map') }} as counters
        where
            counters.site_id = {{ days }}.site_id
            and counters.work_unit_id = {{ days }}.work_unit_id
            and counters.role in ('{{ pulse_roles() | join("', '") }}')
            and coalesce(counters.valid_from, timestamp '-infinity') < {{ days }}.ended_at + {{ margin() }}
            and coalesce(counters.valid_to, timestamp 'infinity') > {{ days }}.started_at - {{ margin() }}
    )
    and not exists (
        select 1 from {{ ref('stg_signal_map') }} as states
        where
            states.site_id = {{ days }}.site_id
            and states.work_unit_id = {{ days }}.work_unit_id
            and states.role = 'state'
            and coalesce(states.valid_from, timestamp '-infinity') <= {{ days }}.started_at - {{ margin() }}
            and coalesce(states.valid_to, timestamp 'infinity') >= {{ days }}.ended_at + {{ margin() }}
    )
{%- endmacro %}

{% macro date_or_null(day) -%}
    {{ 'null' if day is none else "date '" ~ day ~ "'" }}
{%- endmacro %}
