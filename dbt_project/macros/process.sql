{% macro equivalent_units(completed_quantity, in_process_quantity, complete_ratio) -%}
    {#- Units in process as far as they are done count like completed ones (domain.md 2.5.8). #}
    {{- bom_quantity(completed_quantity ~ ' + ' ~ in_process_quantity ~ ' * ' ~ complete_ratio) }}
{%- endmacro %}

{% macro equivalent_share(class, pool) -%}
    {#- What the completed units of an operation take with them of the pool of a cost class; once it is over all, also
        where nothing came out. #}
    cast(
        case
            when is_over then {{ pool }}
            else
                coalesce({{ money_divide(['completed_quantity', '(' ~ pool ~ ')'], [class ~ '_equivalent_quantity', '1'], 2) }}, 0)
        end as decimal(18, 2)
    )
{%- endmacro %}

{% macro handed_on(earlier, class) -%}
    {#- What of a cost class comes from the operation before: apart it is a class of its own, of which units have all. By
        class too is what was of good pieces only there, as all that come have it. #}
    {%- set is_by_class = var('transferred_in') == 'by_class' -%}
    {%- if class == 'transferred_in' -%}
        {%- set brought = ['piece', 'transferred_in'] if is_by_class else ['material', 'conversion', 'piece', 'transferred_in'] -%}
    {%- else -%}
        {%- set brought = [class] if is_by_class and class != 'piece' else [] -%}
    {%- endif -%}
    cast(
        0
        {%- for each in brought %}
        + coalesce({{ earlier }}.{{ each }}_transferred_amount, 0)
        {%- endfor %} as decimal(18, 2)
    )
{%- endmacro %}

{% macro is_by_the_piece(lines) -%}
    {#- Whether a line of actual cost was charged for good pieces only: no unit in process has any of it. #}
    ({{ lines }}.driver in ('piece', 'subcontract') or coalesce({{ lines }}.source = 'backflushed', false))
{%- endmacro %}
