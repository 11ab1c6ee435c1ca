{#- What an order used of a work unit and what it made there: time that is charged to it, cause by cause, never
    across a moment at which a cost or the period changes. Stops and gaps outside planned busy time are charged to
    nobody; work is, also in a break, and pieces count whenever they were told. -#}
{{ config(incremental_strategy='touched_days') }}
-- depends_on: {{ ref('int_changed_order') }}
with

{{ delays_explained() }},

moments as (

    select list_sort(list(moment_at)) as moments
    from {{ ref('int_cost_moment') }}

),

charged_days as (

    select * from touched_days

    {% if is_incremental() -%}
    {#- Something began to cost otherwise within what was charged as one. #}
    union

    select
        known.site_id,
        known.work_unit_id,
        known.production_date
    from {{ this }} as known
    inner join {{ ref('int_cost_moment') }} as moments
        on
            known.started_at < moments.moment_at
            and known.ended_at > moments.moment_at
    {%- endif %}

),

days as (

    select distinct
        segments.site_id,
        segments.work_unit_id,
        segments.production_date,
        segments.day_started_at as started_at,
        segments.day_ended_at as ended_at
    from {{ ref('int_calendar_segment') }} as segments
    semi join charged_days
        on
            segments.site_id = charged_days.site_id
            and segments.work_unit_id = charged_days.work_unit_id
            and segments.production_date = charged_days.production_date

),

intervals as (

    select
        intervals.*,
        intervals.category in ('production', 'setup') or intervals.calendar_kind = 'shift' as is_charged
    from {{ ref('state_interval') }} as intervals
    semi join days
        on
            intervals.site_id = days.site_id
            and intervals.work_unit_id = days.work_unit_id
            and intervals.production_date = days.production_date
    where intervals.production_order_id is not null

),

cuts as (

    {#- An interval is cut at each moment within it. #}
    select
        intervals.* exclude (started_at, ended_at),
        started_at as interval_started_at,
        unnest(
            list_concat(
                [intervals.started_at],
                list_filter(
                    moments.moments, lambda moment: moment > intervals.started_at and moment < intervals.ended_at
                )
            )
        ) as started_at,
        ended_at as interval_ended_at,
        moments.moments
    from intervals
    cross join moments

),

stretches as (

    select
        * exclude (interval_ended_at, moments),
        lead(started_at, 1, interval_ended_at) over (
            partition by site_id, work_unit_id, interval_started_at
            order by started_at
        ) as ended_at,
        list_max(list_filter(moments, lambda moment: moment <= started_at)) as moment_at
    from cuts

),

counts_of_stretches as (

    {#- A piece belongs to where the quarter of an hour begins in which it was told. #}
    select counts.* replace (stretches.started_at as started_at)
    from (
        select counts.*
        from {{ ref('int_interval_count') }} as counts
        semi join charged_days
            on
                counts.site_id = charged_days.site_id
                and counts.work_unit_id = charged_days.work_unit_id
                and counts.production_date = charged_days.production_date
    ) as counts
    asof inner join stretches
        on
            counts.site_id = stretches.site_id
            and counts.work_unit_id = stretches.work_unit_id
            and counts.started_at = stretches.interval_started_at
            and greatest(counts.started_at, counts.quarter_started_at) >= stretches.started_at

),

{{ intervals_counted(intervals='stretches', counts='counts_of_stretches') }},

pieces as (

    select
        *,
        {#- Whether nothing followed that day. #}
        category = 'unknown'
        and coalesce(
            interval_started_at > max(case when category <> 'unknown' then interval_started_at end) over (
                partition by site_id, work_unit_id, production_date, production_order_id, operation_id
            ), true
        ) as is_open_end
    from intervals_counted
    where
        is_charged
        or produced_quantity <> 0
        or scrap_quantity <> 0

)

select
    pieces.site_id,
    pieces.work_unit_id,
    pieces.production_date,
    pieces.shift_id,
    pieces.production_order_id,
    pieces.operation_id,
    pieces.item_id,
    pieces.category,
    delays.loss_category,
    pieces.cause,
    delays.reason_id,
    coalesce(pieces.is_minor, false) as is_minor,
    pieces.is_open_end,
    min(pieces.started_at) as started_at,
    max(pieces.ended_at) as ended_at,
    {{ seconds(
        "coalesce(sum(" ~ microseconds_between('pieces.started_at', 'pieces.ended_at')
        ~ ") filter (where pieces.is_charged), 0)"
    ) }} as used_s,
    try_cast(sum(pieces.produced_quantity) as decimal(18, 6)) as produced_quantity,
    try_cast(sum(pieces.good_quantity) as decimal(18, 6)) as good_quantity,
    try_cast(sum(pieces.scrap_quantity) as decimal(18, 6)) as scrap_quantity
from pieces
left join delays
    on
        pieces.site_id = delays.site_id
        and pieces.work_unit_id = delays.work_unit_id
        and pieces.interval_started_at = delays.started_at
group by
    pieces.site_id, pieces.work_unit_id, pieces.production_date, pieces.shift_id, pieces.production_order_id,
    pieces.operation_id, pieces.item_id, pieces.category, delays.loss_category, pieces.cause, delays.reason_id,
    coalesce(pieces.is_minor, false), pieces.is_open_end, pieces.moment_at
