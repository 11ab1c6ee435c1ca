{% macro samples_folded(telemetry) -%}
    {#- One row per signal and UTC day: its last sample, its span, when it arrived. #}
    select
        site_id,
        collector,
        epoch,
        work_unit_id,
        signal,
        observed_date,
        min(received_at) as first_received_at,
        min(observed_at) as first_observed_at,
        max(observed_at) as last_observed_at,
        arg_max(sample, (observed_at, row_number)) as last_sample,
        max(observed_at) filter (where is_good) as last_good_observed_at,
        arg_max(sample, (observed_at, row_number)) filter (where is_good) as last_good_sample,
        min(observed_at) as arrived_first_observed_at,
        max(observed_at) as arrived_last_observed_at,
        min(snapshot_id) as first_snapshot_id,
        max(snapshot_id) as last_snapshot_id
    from (
        select
            *,
            quality < 2 as is_good,
            {
                'row_number': row_number,
                'number': number,
                'text': text,
                'quality': quality
            } as sample
        from {{ telemetry }}
    ) as samples
    group by all
{%- endmacro %}
