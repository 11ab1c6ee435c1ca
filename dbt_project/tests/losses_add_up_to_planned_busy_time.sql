{#- Planned busy time less good ideal time is lost, no second of it twice, none of it unexplained. #}
with

losses as (

    select
        site_id,
        work_unit_id,
        production_date,
        shift_id,
        sum(lost_s) as lost_s
    from {{ ref('loss_time') }}
    group by all

)

select shifts.*
from {{ ref('work_unit_shift') }} as shifts
left join losses
    on
        shifts.site_id = losses.site_id
        and shifts.work_unit_id = losses.work_unit_id
        and shifts.production_date = losses.production_date
        and shifts.shift_id = losses.shift_id
where
    shifts.definition_id = 'iso22400'
    and coalesce(losses.lost_s, 0) <> shifts.planned_busy_time_s - shifts.good_ideal_time_s
