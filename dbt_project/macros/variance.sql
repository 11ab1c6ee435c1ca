{% macro variance_parts(lines, keys='production_order_id, operation_id, cost_group_id') -%}
    {#- The variances of lines of cost cards (of `int_order_cost_line`, or shares of such), each with its type, with `keys`
        (domain.md 2.5.2). #}
    select
        {{ keys }},
        'lot_size' as variance_type,
        'lot_size' as detail_type,
        false as is_machine_time,
        lot_size_amount as amount
    from {{ lines }}

    union all

    select
        {{ keys }},
        'quantity' as variance_type,
        case
            when is_overhead and driver in ('setup_time', 'run_time') then 'overhead_efficiency'
            when is_overhead then 'overhead_usage'
            when driver = 'subcontract' then 'subcontract_quantity'
            when driver = 'material' and is_mixed then 'material_yield'
            when driver = 'material' then 'material_usage'
            when driver = 'piece' then 'piece_quantity'
            when driver = 'setup_time' then 'setup_efficiency'
            when cost_group_id = '{{ var("labour_cost_category") }}' then 'labour_efficiency'
            else 'machine_efficiency'
        end as detail_type,
        is_machine_time,
        quantity_amount - scrap_amount - mix_amount as amount
    from {{ lines }}

    union all

    select
        {{ keys }},
        'quantity' as variance_type,
        'material_mix' as detail_type,
        false as is_machine_time,
        mix_amount as amount
    from {{ lines }}
    where is_mixed

    union all

    select
        {{ keys }},
        'quantity' as variance_type,
        'material_scrap' as detail_type,
        false as is_machine_time,
        scrap_amount as amount
    from {{ lines }}

    union all

    select
        {{ keys }},
        'price' as variance_type,
        case
            when is_overhead then 'overhead_spending'
            when driver = 'subcontract' then 'subcontract_price'
            when driver = 'material' then 'material_price'
            when cost_group_id = '{{ var("labour_cost_category") }}' then 'labour_rate'
            else 'machine_rate'
        end as detail_type,
        false as is_machine_time,
        price_amount as amount
    from {{ lines }}

    union all

    select
        {{ keys }},
        'substitution' as variance_type,
        'substitution' as detail_type,
        false as is_machine_time,
        substitution_amount as amount
    from {{ lines }}
{%- endmacro %}
