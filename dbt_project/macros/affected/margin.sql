{% macro margin() -%}
    {#- How far beyond its ends a production day is looked at: a stop is minor or not by its whole length. #}
    to_seconds({{ var('minor_stop_threshold_s') }})
{%- endmacro %}

{% macro date_or_null(day) -%}
    {{ 'null' if day is none else "date '" ~ day ~ "'" }}
{%- endmacro %}
