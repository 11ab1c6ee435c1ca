{#- Tiles each work unit's time from its first sample to two days from now, while it is valid: shifts, what interrupts
    them, and what lies between. A production day begins with its first shift and ends where the next one begins. #}
with

known_from as (

    select
        site_id,
        work_unit_id,
        min(observed_date) as first_date
    from {{ ref('int_day_carry') }}
    group by all

),

work_units as (

    select distinct
        ancestor.site_id,
        ancestor.work_unit_id,
        coalesce(ancestor.work_unit_time_zone, 'UTC') as time_zone,
        coalesce(ancestor.work_unit_valid_from, timestamp '-infinity') as valid_from,
        coalesce(ancestor.work_unit_valid_to, timestamp 'infinity') as valid_to,
        coalesce(known_from.first_date, cast(run.evaluated_at as date)) - 1 as first_date,
        cast(run.evaluated_at as date) + 2 as last_date
    from {{ ref('int_work_unit_ancestor') }} as ancestor
    cross join {{ ref('int_run') }} as run
    left join known_from
        on
            ancestor.site_id = known_from.site_id
            and ancestor.work_unit_id = known_from.work_unit_id

),

dates as (

    select
        * exclude (valid_from, valid_to, first_date, last_date),
        unnest(cast(generate_series(first_date, last_date, interval 1 day) as date[])) as production_date
    from work_units

),

valid_patterns as (

    select
        dates.*,
        pattern.shift_id,
        pattern.weekday,
        pattern.kind,
        pattern.starts_local,
        pattern.ends_local
    from dates
    inner join {{ ref('int_work_unit_ancestor') }} as ancestor
        on
            dates.site_id = ancestor.site_id
            and dates.work_unit_id = ancestor.work_unit_id
    inner join {{ ref('stg_shift_pattern') }} as pattern
        on
            ancestor.site_id = pattern.site_id
            and ancestor.equipment_id = pattern.equipment_id
            and dates.production_date >= coalesce(pattern.valid_from, date '-infinity')
            and dates.production_date < coalesce(pattern.valid_to, date 'infinity')
    qualify
        ancestor.distance = min(ancestor.distance) over (
            partition by dates.site_id, dates.work_unit_id, dates.production_date
        )

),

pattern_spans as (

    select * from valid_patterns where weekday = isodow(production_date)

),

exceptions as (

    select
        dates.*,
        exception.shift_id,
        exception.kind,
        exception.starts_at,
        exception.ends_at
    from dates
    inner join {{ ref('int_work_unit_ancestor') }} as ancestor
        on
            dates.site_id = ancestor.site_id
            and dates.work_unit_id = ancestor.work_unit_id
    inner join {{ ref('stg_calendar_exception') }} as exception
        on
            ancestor.site_id = exception.site_id
            and ancestor.equipment_id = exception.equipment_id
            and dates.production_date = exception.production_date

),

pattern_shifts as (

    select
        * exclude (starts_local_at, ends_local_at),
        {{ utc_from_local('time_zone', 'starts_local_at') }} as started_at,
        {{ utc_from_local('time_zone', 'ends_local_at') }} as ended_at
    from (
        select
            *,
            production_date + starts_local as starts_local_at,
            production_date + ends_local
            + to_days(case when ends_local <= starts_local then 1 else 0 end) as ends_local_at
        from pattern_spans
        where kind = 'shift'
    ) as local_shifts

),

shifts as (

    select
        site_id,
        work_unit_id,
        time_zone,
        production_date,
        shift_id,
        starts_local,
        started_at,
        ended_at
    from pattern_shifts
    where
        not exists (
            select 1 from exceptions
            where
                exceptions.site_id = pattern_shifts.site_id
                and exceptions.work_unit_id = pattern_shifts.work_unit_id
                and exceptions.production_date = pattern_shifts.production_date
                and coalesce(exceptions.shift_id, pattern_shifts.shift_id) = pattern_shifts.shift_id
                and exceptions.kind in ('holiday', 'changed_shift')
        )

    union all by name

    select
        exceptions.site_id,
        exceptions.work_unit_id,
        exceptions.time_zone,
        exceptions.production_date,
        coalesce(exceptions.shift_id, 'overtime') as shift_id,
        pattern_shifts.starts_local,
        exceptions.starts_at as started_at,
        exceptions.ends_at as ended_at
    from exceptions
    left join pattern_shifts
        on
            exceptions.site_id = pattern_shifts.site_id
            and exceptions.work_unit_id = pattern_shifts.work_unit_id
            and exceptions.production_date = pattern_shifts.production_date
            and exceptions.shift_id = pattern_shifts.shift_id
    where exceptions.kind in ('overtime', 'changed_shift')

),

shifts_cut_by_the_next as (

    select
        * exclude (ended_at),
        least(
            ended_at,
            lead(started_at) over (partition by site_id, work_unit_id order by started_at, ended_at, shift_id)
        ) as ended_at
    from shifts

),

shifts_without_overlap as (

    select * from shifts_cut_by_the_next where ended_at > started_at

),

breaks as (

    select
        shifts.site_id,
        shifts.work_unit_id,
        shifts.time_zone,
        shifts.started_at as shift_started_at,
        spans.kind,
        spans.production_date + spans.starts_local as starts_local_at,
        spans.production_date + spans.ends_local
        + to_days(case when spans.ends_local <= spans.starts_local then 1 else 0 end) as ends_local_at,
        to_days(
            case
                when spans.starts_local < shifts.starts_local then 1
                else 0
            end
        ) as after_midnight
    from shifts_without_overlap as shifts
    inner join pattern_spans as spans
        on
            shifts.site_id = spans.site_id
            and shifts.work_unit_id = spans.work_unit_id
            and shifts.production_date = spans.production_date
            and shifts.shift_id = spans.shift_id
            and spans.kind <> 'shift'

),

interruptions as (

    select
        site_id,
        work_unit_id,
        shift_started_at,
        kind,
        {{ utc_from_local('time_zone', '(starts_local_at + after_midnight)') }} as started_at,
        {{ utc_from_local('time_zone', '(ends_local_at + after_midnight)') }} as ended_at
    from breaks

    union all

    select
        shifts.site_id,
        shifts.work_unit_id,
        shifts.started_at as shift_started_at,
        'planned_downtime' as kind,
        exceptions.starts_at as started_at,
        exceptions.ends_at as ended_at
    from shifts_without_overlap as shifts
    inner join exceptions
        on
            shifts.site_id = exceptions.site_id
            and shifts.work_unit_id = exceptions.work_unit_id
            and shifts.production_date = exceptions.production_date
            and coalesce(exceptions.shift_id, shifts.shift_id) = shifts.shift_id
            and exceptions.kind = 'planned_downtime'

),

interruptions_within_shifts as (

    select
        interruptions.* replace (
            greatest(interruptions.started_at, shifts.started_at) as started_at,
            least(interruptions.ended_at, shifts.ended_at) as ended_at
        )
    from interruptions
    inner join shifts_without_overlap as shifts
        on
            interruptions.site_id = shifts.site_id
            and interruptions.work_unit_id = shifts.work_unit_id
            and interruptions.shift_started_at = shifts.started_at
            and interruptions.started_at < shifts.ended_at
            and interruptions.ended_at > shifts.started_at

),

cuts as (

    select site_id, work_unit_id, started_at as shift_started_at, started_at as cut_at
    from shifts_without_overlap
    union
    select site_id, work_unit_id, shift_started_at, started_at as cut_at
    from interruptions_within_shifts
    union
    select site_id, work_unit_id, shift_started_at, ended_at as cut_at
    from interruptions_within_shifts

),

shift_pieces as (

    select
        shifts.*,
        cuts.cut_at as piece_started_at,
        lead(cuts.cut_at, 1, shifts.ended_at) over (
            partition by shifts.site_id, shifts.work_unit_id, shifts.started_at
            order by cuts.cut_at
        ) as piece_ended_at
    from shifts_without_overlap as shifts
    inner join cuts
        on
            shifts.site_id = cuts.site_id
            and shifts.work_unit_id = cuts.work_unit_id
            and shifts.started_at = cuts.shift_started_at

),

shift_segments as (

    select
        pieces.site_id,
        pieces.work_unit_id,
        pieces.production_date,
        pieces.shift_id,
        pieces.started_at as shift_started_at,
        pieces.ended_at as shift_ended_at,
        coalesce(max(interruptions.kind), 'shift') as kind,
        pieces.piece_started_at as started_at,
        pieces.piece_ended_at as ended_at
    from shift_pieces as pieces
    left join interruptions_within_shifts as interruptions
        on
            pieces.site_id = interruptions.site_id
            and pieces.work_unit_id = interruptions.work_unit_id
            and pieces.started_at = interruptions.shift_started_at
            and pieces.piece_started_at >= interruptions.started_at
            and pieces.piece_started_at < interruptions.ended_at
    where pieces.piece_ended_at > pieces.piece_started_at
    group by all

),

days as (

    select
        dates.site_id,
        dates.work_unit_id,
        dates.production_date,
        coalesce(
            min(shifts.started_at),
            {{ utc_from_local('dates.time_zone', 'cast(dates.production_date as timestamp)') }}
        ) as natural_start,
        max(shifts.ended_at) as last_shift_ended_at
    from dates
    left join shifts_without_overlap as shifts
        on
            dates.site_id = shifts.site_id
            and dates.work_unit_id = shifts.work_unit_id
            and dates.production_date = shifts.production_date
    group by dates.site_id, dates.work_unit_id, dates.production_date, dates.time_zone

),

days_after_what_came_before as (

    select
        * exclude (last_shift_ended_at),
        greatest(
            natural_start,
            max(last_shift_ended_at) over (
                partition by site_id, work_unit_id
                order by production_date
                rows between unbounded preceding and 1 preceding
            )
        ) as day_started_at
    from days

),

tiled_days as (

    select
        site_id,
        work_unit_id,
        production_date,
        day_started_at,
        lead(day_started_at) over (partition by site_id, work_unit_id order by production_date) as day_ended_at
    from days_after_what_came_before
    qualify day_ended_at > day_started_at

),

times_between_shifts as (

    select
        tiled_days.site_id,
        tiled_days.work_unit_id,
        tiled_days.production_date,
        coalesce(shifts.ended_at, tiled_days.day_started_at) as started_at,
        lead(shifts.started_at, 1, tiled_days.day_ended_at) over (
            partition by tiled_days.site_id, tiled_days.work_unit_id, tiled_days.production_date
            order by shifts.started_at
        ) as ended_at
    from tiled_days
    left join shifts_without_overlap as shifts
        on
            tiled_days.site_id = shifts.site_id
            and tiled_days.work_unit_id = shifts.work_unit_id
            and tiled_days.production_date = shifts.production_date

),

valid_days as (

    select
        tiled_days.site_id,
        tiled_days.work_unit_id,
        tiled_days.production_date,
        greatest(tiled_days.day_started_at, work_units.valid_from) as day_started_at,
        least(tiled_days.day_ended_at, work_units.valid_to) as day_ended_at
    from tiled_days
    inner join work_units
        on
            tiled_days.site_id = work_units.site_id
            and tiled_days.work_unit_id = work_units.work_unit_id

),

segments as (

    select * from shift_segments

    union all by name

    select
        *,
        'not_scheduled' as kind
    from times_between_shifts
    where ended_at > started_at

)

select
    segments.site_id,
    segments.work_unit_id,
    segments.production_date,
    valid_days.day_started_at,
    valid_days.day_ended_at,
    segments.shift_id,
    greatest(segments.shift_started_at, valid_days.day_started_at) as shift_started_at,
    least(segments.shift_ended_at, valid_days.day_ended_at) as shift_ended_at,
    segments.kind,
    greatest(segments.started_at, valid_days.day_started_at) as started_at,
    least(segments.ended_at, valid_days.day_ended_at) as ended_at
from segments
inner join valid_days
    on
        segments.site_id = valid_days.site_id
        and segments.work_unit_id = valid_days.work_unit_id
        and segments.production_date = valid_days.production_date
        and segments.started_at < valid_days.day_ended_at
        and segments.ended_at > valid_days.day_started_at
