{#- Shifts and the time between them, in which nothing is scheduled: only whole days contain nights and weekends,
    so only their TEEP is one over all of the calendar. #}
{{ config(incremental_strategy='affected_days') }}
with

days as (

    select
        site_id,
        work_unit_id,
        production_date,
        ended_at > evaluated_at as is_running
    from {{ ref('int_affected_day') }}

),

times_between_shifts as (

    select
        site_id,
        work_unit_id,
        production_date,
        {{ seconds(microseconds_between('started_at', 'ended_at')) }} as length_s
    from {{ ref('state_interval') }}
    where calendar_kind = 'not_scheduled'

),

parts as (

    select
        site_id,
        work_unit_id,
        production_date,
        {{ shift_elements() | join(',\n        ') }},
        is_provisional
    from {{ ref('work_unit_shift') }}
    where definition_id = 'iso22400'

    union all

    select
        site_id,
        work_unit_id,
        production_date,
        {% for element in shift_elements() -%}
        {{ 'length_s' if element in ['calendar_time_s', 'not_scheduled_time_s'] else 'cast(0 as decimal(18, 6))' }}
            as {{ element }},
        {% endfor -%}
        false as is_provisional
    from times_between_shifts

)

select
    days.site_id,
    days.work_unit_id,
    days.production_date,
    {{ summed_elements() }},
    {{ kpis_of_sums() }},
    {{ coverage_ratio() }} as coverage_ratio,
    'iso22400' as definition_id,
    {{ definition_version() }} as definition_version,
    bool_or(parts.is_provisional or days.is_running) as is_provisional
from days
inner join parts
    on
        days.site_id = parts.site_id
        and days.work_unit_id = parts.work_unit_id
        and days.production_date = parts.production_date
group by days.site_id, days.work_unit_id, days.production_date
