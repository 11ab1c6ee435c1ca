{#- Walks each work unit's tree up to its site: what holds for a line or a site holds for it. #}
{{ config(materialized='view') }}
with recursive

equipment as (

    {#- One that was moved or renamed has several rows: the newest that holds already says where it is. It exists from
        the first to the last of them. #}
    select
        equipment.* replace (
            nullif(
                min(coalesce(equipment.valid_from, timestamp '-infinity')) over spans, timestamp '-infinity'
            ) as valid_from,
            nullif(max(coalesce(equipment.valid_to, timestamp 'infinity')) over spans, timestamp 'infinity')
                as valid_to
        )
    from {{ ref('stg_equipment') }} as equipment
    cross join {{ ref('int_run') }} as run
    window spans as (partition by equipment.site_id, equipment.equipment_id)
    qualify row_number() over (
        partition by equipment.site_id, equipment.equipment_id
        order by
            coalesce(equipment.valid_from > run.evaluated_at, false),
            equipment.valid_from desc nulls last
    ) = 1

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
