{#- Where an order was worked on: at which work unit, in which shift. -#}

{% macro places_in_turn(by_operation) -%}
    {#- The work units and shifts of each changed order, or of each of its operations, from when each was the last to begin;
        the first from ever, so that each moment has one. #}
    select
        production_order_id,
        {{ 'operation_id,' if by_operation }}
        { 'work_unit_id': work_unit_id, 'production_date': production_date, 'shift_id': shift_id } as place,
        case
            when
                row_number() over (
                    partition by production_order_id{{ ', operation_id' if by_operation }}
                    order by min(started_at) asc, work_unit_id asc
                ) = 1
                then timestamp '-infinity'
            else min(started_at)
        end as began_at
    from {{ of_changed_orders('int_order_use') }}
    {{ 'where operation_id is not null' if by_operation }}
    group by production_order_id, {{ 'operation_id, ' if by_operation }}work_unit_id, production_date, shift_id
    qualify
        row_number() over (
            partition by production_order_id{{ ', operation_id' if by_operation }}, min(started_at)
            order by work_unit_id
        ) = 1
{%- endmacro %}

{% macro place_at(events, happened_at) -%}
    {#- Joins where the operation of each of `events` was worked on last before it happened, of one that names none its
        order: as `operation_places` and `order_places`, CTEs of `places_in_turn`. #}
    asof left join operation_places
        on
            {{ events }}.production_order_id = operation_places.production_order_id
            and {{ events }}.operation_id = operation_places.operation_id
            and {{ happened_at }} >= operation_places.began_at
    asof left join order_places
        on
            {{ events }}.production_order_id = order_places.production_order_id
            and {{ happened_at }} >= order_places.began_at
{%- endmacro %}

{% macro told_place(events) -%}
    {#- What `place_at` joined; null of an operation of which no machine tells. #}
    case when {{ events }}.operation_id is null then order_places.place else operation_places.place end
{%- endmacro %}
