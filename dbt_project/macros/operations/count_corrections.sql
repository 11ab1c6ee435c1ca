{% macro corrected_results() -%}
    {{ return(['good', 'scrap', 'rework']) }}
{%- endmacro %}

{% macro count_corrections_told(telemetry) -%}
    {#- Corrections of counts as rows: samples $count_correction tell at a moment of the shift and order that they are of by
        how many pieces a result was another, and as JSON which result, why, by whom and when. What cannot be read so
        corrects nothing. #}
    select
        entry_id,
        coalesce(nullif(told ->> '$.id', ''), entry_id) as correction_id,
        site_id,
        work_unit_id,
        observed_at as counted_at,
        told ->> '$.result' as result,
        cast(number as decimal(18, 6)) as quantity,
        try_cast(told ->> '$.before' as decimal(18, 6)) as before_quantity,
        reason_id,
        nullif(told ->> '$.why', '') as comment_text,
        said_by as corrected_by,
        said_at as corrected_at,
        received_at,
        epoch,
        row_number
    from ({{ entries_in_json(telemetry, '$count_correction') }}) as entries
    where
        (told ->> '$.result') in ('{{ corrected_results() | join("', '") }}')
        and abs(number) < 1e9
{%- endmacro %}

{% macro latest_entries_of_corrections(entries) -%}
    {#- What holds: of the entries of one correction the latest, by the time at which it was made, then by receipt. One of
        nought takes the correction back. #}
    select *
    from {{ entries }}
    qualify row_number() over (
        partition by site_id, work_unit_id, counted_at, correction_id, result
        order by corrected_at desc, received_at desc, epoch desc, row_number desc
    ) = 1
{%- endmacro %}

{% macro count_corrections_of_affected_days() -%}
count_corrections as (

    select entries.*
    from {{ ref('int_count_correction') }} as entries
    semi join days
        on
            entries.site_id = days.site_id
            and entries.work_unit_id = days.work_unit_id
            and entries.counted_at >= days.started_at
            and entries.counted_at < days.ended_at

)
{%- endmacro %}
