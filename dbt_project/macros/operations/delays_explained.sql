{% macro delays_explained() -%}
{#- The CTEs `touched_days`, those to compute anew, also one that nothing else touched, when its stop got its reason on
    another; and `delays`, what the stop of each delay says of it, at least of those days. #}
touched_stops as (

    select
        stop_id,
        whole_started_at
    from {{ ref('stop_event') }} as stops
    where {{ touches_affected_day('stops') }}

),

touched as (

    {#- No production day is longer than two days. #}
    select min(started_at) - interval 2 day as first_at
    from (
        select started_at from {{ ref('int_affected_day') }}
        union all
        select whole_started_at as started_at from touched_stops
    ) as spans

),

delays as (

    select
        intervals.site_id,
        intervals.work_unit_id,
        intervals.production_date,
        intervals.started_at,
        stops.stop_id,
        stops.reason_id,
        stops.loss_category
    from {{ ref('state_interval') }} as intervals
    asof inner join (
        select stops.*
        from {{ ref('stop_event') }} as stops
        inner join touched
            on coalesce(stops.ended_at, timestamp 'infinity') >= touched.first_at
    ) as stops
        on
            intervals.site_id = stops.site_id
            and intervals.work_unit_id = stops.work_unit_id
            and intervals.started_at >= stops.started_at
    where
        intervals.category = 'delay'
        and intervals.started_at >= (select first_at from touched)

),

touched_days as (

    select
        site_id,
        work_unit_id,
        production_date
    from {{ ref('int_affected_day') }}

    union

    select
        delays.site_id,
        delays.work_unit_id,
        delays.production_date
    from delays
    semi join touched_stops
        on delays.stop_id = touched_stops.stop_id

)
{%- endmacro %}
