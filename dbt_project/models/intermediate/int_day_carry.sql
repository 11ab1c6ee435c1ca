{#- Folds what has arrived into one row per signal and UTC day: its last sample, its span, when it arrived.
    Folding is idempotent, so a run that failed half-way is simply run again. #}
{{ config(incremental_strategy='folded',
          unique_key=['site_id', 'collector', 'epoch', 'work_unit_id', 'signal', 'observed_date']) }}
with

arrived as (

    select *
    from {{ ref('stg_telemetry') }}
    where
        snapshot_id <= (select max(pinned_snapshot_id) from {{ ref('int_run') }})
        {% if is_incremental() -%}
        and snapshot_id > (select max(watermark_snapshot_id) from {{ ref('int_run') }})
        {%- endif %}

),

arrived_by_day as (

    {{ samples_folded('arrived') }}

),

known_and_arrived as (

    select * from arrived_by_day
    {% if is_incremental() -%}
    union all by name
    select known.* exclude (arrived_first_observed_at, arrived_last_observed_at)
    from {{ this }} as known
    semi join arrived_by_day
        on
            known.site_id = arrived_by_day.site_id
            and known.collector = arrived_by_day.collector
            and known.epoch = arrived_by_day.epoch
            and known.work_unit_id = arrived_by_day.work_unit_id
            and known.signal = arrived_by_day.signal
            and known.observed_date = arrived_by_day.observed_date
    {%- endif %}

)

select
    site_id,
    collector,
    epoch,
    work_unit_id,
    signal,
    observed_date,
    min(first_received_at) as first_received_at,
    min(first_observed_at) as first_observed_at,
    max(last_observed_at) as last_observed_at,
    arg_max(last_sample, (last_observed_at, last_sample.row_number)) as last_sample,
    max(last_good_observed_at) as last_good_observed_at,
    arg_max(last_good_sample, (last_good_observed_at, last_good_sample.row_number))
    filter (where last_good_observed_at is not null) as last_good_sample,
    min(arrived_first_observed_at) as arrived_first_observed_at,
    max(arrived_last_observed_at) as arrived_last_observed_at,
    min(first_snapshot_id) as first_snapshot_id,
    max(last_snapshot_id) as last_snapshot_id
from known_and_arrived
group by all
