{#- Names the (work unit, production day) pairs that this run rebuilds: whatever arrived, changed or went on
    since the last completed run can only touch these. Too many pairs cost time, too few would be wrong. #}
with

run as (select * from {{ ref('int_run') }}),

day_carry as (

    select
        carry.*,
        carry.last_snapshot_id > run.watermark_snapshot_id as is_new,
        carry.first_snapshot_id > run.watermark_snapshot_id as is_wholly_new
    from {{ ref('int_day_carry') }} as carry
    cross join run

),

signal_days as (

    select
        site_id,
        work_unit_id,
        signal,
        observed_date,
        max(last_observed_at) as last_observed_at,
        max(last_good_observed_at) as last_good_observed_at,
        bool_or(is_new) as is_new,
        min(arrived_first_observed_at) filter (where is_new) as arrived_first_observed_at
    from day_carry
    where not {{ is_said_afterwards('signal') }}
    group by all

),

{#- A sample counts until the next good one of its signal, however far that is: a late sample before a silence
    of three weeks corrects all of it. #}

spans_of_samples as (

    select
        site_id,
        work_unit_id,
        is_new,
        arrived_first_observed_at as from_at,
        greatest(
            last_observed_at,
            lead(last_good_observed_at, 1, timestamp 'infinity' ignore nulls) over (
                partition by site_id, work_unit_id, signal
                order by observed_date
            )
        ) as to_at
    from signal_days

),

{#- A lost link that is told late takes back heartbeats that followed it. #}

spans_of_heartbeats as (

    select
        site_id,
        work_unit_id,
        arrived_first_observed_at as from_at,
        case
            when signal = '$link' then arrived_last_observed_at + to_seconds({{ var('link_told_late_s') }})
            else arrived_last_observed_at
        end as to_at
    from day_carry
    where is_new and {{ is_link_event('signal') }}

),

{#- What was said late of a stop counts for the time of which it speaks. #}

spans_of_stop_entries as (

    select
        entries.site_id,
        entries.work_unit_id,
        entries.started_at as from_at,
        entries.ended_at as to_at
    from {{ ref('int_stop_entry') }} as entries
    inner join run
        on entries.arrived_after_snapshot_id = run.watermark_snapshot_id

),

{#- A correction of a count counts at its moment. #}

spans_of_count_corrections as (

    select
        entries.site_id,
        entries.work_unit_id,
        entries.counted_at as from_at,
        entries.counted_at as to_at
    from {{ ref('int_count_correction') }} as entries
    inner join run
        on entries.arrived_after_snapshot_id = run.watermark_snapshot_id

),

epochs as (

    select
        site_id,
        collector,
        epoch,
        bool_or({{ is_link_event('signal') }}) as has_events,
        coalesce(bool_and(is_wholly_new) filter (where {{ is_link_event('signal') }}), false) as has_its_first_events
    from day_carry
    group by all

),

epoch_days as (

    select
        site_id,
        collector,
        epoch,
        work_unit_id,
        observed_date,
        bool_or(is_new) as is_new,
        min(first_observed_at) as first_observed_at,
        max(last_observed_at) as last_observed_at
    from day_carry
    where not {{ is_said_afterwards('signal') }}
    group by all

),

{#- Without heartbeats an epoch covers its time from the first to the last sample, so a new one covers all up
    to its neighbours. #}

spans_of_coverage as (

    select
        epoch_days.site_id,
        epoch_days.work_unit_id,
        epoch_days.is_new,
        lag(epoch_days.last_observed_at, 1, epoch_days.first_observed_at) over neighbours as from_at,
        lead(epoch_days.first_observed_at, 1, epoch_days.last_observed_at) over neighbours as to_at
    from epoch_days
    inner join epochs
        on
            epoch_days.site_id = epochs.site_id
            and epoch_days.collector = epochs.collector
            and epoch_days.epoch = epochs.epoch
            and not epochs.has_events
    window neighbours as (
        partition by epoch_days.site_id, epoch_days.collector, epoch_days.epoch, epoch_days.work_unit_id
        order by epoch_days.observed_date
    )

),

{#- The first event of an epoch says that its samples alone covered nothing. #}

spans_of_first_events as (

    select
        epoch_days.site_id,
        epoch_days.work_unit_id,
        min(epoch_days.first_observed_at) as from_at,
        max(epoch_days.last_observed_at) as to_at
    from epoch_days
    inner join epochs
        on
            epoch_days.site_id = epochs.site_id
            and epoch_days.collector = epochs.collector
            and epoch_days.epoch = epochs.epoch
            and epochs.has_its_first_events
    group by all

),

spans_of_changed_business_data as (

    {{ spans_of_changed_business_data() }}

),

spans as (

    select site_id, work_unit_id, from_at, to_at, 'data' as cause from spans_of_samples where is_new
    union
    select site_id, work_unit_id, from_at, to_at, 'data' as cause from spans_of_heartbeats
    union
    select site_id, work_unit_id, from_at, to_at, 'data' as cause from spans_of_coverage where is_new
    union
    select site_id, work_unit_id, from_at, to_at, 'data' as cause from spans_of_first_events
    union
    select site_id, work_unit_id, from_at, to_at, 'reason' as cause from spans_of_stop_entries
    union
    select site_id, work_unit_id, from_at, to_at, 'count_correction' as cause from spans_of_count_corrections
    union
    select site_id, work_unit_id, from_at, to_at, cause from spans_of_changed_business_data

),

spans_and_how_far_those_before_reach as (

    select
        *,
        max(greatest(from_at, to_at)) over (
            partition by site_id, work_unit_id, cause
            order by from_at, to_at
            rows between unbounded preceding and 1 preceding
        ) as reached_at
    from spans
    where from_at is not null

),

numbered_spans as (

    select
        *,
        count(*) filter (where reached_at is null or reached_at < from_at) over (
            partition by site_id, work_unit_id, cause
            order by from_at, to_at
            rows between unbounded preceding and current row
        ) as span_number
    from spans_and_how_far_those_before_reach

),

{#- Each day is compared with each span: a history that arrives at once is one of them. #}

united_spans as (

    select
        site_id,
        work_unit_id,
        cause,
        min(from_at) as from_at,
        max(greatest(from_at, to_at)) as to_at
    from numbered_spans
    group by site_id, work_unit_id, cause, span_number

),

days as (

    select distinct
        segments.site_id,
        segments.work_unit_id,
        segments.production_date,
        segments.day_started_at as started_at,
        segments.day_ended_at as ended_at,
        run.evaluated_at
    from {{ ref('int_calendar_segment') }} as segments
    cross join run
    where segments.day_started_at < run.evaluated_at

),

days_and_how_told as (

    select
        *,
        started_at - {{ margin_before(is_told_by_pulses('days')) }} as looked_at_from
    from days

),

days_taken_away as (

    {{ days_taken_away() }}

),

known_from as (

    select
        site_id,
        work_unit_id,
        min(first_observed_at) as first_observed_at
    from day_carry
    where not {{ is_said_afterwards('signal') }}
    group by all

),

touched_days as (

    select
        days.site_id,
        days.work_unit_id,
        days.production_date,
        list_sort(list(distinct spans.cause)) as causes
    from days_and_how_told as days
    inner join united_spans as spans
        on
            days.site_id = spans.site_id
            and days.work_unit_id = spans.work_unit_id
            and days.ended_at + {{ reach_of_events_after() }} >= spans.from_at
            and days.looked_at_from - to_seconds({{ var('heartbeat_reach_s') }}) <= spans.to_at
    group by days.site_id, days.work_unit_id, days.production_date

)

select
    days.site_id,
    days.work_unit_id,
    days.production_date,
    days.started_at,
    days.ended_at,
    days.looked_at_from,
    days.evaluated_at,
    false as is_gone,
    {#- What is computed at once: so many days of work units, whatever the history. #}
    (row_number() over (order by days.production_date, days.site_id, days.work_unit_id) - 1)
    // {{ var('days_of_a_slice') }} as slice,
    {#- Why it is rebuilt; nothing of it: because it went on, or because somebody asked. #}
    coalesce(touched_days.causes, []) as causes
from days_and_how_told as days
inner join known_from
    on
        days.site_id = known_from.site_id
        and days.work_unit_id = known_from.work_unit_id
        and days.ended_at > known_from.first_observed_at
left join touched_days
    on
        days.site_id = touched_days.site_id
        and days.work_unit_id = touched_days.work_unit_id
        and days.production_date = touched_days.production_date
cross join run
where
    touched_days.causes is not null
    -- the running day grows, and the day before it may have been computed before its end
    or days.ended_at > run.previously_evaluated_at - {{ margin() }}
    {% if var('rebuild_from') is not none or var('rebuild_to') is not none -%}
    or days.production_date between
    coalesce({{ date_or_null(var('rebuild_from')) }}, date '-infinity')
    and coalesce({{ date_or_null(var('rebuild_to')) }}, date 'infinity')
    {%- endif %}

union all

select
    site_id,
    work_unit_id,
    production_date,
    null as started_at,
    null as ended_at,
    null as looked_at_from,
    null as evaluated_at,
    true as is_gone,
    null as slice,
    ['equipment'] as causes
from days_taken_away
