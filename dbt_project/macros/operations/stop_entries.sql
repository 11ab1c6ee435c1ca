{% macro stop_entries_told(telemetry) -%}
    {#- Late classifications of stops as rows: samples $stop_reason tell from when on, for how many seconds, and as JSON
        why, by whom and when. What cannot be read so classifies nothing. #}
    select
        entry_id as classification_id,
        site_id,
        work_unit_id,
        observed_at as started_at,
        observed_at + to_microseconds(cast(round(number * 1000000) as bigint)) as ended_at,
        reason_id,
        coalesce(try_cast(told ->> '$.merges' as boolean), false) as is_merged,
        said_by as classified_by,
        said_at as classified_at,
        received_at,
        epoch,
        row_number
    from ({{ entries_in_json(telemetry, '$stop_reason') }}) as entries
    where
        json_exists(told, '$.reason_id')
        and number > 0
        and number < 1e9
{%- endmacro %}

{% macro stop_entries_weighed(entries) -%}
{#- Which entry holds when, as CTE `classified_spans` (site_id, work_unit_id, started_at, ended_at, classification_id, …):
    of those that speak of a moment the latest, by the time at which it was made, then by receipt. The spans of a work
    unit tile all time, so that no moment has two; where none speaks, or the latest withdraws, they name none. #}
entry_bounds as (

    select site_id, work_unit_id, unnest([timestamp '-infinity', started_at, ended_at]) as bound_at
    from {{ entries }}

),

spans_between_bounds as (

    select
        site_id,
        work_unit_id,
        bound_at as started_at,
        lead(bound_at, 1, timestamp 'infinity') over (
            partition by site_id, work_unit_id
            order by bound_at
        ) as ended_at
    from (select distinct * from entry_bounds) as bounds

),

latest_entries as (

    select
        spans.site_id,
        spans.work_unit_id,
        spans.started_at,
        spans.ended_at,
        arg_max(
            {
                'classification_id': entries.classification_id,
                'reason_id': entries.reason_id
            },
            (entries.classified_at, entries.received_at, entries.epoch, entries.row_number)
        ) filter (where entries.classification_id is not null) as latest
    from spans_between_bounds as spans
    left join {{ entries }} as entries
        on
            spans.site_id = entries.site_id
            and spans.work_unit_id = entries.work_unit_id
            and spans.started_at >= entries.started_at
            and spans.started_at < entries.ended_at
    group by spans.site_id, spans.work_unit_id, spans.started_at, spans.ended_at

),

classified_spans as (

    select
        site_id,
        work_unit_id,
        started_at,
        ended_at,
        latest.classification_id as latest_classification_id,
        latest.reason_id as reason_id,
        case when latest.reason_id is not null then latest.classification_id end as classification_id
    from latest_entries

)
{%- endmacro %}

{% macro stop_entries_of_affected_days() -%}
stop_entries as (

    select *
    from {{ ref('int_stop_entry') }} as entries
    where {{ shares_time_with_any('entries', 'days') }}

)
{%- endmacro %}
