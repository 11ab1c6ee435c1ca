{#- All that is added to a unit at each item itself in each costing version, line by line: direct costs and
    overheads. -#}
{{ config(is_of_costing_files=true) }}
select *
from {{ ref('int_direct_cost') }}

union all

select
    cost_version_id,
    item_id,
    'overhead' as part,
    overhead_id as part_id,
    operation_id,
    overhead_id as cost_group_id,
    driver,
    line_id,
    variable_quantity,
    constant_quantity,
    unit_price,
    unit_cost
from {{ ref('int_overhead_cost') }}
