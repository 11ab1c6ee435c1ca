{#- Hours in which a measurement is far from what it was in the week before, with the figures that say so. #}
{{ config(materialized='view') }}
with

run as (

    select
        evaluated_at,
        date_trunc('hour', evaluated_at - to_days({{ var('anomaly_days') }})) as shown_from_at
    from {{ ref('int_run') }}

),

hours as (

    select
        hours.site_id,
        hours.work_unit_id,
        hours.signal,
        hours.hour_at,
        hours.sample_count,
        run.shown_from_at,
        run.evaluated_at,
        try_cast(
            round({{ ratio('hours.number_sum', 'hours.sample_count') }} * coalesce(meanings.scale, 1), 12)
            as decimal(38, 12)
        ) as mean_value
    from {{ ref('int_measurement_hour') }} as hours
    cross join run
    inner join {{ ref('stg_signal_map') }} as meanings
        on
            hours.site_id = meanings.site_id
            and hours.work_unit_id = meanings.work_unit_id
            and hours.signal = meanings.signal
            and hours.hour_at >= coalesce(meanings.valid_from, timestamp '-infinity')
            and hours.hour_at < coalesce(meanings.valid_to, timestamp 'infinity')
    semi join {{ ref('stg_equipment') }} as equipment
        on
            hours.site_id = equipment.site_id
            and hours.work_unit_id = equipment.equipment_id
    where
        meanings.role = 'measurement'
        and hours.hour_at >= run.shown_from_at - interval 168 hour

),

hours_and_what_is_usual as (

    select
        *,
        count(*) over the_week_before as hours_before,
        median(cast(mean_value as double)) over the_week_before as median_before,
        mad(cast(mean_value as double)) over the_week_before as deviation_before
    from hours
    where mean_value is not null
    window
        the_week_before as (
            partition by site_id, work_unit_id, signal
            order by hour_at
            range between interval 168 hour preceding and interval 1 hour preceding
        )
    qualify hour_at >= shown_from_at

),

compared as (

    select
        site_id,
        work_unit_id,
        signal,
        hour_at,
        sample_count,
        mean_value,
        hours_before,
        try_cast(round(median_before, 12) as decimal(38, 12)) as median_value,
        {#- 1.4826: the factor that makes the median deviation of a normal distribution its standard deviation. #}
        try_cast(
            round(
                greatest(1.4826 * deviation_before, {{ var('anomaly_least_spread') }} * abs(median_before)), 12
            ) as decimal(38, 12)
        ) as spread_value,
        hour_at + interval 1 hour > evaluated_at as is_provisional
    from hours_and_what_is_usual

)

select
    site_id,
    work_unit_id,
    signal,
    hour_at,
    sample_count,
    mean_value,
    hours_before,
    median_value,
    spread_value,
    {{ anomaly_score() }} as anomaly_score,
    hours_before >= {{ var('anomaly_least_hours') }}
    and coalesce(abs({{ anomaly_score() }}) > {{ var('anomaly_threshold') }}, false) as is_anomaly,
    is_provisional
from compared
