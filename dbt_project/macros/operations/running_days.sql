{% macro running_days(settled_intervals='latest_intervals') -%}
{#- The CTEs that the operations macros start from, for the present: of each work unit's running production day what the
    last refresh has settled, and raw at the head from there on. The whole day is read of work units of which nothing is
    settled, or of which something arrived since that belongs before it; and of all after a load of business data.
    What lies before the day is known from int_day_carry and what has arrived since the last refresh. #}
segments as (

    select * from {{ ref('int_calendar_segment') }}

),

tail as (

    {#- What arrived since the last completed refresh, of any day: a late sample counts at once, however long the silence
        after it was. The bound is read from a table first, so it prunes files as a constant does. #}
    select *
    from {{ ref('stg_telemetry') }}
    where snapshot_id > (select max(pinned_snapshot_id) from {{ ref('int_completed_run') }})

),

day_carry as (

    select
        * exclude (arrived_first_observed_at, arrived_last_observed_at, first_snapshot_id, last_snapshot_id)
    from {{ ref('int_day_carry') }}

    union all by name

    select
        * exclude (arrived_first_observed_at, arrived_last_observed_at, first_snapshot_id, last_snapshot_id)
    from ({% call as_few() %}{{ samples_folded('tail') }}{% endcall %}) as arrived

),

heard as (

    {{ heard_before() }}

),

running as (

    {#- A work unit that has told nothing yet has no days, as in history. #}
    {% call as_few() %}
        select distinct
            segments.site_id,
            segments.work_unit_id,
            segments.production_date,
            segments.day_started_at as started_at,
            segments.day_ended_at as ended_at,
            {{ evaluation_time() }} as evaluated_at
        from segments
        semi join heard
            on
                segments.site_id = heard.site_id
                and segments.work_unit_id = heard.work_unit_id
                and segments.day_ended_at > heard.first_observed_at
        where
            segments.day_started_at < {{ evaluation_time() }}
            and segments.day_ended_at >= {{ evaluation_time() }}
    {% endcall %}

),

settled_days as (

    select settled.*
    from {{ ref('int_running_day') }} as settled
    inner join running
        on
            settled.site_id = running.site_id
            and settled.work_unit_id = running.work_unit_id
            and settled.production_date = running.production_date
            and settled.settled_until_at + {{ reach_of_what_settles() }} <= running.evaluated_at
    anti join tail
        on
            settled.site_id = tail.site_id
            and settled.work_unit_id = tail.work_unit_id
            and settled.settled_until_at + {{ reach_of_what_settles() }} > tail.observed_at
            and settled.pinned_snapshot_id < tail.snapshot_id
            -- What is said of stops and counts of an earlier day changes nothing of this one. A length below nought says
            -- nothing, and minus infinity is none.
            and running.started_at < case tail.signal
                when '$stop_reason' then tail.observed_at + to_seconds(greatest(least(tail.number, 1e9), 0))
                when '$count_correction' then tail.observed_at + to_microseconds(1)
                else timestamp 'infinity'
            end
    where settled.pinned_snapshot_id >= {{ last_load_snapshot_id() }}

),

days as (

    select
        running.* replace (coalesce(settled.settled_until_at, running.started_at) as started_at),
        running.started_at as day_started_at
    from running
    left join settled_days as settled
        on
            running.site_id = settled.site_id
            and running.work_unit_id = settled.work_unit_id

),

telemetry as (

    select tail.* exclude (snapshot_id)
    from tail
    semi join settled_days
        on
            tail.site_id = settled_days.site_id
            and tail.work_unit_id = settled_days.work_unit_id
            and tail.snapshot_id > settled_days.pinned_snapshot_id

    union all by name

    select
        site_id,
        work_unit_id,
        unnest(samples, recursive := true)
    from settled_days

    union all by name

    {#- Mostly of none; of a semi join the planner would expect a fifth of all rows. #}
    select telemetry.* exclude (snapshot_id)
    from {{ ref('stg_telemetry') }} as telemetry
    inner join (
        select distinct site_id, work_unit_id
        from days
        where started_at = day_started_at
    ) as whole_days
        on
            telemetry.site_id = whole_days.site_id
            and telemetry.work_unit_id = whole_days.work_unit_id
    -- A production day began less than two UTC days ago. A constant to the planner: it prunes files.
    where telemetry.observed_date >= cast({{ evaluation_time() }} as date) - 3

),

settled_pieces as (

    select
        site_id,
        work_unit_id,
        production_date,
        unnest({{ settled_intervals }}, recursive := true)
    from settled_days

),

settled_counts as (

    select
        site_id,
        work_unit_id,
        production_date,
        unnest(latest_counts, recursive := true)
    from settled_days

),

settled_shift_orders as (

    select
        site_id,
        work_unit_id,
        unnest(shift_orders, recursive := true)
    from settled_days

),

stop_entries as (

    {#- Distinct: a refresh under way may know of them too. #}
    select entries.*
    from (
        select * exclude (arrived_after_snapshot_id) from {{ ref('int_stop_entry') }}
        union
        {{ stop_entries_told('tail') }}
    ) as entries
    semi join running
        on
            entries.site_id = running.site_id
            and entries.work_unit_id = running.work_unit_id
            and entries.ended_at > running.started_at

),

count_corrections as (

    {#- Distinct: a refresh under way may know of them too. #}
    select entries.*
    from (
        select * exclude (arrived_after_snapshot_id) from {{ ref('int_count_correction') }}
        union
        {{ count_corrections_told('tail') }}
    ) as entries
    semi join running
        on
            entries.site_id = running.site_id
            and entries.work_unit_id = running.work_unit_id
            and entries.counted_at >= running.started_at

)
{%- endmacro %}

{% macro as_few() -%}
    {#- The rows of a query, a row per work unit or signal, as one list: the planner expects few of it. It would expect a
        share of all that the lake ever received, and lay out each window and join behind it for billions. -#}
    select few.*
    from (
        select unnest(list(queried)) as few
        from (
            {{ caller() | trim }}
        ) as queried
    ) as listed
{%- endmacro %}

{% macro running_intervals_and_counts() -%}
{#- From `running_days` to its `intervals` and `counts_of_intervals`: of what is settled the last ones. #}
{{ running_days() }},

{{ samples_given_meaning(
    running_roles(), reads_from='least(looked_for_events_from, ' ~ reads_a_day_from('day_started_at') ~ ')'
) }},

{{ coverage_closed() }},

{{ orders_planned() }},

{{ states_closed_to_intervals() }},

{{ pieces_attributed() }},

{{ states_told_by_pulses() }},

{{ intervals_attributed(goes_on=true) }},

{{ counters_differenced(goes_on=true) }}
{%- endmacro %}

{% macro last_load_snapshot_id() -%}
    {#- The lake's snapshot of the last change of what gives time and samples a meaning; -1 before the first. #}
    (
        select coalesce(max(snapshot_id), -1)
        from (
            {% for table in [
                'equipment', 'shift_pattern', 'calendar_exception', 'signal_map', 'value_map', 'routing_operation',
                'production_order', 'order_operation'
            ] -%}
            select snapshot_id from {{ source('reference', table) }}
            {{ 'union all' if not loop.last }}
            {% endfor %}
        ) as loads
    )
{%- endmacro %}
