{#- What people said of counts afterwards, as it arrived: each entry speaks of one result at a moment of the past. #}
{{ config(incremental_strategy='folded', unique_key=['entry_id']) }}
with

arrived as (

    select *
    from {{ ref('stg_telemetry') }} as telemetry
    where
        telemetry.signal = '$count_correction'
        and telemetry.snapshot_id <= (select max(pinned_snapshot_id) from {{ ref('int_run') }})
        and telemetry.snapshot_id > (
            select max({{ 'watermark_snapshot_id' if is_incremental() else '-1' }}) from {{ ref('int_run') }}
        )

),

told as (

    {{ count_corrections_told('arrived') }}

)

select
    told.*,
    {#- The run that read it: until one completes, every run reads it anew. #}
    run.watermark_snapshot_id as arrived_after_snapshot_id
from told
cross join {{ ref('int_run') }} as run
