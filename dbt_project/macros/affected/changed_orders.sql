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

{% macro all_orders_changed() -%}
    {#- Whether something changed that any order may be costed by. -#}
    {{ return(is_any_loaded_since(costing_files() + [
        'reference.equipment', 'reference.exchange_rate', 'reference.period', 'reference.account_map',
        'accounting.closing', 'accounting.reopening'
    ])) }}
{%- endmacro %}
