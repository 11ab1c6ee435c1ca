{#- How many pieces an order's costs are measured against, by operation and in all, and who told them. -#}
{{ config(materialized='view') }}
select
    production_order_id,
    operation_id,
    good_quantity,
    basis_quantity,
    quantity_source
from {{ ref('int_operation_quantity') }}
where operation_id is not null

union all

select
    orders.production_order_id,
    null as operation_id,
    orders.good_quantity,
    orders.basis_quantity,
    last_operations.quantity_source
from {{ ref('int_operation_quantity') }} as orders
left join {{ ref('int_operation_quantity') }} as last_operations
    on
        orders.production_order_id = last_operations.production_order_id
        and last_operations.is_last
where orders.operation_id is null
