{#- The operations of costed orders at which something is examined and nothing made, as the route by which the order is
    to be made says. What that does not have, and nobody ordered beside, it does not plan. -#}
{{ config(materialized='view') }}
select
    production_order_id,
    operation_id
from {{ ref('int_planned_operation') }}
where is_inspection
