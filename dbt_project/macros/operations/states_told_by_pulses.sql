{% macro states_told_by_pulses() -%}
{#- Where no signal tells the state of a work unit, its counters do: from each pulse it runs for some ideal cycles
    (pulse_gap_cycles), then it is stopped until the next one. Only what has been decides, never what comes: so no day
    waits for the next. Before its first count ever, and while no such counter is valid, the state is unknown. #}
{{ counters_read('pulse_counts', pulse_roles(), 'is_told_by_pulses') }},

counters_heard as (

    select
        counters.site_id,
        counters.work_unit_id,
        counters.production_date,
        greatest(counters.first_heard_at, meanings.valid_from) as heard_from,
        meanings.valid_to as heard_until
    from (
        select
            site_id,
            work_unit_id,
            production_date,
            signal,
            min(greatest(observed_at, from_at)) as first_heard_at
        from pulse_counts
        group by all
    ) as counters
    inner join meanings
        on
            counters.site_id = meanings.site_id
            and counters.work_unit_id = meanings.work_unit_id
            and counters.signal = meanings.signal
            and counters.first_heard_at < meanings.valid_to
    where meanings.role in ('{{ pulse_roles() | join("', '") }}')

),

pulses as (

    select
        site_id,
        work_unit_id,
        production_date,
        observed_at,
        max(quantity) as quantity,
        max(try_cast(cast(units_per_pulse as decimal(38, 6)) * scale as decimal(18, 6))) as quantity_per_pulse,
        max(cast(pulse_gap_cycles as decimal(18, 6))) as gap_cycles
    from pulse_counts
    where quantity > 0
    group by all

),

pulses_and_how_long_they_hold as (

    {#- A sample that tells several pieces may hold for as many cycles, but no longer than a minor stop: a counter that
        was away for hours tells thousands at once. Without an ideal cycle: as long as a minor stop. #}
    select
        pulses.*,
        try_cast(
            cast(gap_cycles as decimal(38, 6)) * nullif(pieces.planned_run_s_per_unit, 0) as decimal(18, 6)
        ) as gap_s,
        least(
            {{ var('longest_pulse_gap_s') }},
            coalesce(
                greatest(
                    try_cast(cast(gap_s as decimal(38, 6)) * pulses.quantity_per_pulse as decimal(18, 6)),
                    least(
                        try_cast(cast(gap_s as decimal(38, 6)) * pulses.quantity as decimal(18, 6)),
                        {{ minor_stop_threshold_s('pulses.work_unit_id') }}
                    )
                ),
                {{ minor_stop_threshold_s('pulses.work_unit_id') }}
            )
        ) as holds_s,
        pulses.observed_at + to_microseconds(cast(holds_s * 1000000 as bigint)) as holds_until
    from pulses
    asof left join pieces_with_route as pieces
        on
            pulses.site_id = pieces.site_id
            and pulses.work_unit_id = pieces.work_unit_id
            and pulses.production_date = pieces.production_date
            and pulses.observed_at >= pieces.started_at

),

pulses_and_what_held_before as (

    select
        *,
        max(holds_until) over (
            partition by site_id, work_unit_id, production_date
            order by observed_at
            rows between unbounded preceding and 1 preceding
        ) as held_before_until
    from pulses_and_how_long_they_hold

),

pulse_groups as (

    select
        *,
        count(*) filter (where held_before_until is null or held_before_until < observed_at) over (
            partition by site_id, work_unit_id, production_date
            order by observed_at
        ) as group_number
    from pulses_and_what_held_before

),

running_spans as (

    select
        site_id,
        work_unit_id,
        production_date,
        min(observed_at) as started_at,
        max(holds_until) as ended_at
    from pulse_groups
    group by site_id, work_unit_id, production_date, group_number

),

pieces_told_by_pulses as (

    select pieces.*
    from pieces_with_route as pieces
    semi join (select * from day_windows where is_told_by_pulses) as days
        on
            pieces.site_id = days.site_id
            and pieces.work_unit_id = days.work_unit_id
            and pieces.production_date = days.production_date
    anti join (select * from meanings where role = 'state') as state_signals
        on
            pieces.site_id = state_signals.site_id
            and pieces.work_unit_id = state_signals.work_unit_id
            and pieces.started_at >= state_signals.valid_from
            and pieces.started_at < state_signals.valid_to

),

pulse_changes as (

    select site_id, work_unit_id, production_date, unnest([started_at, ended_at]) as changed_at from running_spans
    union
    select site_id, work_unit_id, production_date, unnest([heard_from, heard_until]) as changed_at from counters_heard

),

piece_cuts as (

    select site_id, work_unit_id, production_date, started_at as piece_started_at, started_at as cut_at
    from pieces_told_by_pulses
    union
    select
        pieces.site_id,
        pieces.work_unit_id,
        pieces.production_date,
        pieces.started_at as piece_started_at,
        changes.changed_at as cut_at
    from pulse_changes as changes
    asof inner join pieces_told_by_pulses as pieces
        on
            changes.site_id = pieces.site_id
            and changes.work_unit_id = pieces.work_unit_id
            and changes.production_date = pieces.production_date
            and changes.changed_at >= pieces.started_at
    where changes.changed_at < pieces.ended_at

),

cuts_and_since_when_heard as (

    select
        cuts.*,
        min(counters.heard_from) as heard_from
    from piece_cuts as cuts
    left join counters_heard as counters
        on
            cuts.site_id = counters.site_id
            and cuts.work_unit_id = counters.work_unit_id
            and cuts.production_date = counters.production_date
            and cuts.cut_at >= counters.heard_from
            and cuts.cut_at < counters.heard_until
    group by all

),

pieces_cut_at_pulses as (

    select
        pieces.* exclude (started_at, ended_at),
        cuts.cut_at as started_at,
        lead(cuts.cut_at, 1, pieces.ended_at) over (
            partition by pieces.site_id, pieces.work_unit_id, pieces.production_date, pieces.started_at
            order by cuts.cut_at
        ) as ended_at,
        coalesce(pieces.is_covered and cuts.heard_from is not null, false) as is_told,
        cuts.heard_from
    from pieces_told_by_pulses as pieces
    inner join cuts_and_since_when_heard as cuts
        on
            pieces.site_id = cuts.site_id
            and pieces.work_unit_id = cuts.work_unit_id
            and pieces.production_date = cuts.production_date
            and pieces.started_at = cuts.piece_started_at

),

pieces_with_state as (

    select pieces.*
    from pieces_with_route as pieces
    anti join pieces_told_by_pulses as told
        on
            pieces.site_id = told.site_id
            and pieces.work_unit_id = told.work_unit_id
            and pieces.production_date = told.production_date
            and pieces.started_at = told.started_at

    union all by name

    select
        pieces.* exclude (is_told, heard_from) replace (
            case
                when not pieces.is_told then null
                when pieces.started_at < spans.ended_at then 'running'
                else 'stopped'
            end as state,
            case
                when not pieces.is_told then null
                when pieces.started_at < spans.ended_at then spans.started_at
                else greatest(spans.ended_at, pieces.heard_from)
            end as state_since_at,
            cast(null as varchar) as unmapped_value
        )
    from pieces_cut_at_pulses as pieces
    asof left join running_spans as spans
        on
            pieces.site_id = spans.site_id
            and pieces.work_unit_id = spans.work_unit_id
            and pieces.production_date = spans.production_date
            and pieces.started_at >= spans.started_at

)
{%- endmacro %}
