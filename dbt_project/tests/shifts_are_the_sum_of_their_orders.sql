-- Fails if a shift is not the sum of its orders, or the shift or day of a site not that of its work units.
{%- set sums = [
    ('shift', 'work_unit_shift_order', 'work_unit_id', 'shift_started_at', "definition_id = 'iso22400'"),
    ('shift', 'work_unit_shift', 'work_unit_id', 'shift_started_at', "definition_id = 'iso22400'"),
    ('shift of a site', 'work_unit_shift', 'null', "production_date || ' ' || shift_id", "definition_id = 'iso22400'"),
    ('shift of a site', 'equipment_shift', 'null', "production_date || ' ' || shift_id", "level = 'site'"),
    ('day of a site', 'work_unit_day', 'null', 'production_date', 'true'),
    ('day of a site', 'equipment_day', 'null', 'production_date', "level = 'site'"),
    ('week of a site', 'equipment_week', 'null', 'week_starts_date', "level = 'work_unit'"),
    ('week of a site', 'equipment_week', 'null', 'week_starts_date', "level = 'site'")
] %}
with

sums as (
    {%- for whole, mart, work_unit_id, part, condition in sums %}

    select
        '{{ whole }}' as whole,
        site_id,
        cast({{ work_unit_id }} as varchar) as work_unit_id,
        cast({{ part }} as varchar) as part,
        {{ summed_elements() }}
    from {{ ref(mart) }}
    where {{ condition }}
    group by all
    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

select
    whole,
    site_id,
    work_unit_id,
    part
from sums
group by whole, site_id, work_unit_id, part
having
    count(*) <> 2
    {%- for element in shift_elements() %}
    or max({{ element }}) is distinct from min({{ element }})
    or count({{ element }}) = 1
    {%- endfor %}
