{#- PackML states and what they count as (ISO 22400-2, domain.md 2.3). #}

{% macro state_names() -%}
    {{ return([
        'execute', 'running', 'setup', 'starting', 'completing', 'complete', 'resetting', 'holding', 'held',
        'unholding', 'suspending', 'suspended', 'unsuspending', 'aborting', 'aborted', 'clearing', 'stopping',
        'stopped', 'idle'
    ]) }}
{%- endmacro %}

{% macro state_category(state, production_order_id) -%}
    case
        when {{ state }} is null then 'unknown'
        when {{ state }} in ('execute', 'running') then 'production'
        when {{ state }} = 'setup' then 'setup'
        when
            {{ state }} in ('aborted', 'aborting', 'clearing', 'stopped', 'stopping', 'idle')
            and {{ production_order_id }} is null
            then 'down'
        else 'delay'
    end
{%- endmacro %}

{% macro delay_cause(state) -%}
    {#- Held means an internal cause, suspended or waiting an external one. #}
    case
        when {{ state }} in ('suspending', 'suspended', 'unsuspending', 'idle') then 'external'
        else 'internal'
    end
{%- endmacro %}

{% macro minor_stop_threshold_s(work_unit_id) -%}
    {#- From how many seconds on a stop of this work unit is none of the minor ones. #}
    {%- set thresholds = var('minor_stop_thresholds_s') -%}
    {%- if thresholds -%}
    case {{ work_unit_id }}
        {%- for id, threshold_s in thresholds.items() %} when '{{ id | replace("'", "''") }}' then {{ threshold_s }}
        {%- endfor %} else {{ var('minor_stop_threshold_s') }}
    end
    {%- else -%}
    {{ var('minor_stop_threshold_s') }}
    {%- endif -%}
{%- endmacro %}

{% macro longest_minor_stop_s() -%}
    {{ return(([var('minor_stop_threshold_s')] + var('minor_stop_thresholds_s').values() | list) | max) }}
{%- endmacro %}

{% macro state_codes() -%}
    {#- Rows of value_map that ship with Takt: by map the states of the numbers 0, 1, 2, …
        packml: tags of OMAC (PackTags, Status.StateCurrent), ISA-TR88.00.02-2015, and StateNumber in OPC 30050, whose
        18 and 19 are no states of their own but hold others; 0 is no state.
        tmc: StateEnumeration of OPC 30060, the same in versions 1.00 and 2.00. #}
    {%- set maps = {
        'packml': [
            '', 'clearing', 'stopped', 'starting', 'idle', 'suspended', 'execute', 'stopping', 'aborting', 'aborted',
            'holding', 'held', 'unholding', 'suspending', 'unsuspending', 'resetting', 'completing', 'complete'
        ],
        'tmc': [
            'stopped', 'resetting', 'idle', 'starting', 'execute', 'completing', 'complete', 'aborting', 'aborted',
            'stopping', 'clearing', 'suspending', 'suspended', 'unsuspending', 'holding', 'held', 'unholding'
        ]
    } %}
    {%- for value_map_id, states in maps.items() %}
    select
        '{{ value_map_id }}' as value_map_id,
        cast(unnest(range({{ states | length }})) as varchar) as raw_value,
        unnest(['{{ states | join("', '") }}']) as mapped_value
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
{%- endmacro %}
