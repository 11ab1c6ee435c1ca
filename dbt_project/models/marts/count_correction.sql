{#- Who corrected which count afterwards, and whether it still holds. #}
{{ config(materialized='view') }}
with

entries as (

    select
        *,
        lead({ 'corrected_by': corrected_by, 'corrected_at': corrected_at }) over (
            partition by site_id, work_unit_id, counted_at, correction_id, result
            order by corrected_at, received_at, epoch, row_number
        ) as following_entry
    from {{ ref('int_count_correction') }}

)

select
    entries.entry_id,
    entries.correction_id,
    entries.site_id,
    entries.work_unit_id,
    intervals.production_date,
    intervals.shift_id,
    intervals.production_order_id,
    intervals.operation_id,
    intervals.item_id,
    entries.counted_at,
    entries.result,
    entries.quantity,
    entries.before_quantity,
    cast(entries.before_quantity + entries.quantity as decimal(18, 6)) as after_quantity,
    entries.reason_id,
    entries.comment_text,
    entries.corrected_by,
    entries.corrected_at,
    entries.following_entry is not null as is_withdrawn,
    entries.following_entry.corrected_by as withdrawn_by,
    entries.following_entry.corrected_at as withdrawn_at
from entries
asof left join {{ ref('state_interval') }} as intervals
    on
        entries.site_id = intervals.site_id
        and entries.work_unit_id = intervals.work_unit_id
        and entries.counted_at >= intervals.started_at
where entries.quantity <> 0
