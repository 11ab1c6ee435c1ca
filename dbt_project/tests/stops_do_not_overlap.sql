-- Fails if two stops of a work unit overlap, or if one that has not ended is followed by another.
select
    stop_id,
    lag(coalesce(ended_at, timestamp 'infinity')) over (
        partition by site_id, work_unit_id
        order by started_at
    ) as previous_ended_at,
    started_at
from {{ ref('stop_event') }}
qualify previous_ended_at > started_at
