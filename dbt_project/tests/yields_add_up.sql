-- Fails if orders, shifts and reasons do not tell the same pieces.
with

told as (
    {% for result, shift_quantity in [
        ('input', 'produced_quantity'), ('good', 'good_quantity'), ('scrap', 'scrap_quantity'),
        ('rework', 'rework_quantity')
    ] -%}

    select
        '{{ result }} of shifts' as what,
        site_id,
        work_unit_id,
        production_order_id,
        sum(quantity) as quantity,
        0 as other_quantity
    from {{ ref('int_result_counted') }}
    where result = '{{ result }}' and shift_id is not null
    group by all

    union all

    select
        '{{ result }} of shifts' as what,
        site_id,
        work_unit_id,
        production_order_id,
        0 as quantity,
        sum({{ shift_quantity }}) as other_quantity
    from {{ ref('work_unit_shift_order') }}
    where definition_id = 'iso22400'
    group by all

    {% if result in ['scrap', 'rework'] -%}
    union all

    select
        '{{ result }} by reason' as what,
        site_id,
        work_unit_id,
        production_order_id,
        sum(quantity) as quantity,
        0 as other_quantity
    from {{ ref('yield_reason') }}
    where result = '{{ result }}'
    group by all

    union all

    select
        '{{ result }} by reason' as what,
        site_id,
        work_unit_id,
        production_order_id,
        0 as quantity,
        sum({{ result }}_quantity) as other_quantity
    from {{ ref('yield_operation') }}
    group by all
    {%- endif %}
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    what,
    site_id,
    work_unit_id,
    production_order_id
from told
group by what, site_id, work_unit_id, production_order_id
having sum(quantity) <> sum(other_quantity)
