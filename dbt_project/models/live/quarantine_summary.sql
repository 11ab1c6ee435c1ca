{#- What was refused, by whom it came, why and when; and how much of it no replay has brought in yet. #}
with

messages as (

    {# The same bytes under the same topic are one message, however often they were kept. #}
    select
        quarantine_id,
        any_value(site_id) as site_id,
        any_value(collector) as collector,
        any_value(reason) as reason,
        max(row_count) as row_count,
        max(payload_bytes) as payload_bytes,
        min(quarantined_at) as quarantined_at
    from {{ ref('stg_quarantine') }}
    group by quarantine_id

),

replayed as (

    select distinct quarantine_id
    from {{ ref('stg_quarantine_replay') }}
    where outcome = 'committed'

)

select
    messages.site_id as site,
    messages.collector,
    messages.reason,
    date_trunc('hour', messages.quarantined_at) as hour,
    count(*) as messages,
    cast(sum(messages.row_count) as bigint) as sample_count,
    cast(sum(messages.payload_bytes) as bigint) as payload_bytes,
    count(*) filter (where replayed.quarantine_id is null) as waiting_messages
from messages
left join replayed
    on messages.quarantine_id = replayed.quarantine_id
group by all
