{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- The lake's schemas are called as they are configured: `marts`, not `main_marts`. #}
    {{- custom_schema_name or target.schema }}
{%- endmacro %}
