{#- What this run reads: raw rows after the watermark up to the pin; and whether what is costed by files must be costed
    anew. One row. #}
{%- set completed_run = last_completed_run() -%}
with

pinned as (

    select
        {% if var('pinned_snapshot_id') is none -%}
        max(snapshot_id)
        {%- else -%}
        max(cast({{ var('pinned_snapshot_id') }} as bigint))
        {%- endif %} as pinned_snapshot_id
    from ducklake_snapshots('lake')

),

completed as (

    {% if completed_run -%}
    select
        pinned_snapshot_id,
        evaluated_at
    from {{ completed_run }}
    {%- else -%}
    select
        cast(-1 as bigint) as pinned_snapshot_id,
        cast('-infinity' as timestamp) as evaluated_at
    {%- endif %}

),

run as (

    select
        pinned.pinned_snapshot_id,
        {% if var('now') is none -%}
        timezone('UTC', snapshots.snapshot_time)
        {%- else -%}
        cast('{{ var("now") }}' as timestamp)
        {%- endif %} as evaluated_at,
        completed.pinned_snapshot_id as watermark_snapshot_id,
        completed.evaluated_at as previously_evaluated_at
    from pinned
    inner join ducklake_snapshots('lake') as snapshots
        on pinned.pinned_snapshot_id = snapshots.snapshot_id
    cross join completed

),

costing as (

    select
        *,
        {{ is_any_loaded_since(costing_files(), 'watermark_snapshot_id') }}
        or {{ does_the_present_cost_otherwise('previously_evaluated_at', 'evaluated_at') }} as are_items_costed_anew
    from run

)

select
    *,
    are_items_costed_anew
    or {{ is_any_loaded_since(files_of_all_orders(), 'watermark_snapshot_id') }} as are_all_orders_costed_anew
from costing
