select
    intervals.site_id,
    intervals.work_unit_id,
    intervals.started_at,
    intervals.ended_at,
    intervals.state,
    case when intervals.calendar_kind = 'shift' then intervals.category else 'planned_downtime' end as category,
    intervals.cause,
    intervals.is_minor,
    intervals.production_order_id,
    case intervals.calendar_kind
        when 'break' then 'Break'
        when 'planned_downtime' then 'Planned downtime'
        else reasons.name
    end as reason_name
from {{ ref('live_state_interval') }} as intervals
left join {{ ref('dim_reason') }} as reasons
    on intervals.reason_id = reasons.reason_id
where
    intervals.shift_started_at <= {{ evaluation_time() }}
    and intervals.shift_ended_at > {{ evaluation_time() }}
