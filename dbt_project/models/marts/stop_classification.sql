{#- Who said what about stops afterwards, and when. A new entry can only take from those that speak of the same time. #}
{{ config(incremental_strategy='folded', unique_key=['classification_id']) }}
with

arrived as (

    select entries.*
    from {{ ref('int_stop_entry') }} as entries
    inner join {{ ref('int_run') }} as run
        on entries.arrived_after_snapshot_id = run.watermark_snapshot_id

),

{#- What may have lost time to them is judged anew, by all that speak of its time. #}
{% for cte, spans in [('judged', 'arrived'), ('contenders', 'judged')] -%}
{{ cte }} as (

    select *
    from {{ ref('int_stop_entry') }} as entries
    where {{ shares_time_with_any('entries', spans) }}

),

{% endfor -%}
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
