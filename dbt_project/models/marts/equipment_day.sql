{#- Days compare where shifts do not: lines of one site may work shifts of different names and lengths. #}
select
    site_id,
    equipment_id,
    level,
    name,
    production_date,
    cast(sum(planned_busy_time_s) as decimal(18, 6)) as planned_busy_time_s,
    {{ kpis_of_sums() }},
    {{ coverage_ratio() }} as coverage_ratio,
    bool_or(is_provisional) as is_provisional
from {{ ref('equipment_shift') }}
group by site_id, equipment_id, level, name, production_date
