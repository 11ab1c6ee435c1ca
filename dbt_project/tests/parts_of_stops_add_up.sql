-- Fails if the parts that a stop was cut into are not as long as it was, or if stops tell another time than delays.
select
    'a stop and its parts' as what,
    site_id,
    work_unit_id,
    whole_started_at as started_at
from {{ ref('stop_event') }}
where whole_ended_at is not null
group by site_id, work_unit_id, whole_started_at
having
    sum(duration_s) <> {{ seconds(microseconds_between('whole_started_at', 'max(whole_ended_at)')) }}
    or bool_or(is_minor) <> bool_and(is_minor)

union all

select
    'delays and stops' as what,
    site_id,
    work_unit_id,
    null as started_at
from (
    select
        site_id,
        work_unit_id,
        duration_s as told_s
    from {{ ref('stop_event') }}

    union all

    select
        site_id,
        work_unit_id,
        -{{ seconds(microseconds_between('started_at', 'ended_at')) }} as told_s
    from {{ ref('state_interval') }}
    where category = 'delay'
) as told
group by site_id, work_unit_id
having sum(told_s) <> 0
