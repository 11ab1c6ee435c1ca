{#- Measurements by hour, as raw numbers. An hour in which something arrived is summed anew from all of it. #}
{{ config(
    incremental_strategy='folded', unique_key=['site_id', 'work_unit_id', 'signal', 'hour_at'],
    pre_hook="{{ bound_by_new_measurements() }}"
) }}
with

new_measurements as (

    {{ new_measurements() }}

)

select
    telemetry.site_id,
    telemetry.work_unit_id,
    telemetry.signal,
    date_trunc('hour', telemetry.observed_at) as hour_at,
    count(*) as sample_count,
    {#- What no sensor measures, such as a register never written, would overflow the sum. #}
    cast(sum(try_cast(telemetry.number as decimal(30, 12))) as decimal(38, 12)) as number_sum
from {{ ref('stg_telemetry') }} as telemetry
cross join {{ ref('int_run') }} as run
inner join new_measurements as measured
    on
        telemetry.site_id = measured.site_id
        and telemetry.work_unit_id = measured.work_unit_id
        and telemetry.signal = measured.signal
        and telemetry.observed_date = measured.observed_date
        and telemetry.observed_at >= measured.from_at
        and telemetry.observed_at < measured.to_at
where
    telemetry.snapshot_id <= run.pinned_snapshot_id
    and telemetry.observed_date >= coalesce(cast(getvariable('measured_from') as date), date '-infinity')
    and telemetry.observed_date <= coalesce(cast(getvariable('measured_to') as date), date 'infinity')
    and telemetry.quality < 2
    and try_cast(telemetry.number as decimal(30, 12)) is not null
group by all
