{#- How many pieces an order's costs are measured against, by operation and in all, and who told them. -#}
{{ config(materialized='view') }}
select
    production_order_id,
    operation_id,
    good_quantity,
    basis_quantity,
    case
        when operation_id is not null then quantity_source
        else max(quantity_source) filter (where is_last) over (partition by production_order_id)
    end as quantity_source
from {{ ref('int_operation_quantity') }}
