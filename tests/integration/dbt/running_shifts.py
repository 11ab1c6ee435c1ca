"""What live views tell of the running shifts, and the same questions to history.

Belongs here: pairs of SQL whose answers must be equal, of `LIVE` (after `EVALUATE`) and of
`HISTORY`. Both read the variable `takt_now`.
"""

from collections import Counter

import duckdb

Rows = list[tuple[object, ...]]

MEASURES = """
site_id, work_unit_id, production_date, shift_id, shift_started_at, shift_ended_at,
calendar_time_s, not_scheduled_time_s, planned_downtime_s, planned_busy_time_s,
actual_production_time_s, actual_setup_time_s, actual_delay_time_s, actual_down_time_s,
unknown_time_s, minor_stop_time_s, ideal_time_s, good_ideal_time_s, startup_loss_time_s,
produced_quantity, good_quantity, scrap_quantity, rework_quantity, availability, effectiveness,
quality_ratio, oee_index, nee_index, teep_index, coverage_ratio, definition_id, is_provisional
"""
PRESENT = """
site_id, work_unit_id, state, category, cause, is_minor, reason_id, production_order_id,
operation_id, item_id
"""
EVALUATE = """
create temp table live as from marts.live_work_unit;
create temp table live_hours as from marts.live_work_unit_hour;
create temp table live_intervals as from marts.live_state_interval
"""
LIVE = {
    "shifts": f"select {MEASURES} from live where shift_id is not null",
    "present": f"select {PRESENT}, computed_through_at from live where state_since_at is not null",
    "orders": "select site_id, work_unit_id, production_order_id, operation_id,"
    " order_good_quantity, order_production_time_s from live"
    " where order_production_time_s is not null",
    "hours": f"select hour_started_at, {MEASURES} from live_hours",
    "intervals": "from live_intervals",
    "since": "select site_id, work_unit_id, state_since_at from live",
    "rows": "from live",
}
RUNNING_INTERVALS = """
select intervals.*
from marts.state_interval as intervals
semi join (
    select * from intermediate.int_calendar_segment
    where day_started_at < getvariable('takt_now')::timestamp
    and day_ended_at >= getvariable('takt_now')::timestamp
) as segments using (site_id, work_unit_id, production_date)
"""
LAST_INTERVALS = f"""
select * from ({RUNNING_INTERVALS})
qualify row_number() over (partition by site_id, work_unit_id order by started_at desc) = 1
"""
BEGINNINGS = f"""
select site_id, work_unit_id, started_at
from (
    select
        *,
        lag(state) over (partition by site_id, work_unit_id order by started_at) as state_before
    from ({RUNNING_INTERVALS})
    qualify state is distinct from state_before
)
qualify row_number() over (partition by site_id, work_unit_id order by started_at desc) = 1
and state_before is not null
"""
"""When the present state began on the running day, and which other one was before it."""

HISTORY = {
    "shifts": f"select {MEASURES} from marts.work_unit_shift where definition_id = 'iso22400'"
    " and shift_started_at <= getvariable('takt_now')::timestamp"
    " and shift_ended_at > getvariable('takt_now')::timestamp",
    "present": f"select {PRESENT}, ended_at from ({LAST_INTERVALS})",
    "orders": f"""
        select
            site_id, work_unit_id, production_order_id, present.operation_id,
            sum(shift_orders.good_quantity)::decimal(18, 6),
            sum(shift_orders.actual_production_time_s)::decimal(18, 6)
        from marts.work_unit_shift_order as shift_orders
        inner join ({LAST_INTERVALS}) as present
            using (site_id, work_unit_id, shift_started_at, production_order_id)
        where
            shift_orders.definition_id = 'iso22400'
            and shift_orders.operation_id is not distinct from present.operation_id
        group by all
    """,
    "hours": f"select hour_started_at, {MEASURES} from marts.work_unit_hour"
    " where getvariable('takt_now')::timestamp >= hour_started_at"
    " and getvariable('takt_now')::timestamp < hour_started_at + interval 1 hour"
    " and (site_id, work_unit_id, production_date) in"
    f" (select (site_id, work_unit_id, production_date) from ({RUNNING_INTERVALS}))",
    "intervals": RUNNING_INTERVALS,
    "since": BEGINNINGS,
}


def of_live_views(con: duckdb.DuckDBPyConnection) -> dict[str, Rows]:
    """What they tell; each is evaluated once."""
    con.execute(EVALUATE)
    return {name: con.execute(sql).fetchall() for name, sql in LIVE.items()}


def of_history(con: duckdb.DuckDBPyConnection) -> dict[str, Rows]:
    """What the marts of a rebuild at the same moment tell."""
    return {name: con.execute(sql).fetchall() for name, sql in HISTORY.items()}


def differing(one: Rows, other: Rows) -> Rows:
    """Rows that stand in one of them only, or more often there; the first few."""
    counted, others = Counter(one), Counter(other)
    return sorted(((counted - others) + (others - counted)).elements(), key=str)[:6]


def of_units(rows: Rows, others: Rows) -> Rows:
    """Those of the rows whose work unit has one in `others` too."""
    units = {row[:2] for row in others}
    return [row for row in rows if row[:2] in units]
