{% macro of_changed_orders(model) -%}
    {#- A relation with a row per order, of the orders that this run costs anew. -#}
    {%- set changed = ref('int_changed_order') -%}
    {%- if is_incremental() -%}
    (
        select known.*
        from {{ ref(model) }} as known
        semi join {{ changed }} as changed
            on known.production_order_id = changed.production_order_id
    )
    {%- else -%}
    {{ ref(model) }}
    {%- endif -%}
{%- endmacro %}

{% macro as_before(schema, name) -%}
    {#- A table as the last run left it, of a model that needs this one; none before there is any. -#}
    {{ return(adapter.get_relation('lake', schema, name) if execute else none) }}
{%- endmacro %}
