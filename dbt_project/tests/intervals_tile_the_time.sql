-- Fails if two intervals of a work unit overlap, or if time between them is told by none.
select
    site_id,
    work_unit_id,
    started_at,
    lag(ended_at) over (
        partition by site_id, work_unit_id
        order by started_at
    ) as previous_ended_at
from {{ ref('state_interval') }}
qualify
    previous_ended_at <> started_at
    or ended_at <= started_at
