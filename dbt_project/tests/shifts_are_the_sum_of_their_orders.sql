-- Fails if a shift, or the shift of a site, is not the sum of what it consists of.
with

elements as (

    select
        'order' as level,
        {{ summed_elements() }}
    from {{ ref('work_unit_shift_order') }}
    where definition_id = 'iso22400'

    union all

    select
        'work_unit' as level,
        {{ summed_elements() }}
    from {{ ref('work_unit_shift') }}
    where definition_id = 'iso22400'

    union all

    select
        level,
        {{ summed_elements() }}
    from {{ ref('equipment_shift') }}
    where level = 'site'
    group by level

),

different_elements as (

    select distinct columns(* exclude (level))
    from elements

)

select *
from different_elements
qualify count(*) over () > 1
