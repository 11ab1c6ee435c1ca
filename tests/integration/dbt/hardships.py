"""What makes a running shift hard to tell, found in the lake itself.

Belongs here: one question per hardship, each answered with (site_id, work_unit_id) of the running
shifts that have it. They read temp tables `running` (the live rows), `told` (raw of the running
shifts), `orders` and `intervals` (of the rebuild), and the variables `refreshed` (the last
refresh's pin), `refreshed_at` and `takt_now`.
"""

import duckdb

Pair = tuple[str, str]

PREPARE = """
create or replace temp table running as
select live.*, zones.time_zone
from marts.live_work_unit as live
inner join marts.dim_work_unit as zones using (site_id, work_unit_id)
where shift_id is not null;
create or replace temp table told as
select
    running.site_id, running.work_unit_id, running.shift_started_at, telemetry.*,
    map.role, map.counter_mode, map.counter_bits
from (select *, snapshot_id from raw.telemetry) as telemetry
inner join running
    on running.site_id = telemetry.site and running.work_unit_id = telemetry.equipment
left join reference.signal_map as map
    on
        map.site_id = telemetry.site and map.equipment_id = telemetry.equipment
        and map.signal = telemetry.signal and map.closed_at is null
where telemetry.observed_at >= running.shift_started_at;
create or replace temp table intervals as
select intervals.*
from marts.state_interval as intervals
semi join running using (site_id, work_unit_id, shift_started_at);
create or replace temp table orders as
select *
from marts.work_unit_shift_order as shift_orders
semi join running using (site_id, work_unit_id, shift_started_at)
where definition_id = 'iso22400' and production_order_id is not null
"""
_MAPPED = "select equipment_id from reference.signal_map where closed_at is null and role ="
_CLOCK_CHANGE = """
select site_id, work_unit_id from running
where
    epoch(shift_ended_at - shift_started_at) - epoch(
        timezone(time_zone, timezone('UTC', shift_ended_at))
        - timezone(time_zone, timezone('UTC', shift_started_at))
    ) = {seconds}
"""
_DROPS = """
select site_id, work_unit_id from (
    select
        site_id, work_unit_id, counter_bits,
        value < lag(value) over (
            partition by site_id, work_unit_id, signal order by observed_at
        ) as is_drop
    from told
    where counter_mode = 'total' and quality < 2
) where is_drop and counter_bits is {kind}
"""
_SEVERAL_ORDERS = """
select site_id, work_unit_id from orders
where work_unit_id {kind} in ({signal})
group by all having count(distinct production_order_id) > 1
"""

QUESTIONS = {
    "a shift over midnight": """
        select site_id, work_unit_id from running
        where
            timezone(time_zone, timezone('UTC', shift_started_at))::date
            < timezone(time_zone, timezone('UTC', shift_ended_at - interval 1 microsecond))::date
    """,
    "clocks go forward in the shift": _CLOCK_CHANGE.format(seconds=-3600),
    "clocks go back in the shift": _CLOCK_CHANGE.format(seconds=3600),
    "a day of 23 hours": """
        select distinct site_id, work_unit_id from intermediate.int_calendar_segment
        semi join running using (site_id, work_unit_id, production_date)
        where day_ended_at - day_started_at = interval 23 hour
    """,
    "a day of 25 hours": """
        select distinct site_id, work_unit_id from intermediate.int_calendar_segment
        semi join running using (site_id, work_unit_id, production_date)
        where day_ended_at - day_started_at = interval 25 hour
    """,
    "an open stop": "select site_id, work_unit_id from running where category in ('delay', 'down')",
    "an open minor stop": "select site_id, work_unit_id from running where is_minor",
    "a break in a stop": """
        select site_id, work_unit_id from (
            select
                *,
                lag(state) over units as state_before,
                lead(state) over units as state_after
            from intervals
            window units as (partition by site_id, work_unit_id order by started_at)
        )
        where
            calendar_kind = 'break' and category in ('delay', 'down')
            and state_before = state and state_after = state
    """,
    "planned downtime": (
        "select site_id, work_unit_id from intervals where calendar_kind = 'planned_downtime'"
    ),
    "a counter that begins again": _DROPS.format(kind="null"),
    "a counter that rolls over": _DROPS.format(kind="not null"),
    "late data of the shift": """
        select site_id, work_unit_id from told
        where snapshot_id > getvariable('refreshed') and observed_at < getvariable('refreshed_at')
    """,
    "late data of the days before": """
        select site_id, work_unit_id from running
        inner join (select *, snapshot_id from raw.telemetry) as late
            on running.site_id = late.site and running.work_unit_id = late.equipment
        where
            late.snapshot_id > getvariable('refreshed')
            and late.observed_at < running.shift_started_at - interval 1 day
    """,
    "a late sample before three silent weeks": """
        select site_id, work_unit_id from running
        inner join (select *, snapshot_id from raw.telemetry) as late
            on running.site_id = late.site and running.work_unit_id = late.equipment
        where
            late.snapshot_id > getvariable('refreshed')
            and late.signal = 'State'
            and late.observed_at < getvariable('takt_now')::timestamp - interval 21 day
            and not exists (
                select 1 from raw.telemetry as later
                where
                    later.site = late.site and later.equipment = late.equipment
                    and later.signal = late.signal and later.observed_at > late.observed_at
            )
    """,
    "heard for the first time since the refresh": """
        select site_id, work_unit_id from running
        where not exists (
            select 1 from (select *, snapshot_id from raw.telemetry) as earlier
            where
                earlier.site = running.site_id and earlier.equipment = running.work_unit_id
                and earlier.snapshot_id <= getvariable('refreshed')
        )
    """,
    "several orders told by a signal": _SEVERAL_ORDERS.format(kind="", signal=f"{_MAPPED} 'order'"),
    "several orders told by times": _SEVERAL_ORDERS.format(kind="not", signal=f"{_MAPPED} 'order'"),
    "no order": "select site_id, work_unit_id from running where production_order_id is null",
    "an order without a route": (
        "select site_id, work_unit_id from running where shift_id is not null"
        " and ideal_time_s is null"
    ),
    "a lost link": "select site_id, work_unit_id from told where signal = '$link'",
    "a lost link told late": (
        "select site_id, work_unit_id from told where signal = '$link'"
        " and received_at > observed_at + interval 1 minute"
    ),
    "a gap": (
        "select site_id, work_unit_id from intervals"
        " where state is null and unmapped_value is null and ended_at < getvariable('takt_now')"
    ),
    "a state that no map knows": (
        "select site_id, work_unit_id from intervals where unmapped_value is not null"
    ),
    "a state told by pulses": (
        f"select site_id, work_unit_id from running where work_unit_id not in ({_MAPPED} 'state')"
        " and state is not null"
    ),
    "a state told by operation modes": (
        "select site_id, work_unit_id from told where role = 'operation_mode'"
    ),
    "a state of bad quality": (
        "select site_id, work_unit_id from told where role = 'state' and quality = 2"
    ),
    "a count of bad quality": (
        "select site_id, work_unit_id from told where role like '%count' and quality = 2"
    ),
    "several epochs": (
        "select site_id, work_unit_id from told group by all having count(distinct epoch) > 2"
    ),
    "two samples of one moment": (
        "select site_id, work_unit_id from told group by site_id, work_unit_id, signal, observed_at"
        " having count(*) > 1"
    ),
    "settled by the last refresh": (
        f"select site_id, work_unit_id from running where work_unit_id in ({_MAPPED} 'state')"
        " and shift_started_at < getvariable('refreshed_at') - interval 10 minute"
        " and not exists (select 1 from (select snapshot_id from reference.order_operation)"
        " where snapshot_id > getvariable('refreshed'))"
    ),
    "a corrected count": (
        "select site_id, work_unit_id from told where signal = '$count_correction' and value <> 0"
    ),
    "a count corrected since the refresh": (
        "select site_id, work_unit_id from told where signal = '$count_correction'"
        " and snapshot_id > getvariable('refreshed')"
    ),
    "a correction taken back": (
        "select site_id, work_unit_id from told where signal = '$count_correction' and value = 0"
    ),
    "a reason": "select site_id, work_unit_id from intervals where reason_id is not null",
}
"""By what is hard about it."""


def of_running_shifts(con: duckdb.DuckDBPyConnection) -> dict[str, set[Pair]]:
    """Which running shifts have which hardship; after `PREPARE`."""
    return {name: set(con.execute(sql).fetchall()) for name, sql in QUESTIONS.items()}
