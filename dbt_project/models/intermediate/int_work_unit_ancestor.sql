{#- Walks each work unit's tree up to its site: what holds for a line or a site holds for it. #}
{{ config(materialized='view') }}
with recursive

equipment as (

    select *
    from {{ ref('stg_equipment') }}
    qualify row_number() over (partition by site_id, equipment_id order by valid_from desc nulls last) = 1

),

ancestry as (

    select
        site_id,
        equipment_id as work_unit_id,
        equipment_id,
        parent_id,
        level,
        name,
        time_zone,
        valid_from as work_unit_valid_from,
        valid_to as work_unit_valid_to,
        cast(0 as bigint) as distance
    from equipment
    where level = 'work_unit'

    union all

    select
        ancestry.site_id,
        ancestry.work_unit_id,
        parent.equipment_id,
        parent.parent_id,
        parent.level,
        parent.name,
        parent.time_zone,
        ancestry.work_unit_valid_from,
        ancestry.work_unit_valid_to,
        ancestry.distance + 1 as distance
    from ancestry
    inner join equipment as parent
        on
            ancestry.site_id = parent.site_id
            and ancestry.parent_id = parent.equipment_id
            and ancestry.equipment_id <> parent.equipment_id

)

select
    *,
    arg_min(time_zone, distance) filter (where time_zone is not null)
        over (partition by site_id, work_unit_id) as work_unit_time_zone
from ancestry
