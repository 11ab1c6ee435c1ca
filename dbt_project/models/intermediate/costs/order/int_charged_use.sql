{#- What is charged of what each costed order used: time without data after which nothing was heard of a running
    order is not, until something is or the order has ended. -#}
{{ config(materialized='view') }}
select
    uses.* exclude (used_s, is_open_end),
    cast(
        case
            when
                uses.is_open_end
                and not orders.is_final
                and coalesce(
                    uses.started_at > max(case when uses.category <> 'unknown' then uses.started_at end) over (
                        partition by uses.production_order_id, uses.operation_id, uses.work_unit_id
                    ), true
                )
                then 0
            else uses.used_s
        end as decimal(18, 6)
    ) as used_s
from {{ ref('int_order_use') }} as uses
inner join {{ ref('int_order_costing') }} as orders
    on uses.production_order_id = orders.production_order_id
