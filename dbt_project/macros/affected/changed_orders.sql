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

{% macro all_orders_changed() -%}
    {#- Whether something changed that any order may be costed by. -#}
    {{ return(is_any_loaded_since(costing_files() + [
        'reference.equipment', 'reference.exchange_rate', 'reference.period', 'reference.account_map',
        'accounting.closing', 'accounting.reopening'
    ])) }}
{%- endmacro %}
