{#- Stretches without data and why: work units that were not heard, and rows that a collector no longer has. A state
    that came and means nothing is no gap: `data_quality` names its value. #}
with

silences as (

    select
        site_id,
        work_unit_id,
        started_at,
        ended_at,
        coalesce(
            lag(ended_at) over (
                partition by site_id, work_unit_id
                order by started_at
            ) <> started_at,
            true
        ) as is_first
    from {{ ref('state_interval') }}
    where
        category = 'unknown'
        and unmapped_value is null

),

numbered_silences as (

    select
        *,
        count(*) filter (where is_first) over (
            partition by site_id, work_unit_id
            order by started_at
        ) as silence_number
    from silences

),

silent_spans as (

    select
        site_id,
        work_unit_id,
        min(started_at) as started_at,
        max(ended_at) as ended_at
    from numbered_silences
    group by site_id, work_unit_id, silence_number

),

lost_links as (

    select
        site_id,
        work_unit_id,
        observed_at,
        text
    from {{ ref('stg_telemetry') }}
    where
        signal = '$link'
        and number < 1

)

select
    spans.site_id as site,
    spans.work_unit_id as equipment,
    null as collector,
    spans.started_at,
    spans.ended_at,
    coalesce(arg_min(lost_links.text, lost_links.observed_at), 'no data') as cause
from silent_spans as spans
left join lost_links
    on
        spans.site_id = lost_links.site_id
        and spans.work_unit_id = lost_links.work_unit_id
        and spans.started_at <= lost_links.observed_at
        and spans.ended_at > lost_links.observed_at
group by all

union all

select
    site_id as site,
    null as equipment,
    collector,
    first_observed_at as started_at,
    last_observed_at as ended_at,
    coalesce(cause, 'declared lost') as cause
from {{ ref('stg_batch') }}
where status = 'declared_lost'
