{#- Lines, areas and sites by sum over the days of their work units. Days compare where shifts do not: lines of one
    site may work shifts of different names and lengths. #}
select
    ancestors.site_id,
    ancestors.equipment_id,
    ancestors.level,
    ancestors.name,
    days.production_date,
    {{ summed_elements() }},
    {{ kpis_of_sums() }},
    {{ coverage_ratio() }} as coverage_ratio,
    'iso22400' as definition_id,
    {{ definition_version() }} as definition_version,
    bool_or(days.is_provisional) as is_provisional
from {{ ref('work_unit_day') }} as days
inner join {{ ref('int_work_unit_ancestor') }} as ancestors
    on
        days.site_id = ancestors.site_id
        and days.work_unit_id = ancestors.work_unit_id
        and ancestors.level <> 'work_unit'
group by ancestors.site_id, ancestors.equipment_id, ancestors.level, ancestors.name, days.production_date
