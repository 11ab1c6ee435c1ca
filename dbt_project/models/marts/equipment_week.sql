{#- Weeks of work units, lines, areas and sites by sum over the days of their work units. A week is that of ISO 8601: it
    begins on Monday, and belongs to the year in which its Thursday lies. #}
{{ config(materialized='view') }}
select
    ancestors.site_id,
    ancestors.equipment_id,
    ancestors.level,
    ancestors.name,
    cast(date_trunc('week', days.production_date) as date) as week_starts_date,
    cast(isoyear(days.production_date) as integer) as iso_year,
    cast(weekofyear(days.production_date) as integer) as iso_week,
    count(distinct days.production_date) as production_days,
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
group by
    ancestors.site_id, ancestors.equipment_id, ancestors.level, ancestors.name,
    week_starts_date, iso_year, iso_week
