{% macro new_measurements() -%}
    {#- The hours of measurements in which something arrived since the last run, as spans per UTC day; of a signal whose
        meaning changed all of its days. #}
    select
        carry.site_id,
        carry.work_unit_id,
        carry.signal,
        carry.observed_date,
        date_trunc('hour', min(
            case when changed.signal is null then carry.arrived_first_observed_at else carry.first_observed_at end
        )) as from_at,
        date_trunc('hour', max(
            case when changed.signal is null then carry.arrived_last_observed_at else carry.last_observed_at end
        )) + interval 1 hour as to_at
    from {{ ref('int_day_carry') }} as carry
    cross join {{ ref('int_run') }} as run
    semi join (select * from {{ ref('stg_signal_map') }} where role = 'measurement') as measurements
        on
            carry.site_id = measurements.site_id
            and carry.work_unit_id = measurements.work_unit_id
            and carry.signal = measurements.signal
    left join (
        select distinct
            meanings.site_id,
            meanings.equipment_id as work_unit_id,
            meanings.signal
        from (select *, snapshot_id from {{ source('reference', 'signal_map') }}) as meanings
        cross join {{ ref('int_run') }} as last_run
        where meanings.snapshot_id > last_run.watermark_snapshot_id
    ) as changed
        on
            carry.site_id = changed.site_id
            and carry.work_unit_id = changed.work_unit_id
            and carry.signal = changed.signal
    where
        carry.last_snapshot_id > run.watermark_snapshot_id
        or changed.signal is not null
    group by carry.site_id, carry.work_unit_id, carry.signal, carry.observed_date
{%- endmacro %}

{% macro bound_by_new_measurements() -%}
    {#- Constants for the planner, so that it opens only the files of these days. #}
    set variable measured_from = (
        select coalesce(min(observed_date), date 'infinity') from ({{ new_measurements() }}) as measured
    );
    set variable measured_to = (
        select coalesce(max(observed_date), date '-infinity') from ({{ new_measurements() }}) as measured
    )
{%- endmacro %}
