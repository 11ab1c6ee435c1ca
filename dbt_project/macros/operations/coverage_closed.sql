{% macro coverage_closed() -%}
{#- When each work unit was covered by data: between neighbouring heartbeats of one source with no lost link
    between them, and from the latest one to now while the next may still be on its way; where an epoch has no
    such events, from its first to its last sample. Overlaps are united. A link whose loss was told late takes back
    the heartbeats that were written meanwhile, but not those of a history that was read. #}
link_events as (

    select
        days.site_id,
        days.work_unit_id,
        days.production_date,
        days.evaluated_at,
        telemetry.collector,
        telemetry.epoch,
        telemetry.row_number,
        telemetry.observed_at,
        telemetry.is_historical,
        telemetry.signal = '$heartbeat' as is_heartbeat,
        case
            when
                telemetry.signal = '$link'
                and not telemetry.is_historical
                and telemetry.received_at <= telemetry.observed_at + to_seconds({{ var('link_told_late_s') }})
                then telemetry.received_at
        end as takes_back_until,
        case
            when telemetry.signal = '$heartbeat' then telemetry.text
            else split_part(telemetry.text, ':', 1)
        end as source
    from day_dates as days
    inner join telemetry
        on
            days.site_id = telemetry.site_id
            and days.work_unit_id = telemetry.work_unit_id
            and days.observed_date = telemetry.observed_date
            and telemetry.observed_at >= days.looked_for_events_from
            and telemetry.observed_at <= days.to_at + to_seconds({{ var('heartbeat_reach_s') }})
    where
        telemetry.signal in ('$heartbeat', '$link')
        and (telemetry.signal = '$heartbeat' or telemetry.number < 1)

),

losses_told_late as (

    {#- Few, so that few days need the comparison of each heartbeat with the losses before it. #}
    select distinct
        site_id,
        work_unit_id,
        production_date
    from link_events
    where takes_back_until > observed_at

),

link_events_that_stand as (

    select link_events.*
    from link_events
    anti join losses_told_late
        on
            link_events.site_id = losses_told_late.site_id
            and link_events.work_unit_id = losses_told_late.work_unit_id
            and link_events.production_date = losses_told_late.production_date

    union all

    select link_events.*
    from link_events
    semi join losses_told_late
        on
            link_events.site_id = losses_told_late.site_id
            and link_events.work_unit_id = losses_told_late.work_unit_id
            and link_events.production_date = losses_told_late.production_date
    qualify
        not is_heartbeat
        or is_historical
        or coalesce(
            observed_at >= max(takes_back_until) over (
                partition by site_id, work_unit_id, production_date, collector, epoch, source
                order by observed_at, row_number
                rows between unbounded preceding and 1 preceding
            ),
            true
        )

),

link_events_and_their_neighbours as (

    {#- An event covers the time up to the next one, or up to now, when both are heartbeats and close enough. #}
    select
        *,
        lead(observed_at) over following as next_at,
        is_heartbeat
        and coalesce(lead(is_heartbeat) over following, true)
        and coalesce(next_at, evaluated_at) <= observed_at + to_seconds({{ var('heartbeat_reach_s') }}) as covers,
        coalesce(
            is_heartbeat
            and lag(is_heartbeat) over following
            and observed_at <= lag(observed_at) over following + to_seconds({{ var('heartbeat_reach_s') }}),
            false
        ) as is_covered_before
    from link_events_that_stand
    window following as (
        partition by site_id, work_unit_id, production_date, collector, epoch, source
        order by observed_at, row_number
    )

),

ends_of_coverage as (

    {#- Of the many heartbeats of a day few begin or end something. #}
    select
        *,
        case when next_at is null and covers then evaluated_at else observed_at end as ended_at
    from link_events_and_their_neighbours
    where
        covers <> is_covered_before
        or (covers and next_at is null)

),

spans_of_heartbeats as (

    select
        site_id,
        work_unit_id,
        production_date,
        observed_at as started_at,
        case when next_at is null then ended_at else lead(ended_at) over following end as ended_at,
        not is_covered_before as is_a_span
    from ends_of_coverage
    window following as (
        partition by site_id, work_unit_id, production_date, collector, epoch, source
        order by observed_at, row_number
    )

),

epoch_spans as (

    {#- What operators enter at a terminal says nothing about whether their machines were heard. #}
    select
        heard.site_id,
        heard.work_unit_id,
        heard.collector,
        heard.epoch,
        min(heard.first_observed_at) as started_at,
        max(heard.last_observed_at) as ended_at
    from heard
    inner join epochs
        on
            heard.site_id = epochs.site_id
            and heard.collector = epochs.collector
            and heard.epoch = epochs.epoch
            and not epochs.has_events
    where not starts_with(heard.collector, 'terminal-')
    group by all

),

covered_spans as (

    select
        site_id,
        work_unit_id,
        production_date,
        started_at,
        ended_at
    from spans_of_heartbeats
    where is_a_span

    union all

    select
        days.site_id,
        days.work_unit_id,
        days.production_date,
        greatest(epoch_spans.started_at, days.from_at) as started_at,
        least(epoch_spans.ended_at, days.to_at) as ended_at
    from day_windows as days
    inner join epoch_spans
        on
            days.site_id = epoch_spans.site_id
            and days.work_unit_id = epoch_spans.work_unit_id
            and days.to_at > epoch_spans.started_at
            and days.from_at < epoch_spans.ended_at

),

covered_spans_and_what_was_covered_before as (

    select
        *,
        max(ended_at) over (
            partition by site_id, work_unit_id, production_date
            order by started_at, ended_at
            rows between unbounded preceding and 1 preceding
        ) as covered_before_until
    from covered_spans

),

covered_span_groups as (

    select
        *,
        count(*) filter (where covered_before_until is null or covered_before_until < started_at) over (
            partition by site_id, work_unit_id, production_date
            order by started_at, ended_at
        ) as group_number
    from covered_spans_and_what_was_covered_before

),

coverage as (

    {#- An epoch with one sample covers no time: its begin and its end would be one moment, in no order. #}
    select
        site_id,
        work_unit_id,
        production_date,
        min(started_at) as started_at,
        max(ended_at) as ended_at
    from covered_span_groups
    group by site_id, work_unit_id, production_date, group_number
    having max(ended_at) > min(started_at)

)
{%- endmacro %}
