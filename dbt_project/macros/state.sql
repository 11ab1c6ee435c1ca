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
