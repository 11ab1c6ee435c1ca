{#- Who said what about stops afterwards, and when. A new entry can only take from those that speak of the same time. #}
{{ config(incremental_strategy='folded', unique_key=['classification_id']) }}
with

arrived as (

    select entries.*
    from {{ ref('int_stop_entry') }} as entries
    inner join {{ ref('int_run') }} as run
        on entries.arrived_after_snapshot_id = run.watermark_snapshot_id

),

judged as (

    select *
    from {{ ref('int_stop_entry') }} as entries
    where
        exists (
            select 1 from arrived
            where
                arrived.site_id = entries.site_id
                and arrived.work_unit_id = entries.work_unit_id
                and arrived.started_at < entries.ended_at
                and arrived.ended_at > entries.started_at
        )

),

contenders as (

    select *
    from {{ ref('int_stop_entry') }} as entries
    where
        exists (
            select 1 from judged
            where
                judged.site_id = entries.site_id
                and judged.work_unit_id = entries.work_unit_id
                and judged.started_at < entries.ended_at
                and judged.ended_at > entries.started_at
        )

),

{{ stop_entries_weighed('contenders') }}

select
    judged.classification_id,
    judged.site_id,
    judged.work_unit_id,
    judged.started_at,
    judged.ended_at,
    judged.reason_id,
    judged.is_merged,
    judged.classified_by,
    judged.classified_at,
    not exists (
        select 1 from classified_spans
        where classified_spans.latest_classification_id = judged.classification_id
    ) as is_superseded
from judged
