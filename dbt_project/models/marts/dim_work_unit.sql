select
    unit.site_id,
    unit.work_unit_id,
    any_value(unit.name) filter (where unit.distance = 0) as name,
    any_value(unit.equipment_id) filter (where unit.level = 'work_center') as work_center_id,
    any_value(unit.name) filter (where unit.level = 'work_center') as work_center_name,
    any_value(unit.equipment_id) filter (where unit.level = 'area') as area_id,
    any_value(unit.name) filter (where unit.level = 'area') as area_name,
    coalesce(any_value(unit.work_unit_time_zone), 'UTC') as time_zone
from {{ ref('int_work_unit_ancestor') }} as unit
group by unit.site_id, unit.work_unit_id
