{% macro equivalent_units(completed_quantity, in_process_quantity, complete_ratio) -%}
    {#- Units in process as far as they are done count like completed ones (domain.md 2.5.8). #}
    {{- bom_quantity(completed_quantity ~ ' + ' ~ in_process_quantity ~ ' * ' ~ complete_ratio) }}
{%- endmacro %}

{% macro equivalent_share(class, pool) -%}
    {#- What the completed units of an operation take with them of the pool of a cost class; of an order that has ended
        all, also where nothing came out. #}
    cast(
        case
            when is_ended then {{ pool }}
            else
                coalesce({{ money_divide(['completed_quantity', '(' ~ pool ~ ')'], [class ~ '_equivalent_quantity', '1'], 2) }}, 0)
        end as decimal(18, 2)
    )
{%- endmacro %}

{% macro handed_on(earlier, class) -%}
    {#- What of a cost class comes from the operation before: apart it is a class of its own, of which units have all. #}
    {%- if var('transferred_in') == 'by_class' and class != 'transferred_in' -%}
    cast(coalesce({{ earlier }}.{{ class }}_transferred_amount, 0) as decimal(18, 2))
    {%- elif var('transferred_in') != 'by_class' and class == 'transferred_in' -%}
    cast(
        coalesce(
            {{ earlier }}.material_transferred_amount
            + {{ earlier }}.conversion_transferred_amount
            + {{ earlier }}.transferred_in_transferred_amount,
            0
        ) as decimal(18, 2)
    )
    {%- else -%}
    cast(0 as decimal(18, 2))
    {%- endif -%}
{%- endmacro %}
