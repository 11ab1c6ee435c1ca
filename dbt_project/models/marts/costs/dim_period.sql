{#- The accounting periods, and which of them are closed. -#}
select
    periods.period_id,
    periods.starts_at,
    periods.ends_at,
    closings.period_id is not null as is_closed,
    closings.closed_at,
    closings.closed_by,
    closings.accepted
from {{ ref('int_period') }} as periods
left join {{ ref('int_closing') }} as closings
    on periods.period_id = closings.period_id
