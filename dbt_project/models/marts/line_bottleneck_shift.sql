{#- Shifts of lines as their constraint had them: the work unit that is stated to be it, else the one whose good pieces
    took the most ideal time in the days up to that shift; days, because a constraint that made nothing in a shift still is
    the constraint. Elements and KPIs are that work unit's own; lines by sum are in equipment_shift. #}
{{ config(materialized='view') }}
with

shifts_of_lines as (

    select
        lines.equipment_id,
        lines.name,
        shifts.*,
        {{ is_stated_constraint('shifts.work_unit_id') }} as is_stated
    from {{ ref('work_unit_shift') }} as shifts
    inner join {{ ref('int_work_unit_ancestor') }} as lines
        on
            shifts.site_id = lines.site_id
            and shifts.work_unit_id = lines.work_unit_id
            and lines.level = 'work_center'
    where shifts.definition_id = 'iso22400'

),

shifts_with_pace as (

    select
        *,
        cast({{ ratio('sum(ideal_time_s) over days_before', 'sum(good_quantity) over days_before') }} as decimal(18, 6))
            as ideal_s_per_good_piece
    from shifts_of_lines
    window days_before as (
        partition by site_id, equipment_id, work_unit_id
        order by production_date
        range between interval {{ var('constraint_days') }} day preceding and current row
    )

),

constraints as (

    select
        site_id,
        equipment_id,
        production_date,
        shift_id,
        work_unit_id,
        is_stated,
        ideal_s_per_good_piece
    from shifts_with_pace
    where
        is_stated
        or ideal_s_per_good_piece is not null
    qualify row_number() over (
        partition by site_id, equipment_id, production_date, shift_id
        order by is_stated desc, ideal_s_per_good_piece desc nulls last, work_unit_id asc
    ) = 1

)

select
    shifts.site_id,
    shifts.equipment_id,
    'work_center' as level,
    shifts.name,
    shifts.production_date,
    shifts.shift_id,
    shifts.work_unit_id as constraint_work_unit_id,
    shifts.is_stated,
    constraints.ideal_s_per_good_piece,
    min(shifts.shift_started_at) as shift_started_at,
    max(shifts.shift_ended_at) as shift_ended_at,
    {{ summed_elements() }},
    {{ kpis_of_sums() }},
    {{ coverage_ratio() }} as coverage_ratio,
    'iso22400' as definition_id,
    {{ definition_version() }} as definition_version,
    bool_or(shifts.is_provisional) as is_provisional
from shifts_of_lines as shifts
inner join constraints
    on
        shifts.site_id = constraints.site_id
        and shifts.equipment_id = constraints.equipment_id
        and shifts.production_date = constraints.production_date
        and shifts.shift_id = constraints.shift_id
        and shifts.work_unit_id = constraints.work_unit_id
group by
    shifts.site_id, shifts.equipment_id, shifts.name, shifts.production_date, shifts.shift_id,
    shifts.work_unit_id, shifts.is_stated, constraints.ideal_s_per_good_piece
