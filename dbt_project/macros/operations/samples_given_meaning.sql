{% macro samples_given_meaning() -%}
{#- From CTEs `days` (site_id, work_unit_id, production_date, started_at, ended_at, evaluated_at), `telemetry`
    and `day_carry`: the samples that matter to each production day, with their role. A day sees the margin
    around it, the UTC days that this touches, and of each signal the last sample before those. From CTE `heard`:
    when each epoch was heard first, and from when to when of each work unit.
    Total order of samples: observed_at, first receipt of the epoch, row number. #}
days_and_how_told as (

    select
        *,
        {{ is_told_by_pulses('days') }} as is_told_by_pulses
    from days

),

day_windows as (

    select
        *,
        least(ended_at, evaluated_at) as through_at,
        started_at - {{ margin_before('is_told_by_pulses') }} as from_at,
        least(ended_at + {{ margin() }}, evaluated_at) as to_at,
        from_at - to_seconds({{ var('heartbeat_reach_s') + var('link_told_late_s') }}) as looked_for_events_from,
        cast(looked_for_events_from as date) as first_date,
        cast(ended_at + {{ margin() }} + to_seconds({{ var('heartbeat_reach_s') }}) as date) as last_date
    from days_and_how_told

),

day_dates as (

    select
        *,
        unnest(cast(generate_series(first_date, last_date, interval 1 day) as date [])) as observed_date
    from day_windows

),

epochs as (

    select
        site_id,
        collector,
        epoch,
        min(first_received_at) as first_received_at,
        bool_or(has_events) as has_events
    from heard
    group by all

),

meanings as (

    select
        site_id,
        work_unit_id,
        signal,
        role,
        coalesce(counter_mode, case role when 'cycle' then 'cycle' else 'total' end) as counter_mode,
        counter_bits,
        coalesce(units_per_pulse, 1) as units_per_pulse,
        coalesce(scale, 1) as scale,
        value_map_id,
        coalesce(pulse_gap_cycles, {{ var('pulse_gap_cycles') }}) as pulse_gap_cycles,
        coalesce(valid_from, timestamp '-infinity') as valid_from,
        coalesce(valid_to, timestamp 'infinity') as valid_to
    from {{ ref('stg_signal_map') }}

),

samples_of_days as (

    select
        days.site_id,
        days.work_unit_id,
        days.production_date,
        days.started_at as day_started_at,
        days.from_at,
        days.to_at,
        days.through_at,
        days.is_told_by_pulses,
        telemetry.collector,
        telemetry.epoch,
        telemetry.row_number,
        telemetry.signal,
        telemetry.observed_at,
        telemetry.number,
        telemetry.text,
        telemetry.quality
    from day_dates as days
    inner join telemetry
        on
            days.site_id = telemetry.site_id
            and days.work_unit_id = telemetry.work_unit_id
            and days.observed_date = telemetry.observed_date
            and days.to_at > telemetry.observed_at

),

last_samples_by_date as (

    select
        carry.site_id,
        carry.work_unit_id,
        carry.signal,
        carry.observed_date,
        arg_max(
            struct_insert(carry.last_sample, observed_at := carry.last_observed_at, collector := carry.collector, epoch := carry.epoch),
            (carry.last_observed_at, epochs.first_received_at, carry.epoch, carry.last_sample.row_number)
        ) as last_sample,
        arg_max(
            struct_insert(carry.last_good_sample, observed_at := carry.last_good_observed_at, collector := carry.collector, epoch := carry.epoch),
            (carry.last_good_observed_at, epochs.first_received_at, carry.epoch, carry.last_good_sample.row_number)
        ) filter (where carry.last_good_observed_at is not null) as last_good_sample
    from day_carry as carry
    inner join epochs
        on
            carry.site_id = epochs.site_id
            and carry.collector = epochs.collector
            and carry.epoch = epochs.epoch
    where not starts_with(carry.signal, '$')
    group by all

),

day_signals as (

    select distinct
        days.site_id,
        days.work_unit_id,
        days.production_date,
        days.started_at as day_started_at,
        days.from_at,
        days.to_at,
        days.through_at,
        days.is_told_by_pulses,
        days.first_date,
        meanings.signal,
        meanings.role = 'state' as is_bad_wanted
    from day_windows as days
    inner join meanings
        on
            days.site_id = meanings.site_id
            and days.work_unit_id = meanings.work_unit_id

),

carried_samples as (

    {#- A state of bad quality is no state; of the other roles the last good sample stands. #}
    select
        day_signals.* exclude (first_date, is_bad_wanted),
        unnest(last_any.last_sample)
    from day_signals
    asof inner join last_samples_by_date as last_any
        on
            day_signals.site_id = last_any.site_id
            and day_signals.work_unit_id = last_any.work_unit_id
            and day_signals.signal = last_any.signal
            and day_signals.first_date > last_any.observed_date
    where day_signals.is_bad_wanted

    union all by name

    select
        day_signals.* exclude (first_date, is_bad_wanted),
        unnest(last_good.last_good_sample)
    from day_signals
    asof inner join (
        select * from last_samples_by_date where last_good_sample is not null
    ) as last_good
        on
            day_signals.site_id = last_good.site_id
            and day_signals.work_unit_id = last_good.work_unit_id
            and day_signals.signal = last_good.signal
            and day_signals.first_date > last_good.observed_date
    where not day_signals.is_bad_wanted

),

samples as (

    select
        samples.*,
        epochs.first_received_at,
        meanings.* exclude (site_id, work_unit_id, signal, valid_from, valid_to)
    from (
        select * from samples_of_days
        union all by name
        select * from carried_samples
    ) as samples
    inner join meanings
        on
            samples.site_id = meanings.site_id
            and samples.work_unit_id = meanings.work_unit_id
            and samples.signal = meanings.signal
            and samples.observed_at >= meanings.valid_from
            and samples.observed_at < meanings.valid_to
    inner join epochs
        on
            samples.site_id = epochs.site_id
            and samples.collector = epochs.collector
            and samples.epoch = epochs.epoch
    where samples.quality < 2 or meanings.role = 'state'

)
{%- endmacro %}
