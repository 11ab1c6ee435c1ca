{#- Lines, areas and sites by sum over their work units, never by averaging their KPIs. #}
with

work_unit_shifts as (

    select * from {{ ref('work_unit_shift') }} where definition_id = 'iso22400'

),

equipment_shifts as (

    select
        ancestors.site_id,
        ancestors.equipment_id,
        ancestors.level,
        ancestors.name,
        shifts.* exclude (site_id, work_unit_id)
    from work_unit_shifts as shifts
    inner join {{ ref('int_work_unit_ancestor') }} as ancestors
        on
            shifts.site_id = ancestors.site_id
            and shifts.work_unit_id = ancestors.work_unit_id
            and ancestors.level <> 'work_unit'

)

select
    site_id,
    equipment_id,
    level,
    name,
    production_date,
    shift_id,
    min(shift_started_at) as shift_started_at,
    max(shift_ended_at) as shift_ended_at,
    {{ summed_elements() }},
    {{ kpis_of_sums() }},
    {{ coverage_ratio() }} as coverage_ratio,
    'iso22400' as definition_id,
    {{ definition_version() }} as definition_version,
    bool_or(is_provisional) as is_provisional
from equipment_shifts
group by site_id, equipment_id, level, name, production_date, shift_id
