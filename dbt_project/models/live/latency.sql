{#- How long samples take to the lake, from the ledger: one range of batches in one commit counts with its slowest
    sample. Rows by hour are few, whatever the lake holds of samples. #}
with

ranges as (

    select
        site_id,
        collector,
        date_trunc('hour', committed_at) as hour,
        row_count - quarantined_row_count as row_count,
        {{ microseconds_between('first_received_at', 'committed_at') }} as commit_us,
        source_delay_us as source_us
    from {{ ref('stg_batch') }}
    where
        status = 'committed'
        and first_received_at is not null

)

select
    site_id as site,
    collector,
    hour,
    count(*) as ranges,
    cast(sum(row_count) as bigint) as sample_count,
    {% for delay in ['source', 'commit'] -%}
    {% for percent in [50, 95, 99] -%}
    {{ seconds('quantile_disc(' ~ delay ~ '_us, 0.' ~ percent ~ ')') }} as {{ delay }}_p{{ percent }}_s,
    {% endfor -%}
    {{ seconds('max(' ~ delay ~ '_us)') }} as {{ delay }}_max_s
    {%- if not loop.last %},
    {% endif %}
    {%- endfor %}
from ranges
group by site_id, collector, hour
