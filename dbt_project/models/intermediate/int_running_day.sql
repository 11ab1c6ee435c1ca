{#- What is settled of each running production day, up to a moment before which hardly anything still arrives: the sums
    of its running shifts, its last intervals and counts, and the samples from which the live views go on; of the
    intervals before only a ribbon is made. One row per work unit; one table for all of it, so that a live view never
    sees parts of two runs. Days without a row are computed whole: those that have just begun, and those whose state
    pulses tell, for which the views would have to look half a day back. #}
{{ config(pre_hook="{{ bound_by_running_days() }}") }}
with

days as (

    {{ days_that_settle() }}

),

signals as (

    select
        site_id,
        work_unit_id,
        signal,
        bool_or(role in ('reason', 'alarm')) as is_needed_all_day,
        max(role) filter (where role in ('state', 'operation_mode')) as state_role
    from {{ ref('stg_signal_map') }}
    where role in ('{{ running_roles() | join("', '") }}')
    group by all

),

telemetry as (

    select
        telemetry.* exclude (snapshot_id),
        days.settled_until_at - {{ margin() }} as goes_on_from,
        signals.signal is not null as has_meaning,
        signals.state_role,
        case
            when telemetry.signal = '$heartbeat'
                then telemetry.observed_at >= goes_on_from - to_seconds({{ var('heartbeat_reach_s') }})
            when telemetry.signal = '$link'
                then telemetry.observed_at >= goes_on_from - {{ reach_of_events_before() }}
            when signals.is_needed_all_day then telemetry.observed_at >= days.started_at
            else telemetry.observed_at >= goes_on_from
        end as is_needed
    from {{ ref('stg_telemetry') }} as telemetry
    inner join days
        on
            telemetry.site_id = days.site_id
            and telemetry.work_unit_id = days.work_unit_id
            and telemetry.observed_date >= days.first_date
    left join signals
        on
            telemetry.site_id = signals.site_id
            and telemetry.work_unit_id = signals.work_unit_id
            and telemetry.signal = signals.signal
    where
        telemetry.snapshot_id <= (select max(pinned_snapshot_id) from {{ ref('int_run') }})
        and telemetry.observed_date >= coalesce(cast(getvariable('running_from') as date), date '-infinity')
        and (signals.signal is not null or telemetry.signal in ('$heartbeat', '$link'))

),

last_samples as (

    {#- What holds when the live views go on; of bad quality only a state means anything. #}
    {% for condition in ['true', 'quality < 2'] -%}
    select
        site_id,
        work_unit_id,
        arg_max({{ running_sample() }}, (observed_at, row_number)) as sample
    from telemetry
    where
        has_meaning
        and not is_needed
        and observed_at < goes_on_from
        and {{ condition }}
    group by site_id, work_unit_id, collector, epoch, signal
    {{ 'union' if not loop.last }}
    {% endfor %}
),

states_told_before as (

    select
        *,
        row_number() over following as sample_number,
        coalesce(
            hash(number, text, quality < 2) <> lag(hash(number, text, quality < 2)) over following, true
        ) as is_first_of_run
    from telemetry
    where
        state_role is not null
        and observed_at < goes_on_from
    window following as (
        partition by site_id, work_unit_id, state_role
        order by observed_at, received_at, epoch, row_number
    )

),

begins_of_states as (

    {#- Since when what holds has been told, and what was told before that. #}
    select
        site_id,
        work_unit_id,
        {{ running_sample() }} as sample
    from states_told_before
    qualify
        sample_number - max(sample_number) filter (where is_first_of_run) over (
            partition by site_id, work_unit_id, state_role
        ) in (-1, 0)

),

samples as (

    select
        site_id,
        work_unit_id,
        list(sample) as samples
    from (
        select site_id, work_unit_id, sample from last_samples
        union all
        select site_id, work_unit_id, sample from begins_of_states
        union all
        select site_id, work_unit_id, {{ running_sample() }} as sample
        from telemetry
        where is_needed
    ) as all_samples
    group by site_id, work_unit_id

),

settled_intervals as (

    {#- Of the last hour of it and of all of the last state live views ask more than sums: how the hour goes, and since
        when the state holds. #}
    select
        * exclude (state_changed_at),
        started_at >= max(state_changed_at) over (partition by site_id, work_unit_id)
        or ended_at > settled_until_at - interval 1 hour as is_latest
    from (
        select
            intervals.* replace (least(intervals.ended_at, days.settled_until_at) as ended_at),
            days.settled_until_at,
            case
                when lag(coalesce(intervals.state, 'none'), 1, '') over earlier <> coalesce(intervals.state, 'none')
                    then intervals.started_at
            end as state_changed_at
        from {{ ref('state_interval') }} as intervals
        inner join days
            on
                intervals.site_id = days.site_id
                and intervals.work_unit_id = days.work_unit_id
                and intervals.production_date = days.production_date
                and intervals.started_at < days.settled_until_at
        window earlier as (
            partition by intervals.site_id, intervals.work_unit_id
            order by intervals.started_at
        )
    ) as intervals

),

counts_of_intervals as (

    select
        counts.*,
        intervals.is_latest
    from {{ ref('int_interval_count') }} as counts
    inner join settled_intervals as intervals
        on
            counts.site_id = intervals.site_id
            and counts.work_unit_id = intervals.work_unit_id
            and counts.production_date = intervals.production_date
            and counts.started_at = intervals.started_at
    where
        counts.is_settled
        and counts.material_item_id is null

),

intervals as (

    select *
    from settled_intervals
    where
        not is_latest
        and shift_ended_at > settled_until_at

),

{{ intervals_counted() }},

{{ shifts_summed() }},

shift_order_lists as (

    select
        site_id,
        work_unit_id,
        list({{ settled_shift_order() }}) as shift_orders
    from shift_orders_in_microseconds
    group by site_id, work_unit_id

),

interval_lists as (

    select
        site_id,
        work_unit_id,
        list({{ settled_interval() }}) filter (where not is_latest) as earlier_intervals,
        list({{ settled_interval() }}) filter (where is_latest) as latest_intervals
    from settled_intervals
    group by site_id, work_unit_id

),

count_lists as (

    select
        site_id,
        work_unit_id,
        list({
            'started_at': started_at,
            'quarter_started_at': quarter_started_at,
            'role': role,
            'reason_id': reason_id,
            'quantity': quantity,
            'cycles': cycles
        }) as latest_counts
    from counts_of_intervals
    where is_latest
    group by site_id, work_unit_id

)

select
    days.site_id,
    days.work_unit_id,
    days.production_date,
    days.settled_until_at,
    run.pinned_snapshot_id,
    shift_orders.shift_orders,
    intervals.earlier_intervals,
    intervals.latest_intervals,
    counts.latest_counts,
    samples.samples
from days
cross join {{ ref('int_run') }} as run
left join shift_order_lists as shift_orders
    on
        days.site_id = shift_orders.site_id
        and days.work_unit_id = shift_orders.work_unit_id
left join interval_lists as intervals
    on
        days.site_id = intervals.site_id
        and days.work_unit_id = intervals.work_unit_id
left join count_lists as counts
    on
        days.site_id = counts.site_id
        and days.work_unit_id = counts.work_unit_id
left join samples
    on
        days.site_id = samples.site_id
        and days.work_unit_id = samples.work_unit_id
