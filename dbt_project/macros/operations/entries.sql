{% macro entries_as_they_arrived(signal, entries_told) -%}
{#- What people said in samples of `signal`, as it arrived: rows that macro `entries_told` makes of them, and the run that
    read each. #}
with

arrived as (

    select *
    from {{ ref('stg_telemetry') }} as telemetry
    where
        telemetry.signal = '{{ signal }}'
        and telemetry.snapshot_id <= (select max(pinned_snapshot_id) from {{ ref('int_run') }})
        and telemetry.snapshot_id > (
            select max({{ 'watermark_snapshot_id' if is_incremental() else '-1' }}) from {{ ref('int_run') }}
        )

),

told as (

    {{ entries_told('arrived') }}

)

select
    told.*,
    {#- Until one completes, every run reads it anew. #}
    run.watermark_snapshot_id as arrived_after_snapshot_id
from told
cross join {{ ref('int_run') }} as run
{%- endmacro %}

{% macro entries_in_json(telemetry, signal) -%}
    {#- The samples of `signal` with what they tell as JSON object `told`; other texts say nothing. #}
    select
        *,
        md5(concat_ws('|', site_id, collector, epoch, row_number)) as entry_id,
        {#- Nobody has spoken after it was heard. #}
        least(
            coalesce(timezone('UTC', try_cast(told ->> '$.at' as timestamptz)), received_at), received_at
        ) as said_at,
        nullif(told ->> '$.reason_id', '') as reason_id,
        nullif(told ->> '$.by', '') as said_by
    from (
        select
            *,
            try_cast(text as json) as told
        from {{ telemetry }}
        where signal = '{{ signal }}' and quality < 2
    ) as samples
    where json_type(told) = 'OBJECT'
{%- endmacro %}
