{% macro last_completed_run() -%}
    {#- The table that the last completed run left, read before this run replaces it; none when all is rebuilt. -#}
    {%- if execute and not flags.FULL_REFRESH -%}
        {{ return(adapter.get_relation('lake', 'intermediate', 'int_completed_run')) }}
    {%- endif -%}
{%- endmacro %}
