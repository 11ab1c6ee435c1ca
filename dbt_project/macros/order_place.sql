{#- When and where an order was worked on. -#}

{% macro shifts_in_turn() -%}
    {#- The shifts of each operation of the changed orders, from when each was the last to begin; the first from ever, so
        that each moment has one. #}
    select
        production_order_id,
        operation_id,
        production_date,
        shift_id,
        case
            when
                row_number() over (
                    partition by production_order_id, operation_id
                    order by min(started_at) asc, production_date asc, shift_id asc
                ) = 1
                then timestamp '-infinity'
            else min(started_at)
        end as began_at
    from {{ of_changed_orders('int_order_use') }}
    where operation_id is not null
    group by production_order_id, operation_id, production_date, shift_id
    qualify
        row_number() over (
            partition by production_order_id, operation_id, min(started_at)
            order by production_date asc, shift_id asc
        ) = 1
{%- endmacro %}

{% macro placed_amount(amount, share) -%}
    {#- The share of an amount that belongs to a place. #}
    coalesce(
        try(cast({{ amount }} as decimal(28, 6)) * cast({{ share }} as decimal(18, 9))), cast(0 as decimal(38, 15))
    )
{%- endmacro %}
