{% macro samples_given_meaning(roles, roles_without_state=[], reads_from='looked_for_events_from') -%}
{#- From CTEs `days` (site_id, work_unit_id, production_date, started_at, ended_at, evaluated_at), `telemetry`
    and `day_carry`: the samples that matter to each production day, of signals with one of these roles; with one of
    `roles_without_state` only of a work unit that has days whose state no signal tells. A day sees the margin
    around it, the UTC days that this touches (`reads_from` on), and of each signal the last sample before those. From CTE `heard`:
    when each epoch was heard first, and from when to when of each work unit.
    Samples are many, so they name their day, signal and epoch by numbers. Their total order: observed_at, first receipt
    of the epoch, row number. #}
days_and_how_told as (

    select
        *,
        {{ is_told_by_pulses('days') }} as is_told_by_pulses
    from days

),

day_windows as (

    select
        *,
        row_number() over (order by site_id, work_unit_id, production_date) as day_number,
        least(ended_at, evaluated_at) as through_at,
        evaluated_at - {{ settling() }} as settled_until_at,
        started_at - {{ margin_before('is_told_by_pulses') }} as from_at,
        least(ended_at + {{ margin() }}, evaluated_at) as to_at,
        from_at - {{ reach_of_events_before() }} as looked_for_events_from,
        cast({{ reads_from }} as date) as first_date,
        cast(ended_at + {{ reach_of_events_after() }} as date) as last_date
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
        bool_or(has_events) as has_events,
        row_number() over (order by min(first_received_at), epoch, site_id, collector) as epoch_number
    from heard
    group by site_id, collector, epoch

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
        material_item_id,
        coalesce(pulse_gap_cycles, {{ var('pulse_gap_cycles') }}) as pulse_gap_cycles,
        coalesce(valid_from, timestamp '-infinity') as valid_from,
        coalesce(valid_to, timestamp 'infinity') as valid_to
    from {{ ref('stg_signal_map') }} as signals
    where
        role in ('{{ roles | join("', '") }}')
        {% if roles_without_state -%}
        or role in ('{{ roles_without_state | join("', '") }}')
        and exists (
            select 1 from days_and_how_told as days
            where
                days.site_id = signals.site_id
                and days.work_unit_id = signals.work_unit_id
                and days.is_told_by_pulses
        )
        {%- endif %}

),

day_signals as (

    {#- What each signal means in each day; `signal_number` stays where its meaning changes. #}
    select
        days.day_number,
        days.site_id,
        days.work_unit_id,
        days.production_date,
        days.started_at as counted_from,
        days.from_at,
        days.to_at,
        days.through_at,
        days.settled_until_at,
        days.first_date,
        days.last_date,
        days.is_told_by_pulses,
        meanings.* exclude (site_id, work_unit_id),
        row_number() over (
            order by days.day_number, meanings.signal, meanings.role, meanings.valid_from, meanings.valid_to
        ) as meaning_number,
        dense_rank() over (order by days.day_number, meanings.signal, meanings.role) as signal_number
    from day_windows as days
    inner join meanings
        on
            days.site_id = meanings.site_id
            and days.work_unit_id = meanings.work_unit_id

),

day_signal_dates as (

    select
        *,
        unnest(cast(generate_series(first_date, last_date, interval 1 day) as date [])) as observed_date
    from day_signals

),

last_samples_by_date as (

    select
        carry.site_id,
        carry.work_unit_id,
        carry.signal,
        carry.observed_date,
        arg_max(
            struct_insert(
                carry.last_sample, observed_at := carry.last_observed_at, epoch_number := epochs.epoch_number
            ),
            (carry.last_observed_at, epochs.epoch_number, carry.last_sample.row_number)
        ) as last_sample,
        arg_max(
            struct_insert(
                carry.last_good_sample, observed_at := carry.last_good_observed_at, epoch_number := epochs.epoch_number
            ),
            (carry.last_good_observed_at, epochs.epoch_number, carry.last_good_sample.row_number)
        ) filter (where carry.last_good_observed_at is not null) as last_good_sample
    from day_carry as carry
    inner join epochs
        on
            carry.site_id = epochs.site_id
            and carry.collector = epochs.collector
            and carry.epoch = epochs.epoch
    where not starts_with(carry.signal, '$')
    group by carry.site_id, carry.work_unit_id, carry.signal, carry.observed_date

),

carried_signals as (

    select distinct
        day_number,
        site_id,
        work_unit_id,
        signal,
        first_date,
        role = 'state' as is_bad_wanted
    from day_signals

),

carried_samples as (

    {#- A state of bad quality is no state; of the other roles the last good sample stands. #}
    {% for condition, sample in [('is_bad_wanted', 'last_sample'), ('not is_bad_wanted', 'last_good_sample')] -%}
    select
        carried.day_number,
        carried.signal,
        unnest(last_ones.{{ sample }})
    from (select * from carried_signals where {{ condition }}) as carried
    asof inner join (select * from last_samples_by_date where {{ sample }} is not null) as last_ones
        on
            carried.site_id = last_ones.site_id
            and carried.work_unit_id = last_ones.work_unit_id
            and carried.signal = last_ones.signal
            and carried.first_date > last_ones.observed_date
    {{ 'union all by name' if not loop.last }}
    {% endfor %}
),

samples as (

    select
        signals.meaning_number,
        signals.signal_number,
        epochs.epoch_number,
        telemetry.row_number,
        telemetry.observed_at,
        telemetry.number,
        telemetry.text,
        telemetry.quality
    from telemetry
    inner join day_signal_dates as signals
        on
            telemetry.site_id = signals.site_id
            and telemetry.work_unit_id = signals.work_unit_id
            and telemetry.signal = signals.signal
            and telemetry.observed_date = signals.observed_date
            and telemetry.observed_at < signals.to_at
            and telemetry.observed_at >= signals.valid_from
            and telemetry.observed_at < signals.valid_to
    inner join epochs
        on
            telemetry.site_id = epochs.site_id
            and telemetry.collector = epochs.collector
            and telemetry.epoch = epochs.epoch
    where telemetry.quality < 2 or signals.role = 'state'

    union all by name

    select
        signals.meaning_number,
        signals.signal_number,
        carried.* exclude (day_number, signal)
    from carried_samples as carried
    inner join day_signals as signals
        on
            carried.day_number = signals.day_number
            and carried.signal = signals.signal
            and carried.observed_at >= signals.valid_from
            and carried.observed_at < signals.valid_to
    where carried.quality < 2 or signals.role = 'state'

)
{%- endmacro %}
