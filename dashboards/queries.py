"""Every SQL statement of the pages, one function per question; values are bound.

Live questions read the head of the lake and return rows of the classes here; questions about
history read the last published snapshot and return frames. No KPI is computed here: ratios are
columns of the marts, also of lines and of the site (`live_overview`, `equipment_shift`).
Times are UTC without a zone, `_s` is seconds, ratios are 0 to 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import duckdb
import pandas as pd

Row = TypeVar("Row")


@dataclass(frozen=True, kw_only=True)
class Equipment:
    """A site, a line or a work unit now, with its shift so far.

    A ratio without a basis (nothing planned, no ideal time) is None. Columns from `state` on
    are about work units only and None for the others.

    Attributes:
        level: `site`, `work_center` or `work_unit`.
        work_center_id: The line of a work unit; a line's own id; None for the site.
        is_covered: Whether enough of the time has data for its numbers to stand unmarked.
        lost_time_s: Planned busy time that made no good unit at its planned speed.
        category: What the present state counts as: production, setup, delay, down, unknown.
        order_good_quantity: Good units of the running order and operation, over all shifts.
        expected_finish_at: When the order ends at the pace of its production time so far.
        computed_through_at: The moment all this is about.
    """

    equipment_id: str
    level: str
    name: str
    work_center_id: str | None
    time_zone: str
    production_date: date | None
    shift_id: str | None
    shift_started_at: datetime | None
    shift_ended_at: datetime | None
    planned_busy_time_s: Decimal
    unknown_time_s: Decimal
    lost_time_s: Decimal | None
    good_quantity: Decimal
    scrap_quantity: Decimal
    availability: float | None
    effectiveness: float | None
    quality_ratio: float | None
    oee_index: float | None
    coverage_ratio: float | None
    is_covered: bool
    state: str | None
    category: str | None
    cause: str | None
    is_minor: bool | None
    state_since_at: datetime | None
    reason_name: str | None
    production_order_id: str | None
    item_name: str | None
    unit: str | None
    order_quantity: Decimal | None
    order_good_quantity: Decimal | None
    expected_finish_at: datetime | None
    computed_through_at: datetime


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A stretch of the running shift of a work unit, for its ribbon."""

    work_unit_id: str
    started_at: datetime
    ended_at: datetime
    state: str | None
    category: str
    cause: str | None
    is_minor: bool
    reason_name: str | None


@dataclass(frozen=True, kw_only=True)
class Publication:
    """The marts people see: the lake's snapshot and when it was published."""

    snapshot_id: int
    published_at: datetime


@dataclass(frozen=True, kw_only=True)
class Loss:
    """The reason that cost one line most of the running shift."""

    work_center_name: str
    reason_name: str
    lost_s: float
    stops: int


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Make a connection fit for reading once a second: it takes one core at the most."""
    con.execute("set threads = 1")


def freeze_equipment(con: duckdb.DuckDBPyConnection) -> None:
    """Evaluate the live view of the equipment, for the live questions of one moment."""
    con.execute("create or replace temp table overview as from marts.live_overview")


def freeze_intervals(con: duckdb.DuckDBPyConnection) -> None:
    """Evaluate the live view of what the running shifts were spent on."""
    con.execute("create or replace temp table ribbon as from marts.live_ribbon")


def equipment(con: duckdb.DuckDBPyConnection) -> list[Equipment]:
    """The site, its lines and their work units now; empty when no equipment is loaded."""
    return _rows(
        con,
        Equipment,
        """
        select equipment_id, level, name, work_center_id, time_zone, production_date, shift_id,
            shift_started_at, shift_ended_at, planned_busy_time_s, unknown_time_s, lost_time_s,
            good_quantity, scrap_quantity, availability, effectiveness, quality_ratio,
            oee_index, coverage_ratio, is_covered, state, category, cause, is_minor,
            state_since_at, reason_name, production_order_id, item_name, unit, order_quantity,
            order_good_quantity, expected_finish_at, computed_through_at
        from overview
        order by work_center_id, equipment_id
        """,
    )


def intervals(con: duckdb.DuckDBPyConnection) -> list[Interval]:
    """What each work unit did in its running shift, in order of time."""
    return _rows(
        con,
        Interval,
        """
        select work_unit_id, started_at, ended_at, state, category, cause, is_minor, reason_name
        from ribbon
        order by work_unit_id, started_at
        """,
    )


def biggest_loss(con: duckdb.DuckDBPyConnection) -> Loss | None:
    """The reason that cost one line most of the running shift; None without a stop."""
    found = _rows(
        con,
        Loss,
        """
        select line.name as work_center_name,
            case
                when ribbon.category = 'setup' then 'setup'
                when ribbon.reason_name is not null then ribbon.reason_name
                when ribbon.is_minor then 'minor stops'
                when ribbon.cause = 'external' then 'waiting, external cause'
                else 'stopped without a reason given'
            end as reason_name,
            sum(epoch_us(ribbon.ended_at) - epoch_us(ribbon.started_at)) / 1e6 as lost_s,
            count(*) as stops
        from ribbon
        inner join overview as work_unit
            on ribbon.work_unit_id = work_unit.equipment_id and work_unit.level = 'work_unit'
        inner join overview as line
            on work_unit.work_center_id = line.equipment_id and line.level = 'work_center'
        where ribbon.category in ('delay', 'setup')
        group by all
        order by lost_s desc, work_center_name, reason_name
        limit 1
        """,
    )
    return found[0] if found else None


def latest_commit(con: duckdb.DuckDBPyConnection, *, since: datetime) -> datetime | None:
    """When anything last arrived in the lake; None when nothing did after `since`.

    The bound is what keeps the question cheap: the lake opens only files that may hold newer rows.
    """
    latest: datetime | None = _value(
        con, "select max(committed_at) from raw.batch where committed_at > $since", since=since
    )
    return latest


def publication(con: duckdb.DuckDBPyConnection) -> Publication | None:
    """The newest published state of the marts; None before the first refresh."""
    found = _rows(
        con,
        Publication,
        """
        select snapshot_id, published_at
        from pipeline.publication
        order by snapshot_id desc
        limit 1
        """,
    )
    return found[0] if found else None


def oee_per_shift(
    con: duckdb.DuckDBPyConnection, *, first_day: date, work_center_id: str | None
) -> pd.DataFrame:
    """OEE of every shift by line since a production day, lines by path.

    Columns: equipment_id, name, production_date, shift_id, shift_started_at, oee_index,
    availability, effectiveness, quality_ratio, coverage_ratio, is_provisional.
    """
    return _frame(
        con,
        """
        select equipment_id, name, production_date, shift_id, shift_started_at, oee_index,
            availability, effectiveness, quality_ratio, coverage_ratio, is_provisional
        from marts.equipment_shift
        where level = 'work_center'
            and production_date >= $first_day
            and ($work_center_id is null or equipment_id = $work_center_id)
            and planned_busy_time_s > 0
        order by equipment_id, shift_started_at
        """,
        first_day=first_day,
        work_center_id=work_center_id,
    )


def site_oee_per_day(con: duckdb.DuckDBPyConnection, *, before: date, limit: int) -> pd.DataFrame:
    """OEE of the site on its last working days before a production day, oldest first.

    Columns: production_date, oee_index, coverage_ratio, is_provisional.
    """
    return _frame(
        con,
        """
        from (
            select production_date, oee_index, coverage_ratio, is_provisional
            from marts.equipment_day
            where level = 'site' and production_date < $before and planned_busy_time_s > 0
            order by production_date desc
            limit $limit
        )
        order by production_date
        """,
        before=before,
        limit=limit,
    )


def period_start(con: duckdb.DuckDBPyConnection, *, first_day: date) -> datetime | None:
    """When the first shift of a production day or of a later one began; None without shifts."""
    start: datetime | None = _value(
        con,
        "select min(shift_started_at) from marts.work_unit_shift where production_date >= $day",
        day=first_day,
    )
    return start


@dataclass(frozen=True, kw_only=True)
class Shift:
    """One shift: its name and when its last work unit ends it."""

    shift_id: str
    shift_ended_at: datetime


def shift_at(con: duckdb.DuckDBPyConnection, *, start: datetime) -> Shift | None:
    """The shift that began at a moment; None when none did."""
    found = _rows(
        con,
        Shift,
        """
        select min(shift_id) as shift_id, max(shift_ended_at) as shift_ended_at
        from marts.work_unit_shift
        where shift_started_at = $start
        having count(*) > 0
        """,
        start=start,
    )
    return found[0] if found else None


def losses(
    con: duckdb.DuckDBPyConnection, *, since: datetime, until: datetime, work_center_id: str | None
) -> pd.DataFrame:
    """Planned busy time lost to stops within a period by reason, most first.

    Columns: reason_name, cause (of most of its stops), is_minor (all of them), lost_s, stops.
    """
    return _frame(
        con,
        f"""
        select reason_name, mode(cause) as cause, bool_and(is_minor) as is_minor,
            (sum(lost_us) / 1e6)::double as lost_s, count(*) as stops
        from ({_STOPS})
        group by reason_name
        order by lost_s desc, reason_name
        """,
        since=since,
        until=until,
        work_center_id=work_center_id,
    )


def waterfall(
    con: duckdb.DuckDBPyConnection, *, since: datetime, until: datetime, work_center_id: str | None
) -> pd.DataFrame:
    """From planned busy time to good ideal time, over the shifts that began within a period.

    Columns: step (planned_busy, what `marts.loss_time` calls a loss, unmeasured: production of
    pieces whose planned run time is not known, good), cause (of unplanned_stops), seconds.
    """
    return _frame(
        con,
        f"""
        with shifts as ({_SHIFTS}),
        steps as (
            select 'planned_busy' as step, null as cause, sum(planned_busy_time_s) as seconds
            from shifts
            union all
            select coalesce(six_big_loss, category),
                if(six_big_loss = 'unplanned_stops', cause, null), sum(lost_s)
            from marts.loss_time semi join shifts using ({_SHIFT_KEY})
            group by all
            union all
            select 'good', null, coalesce(sum(good_ideal_time_s), 0)
            from marts.work_unit_shift_order semi join shifts using ({_SHIFT_KEY})
            where definition_id = 'iso22400'
        )
        select step, cause, seconds::double as seconds from steps where seconds <> 0
        union all
        select 'unmeasured', null, rest::double
        from (select sum(if(step = 'planned_busy', seconds, -seconds)) as rest from steps)
        where rest <> 0
        """,
        since=since,
        until=until,
        work_center_id=work_center_id,
    )


SORTABLE = ("started_at", "work_center_name", "work_unit_name", "reason_name", "lost_s")
"""Columns of `stops` a reader may sort by."""


def stops(
    con: duckdb.DuckDBPyConnection,
    *,
    since: datetime,
    until: datetime,
    work_center_id: str | None,
    work_unit_id: str | None = None,
    reason_name: str | None = None,
    sort: Sequence[tuple[str, bool]] = (),
    first: int = 0,
    limit: int | None = None,
) -> pd.DataFrame:
    """The stops of a period, newest first unless `sort` (column, descending) says otherwise.

    Columns: stop_id, work_center_name, work_unit_name, started_at, ended_at, lost_s (planned
    busy time within the period), reason_name, cause, is_minor; `matching` is how many stops
    there are without `first` and `limit`.
    """
    order = [f"{name} {'desc' if down else 'asc'}" for name, down in sort if name in SORTABLE]
    return _frame(
        con,
        f"""
        select stop_id, work_center_name, work_unit_name, started_at, ended_at,
            lost_us / 1e6 as lost_s, reason_name, cause, is_minor, count(*) over () as matching
        from ({_STOPS})
        where ($work_unit_id is null or work_unit_id = $work_unit_id)
            and ($reason_name is null or reason_name = $reason_name)
        order by {", ".join([*order, "started_at desc", "stop_id"])}
        limit $limit offset $first
        """,
        since=since,
        until=until,
        work_center_id=work_center_id,
        work_unit_id=work_unit_id,
        reason_name=reason_name,
        limit=limit if limit is not None else 1_000_000,
        first=first,
    )


STOP_ORDERS = {
    "money": "lost_amount desc nulls last, planned_busy_time_s desc",
    "time": "planned_busy_time_s desc",
    "newest": "started_at desc",
}
"""How the stops that wait for a reason may be sorted."""


@dataclass(frozen=True, kw_only=True)
class WaitingStop:
    """A stop that nobody has explained; `lost_quantity` and `lost_amount` None: not known.

    Attributes:
        ended_at: End; None while it goes on.
        planned_busy_time_s: Its part inside planned busy time.
        alarm_text: What the machine showed when it began; None: nothing.
    """

    stop_id: str
    work_unit_id: str
    work_unit_name: str
    work_center_name: str | None
    started_at: datetime
    ended_at: datetime | None
    planned_busy_time_s: Decimal
    lost_quantity: Decimal | None
    lost_amount: Decimal | None
    currency: str | None
    alarm_text: str | None


def waiting_stops(
    con: duckdb.DuckDBPyConnection,
    *,
    equipment_id: str | None = None,
    without: tuple[str, ...] = (),
    order: str = "money",
    limit: int,
) -> list[WaitingStop]:
    """The stops that wait for a reason, in one of `STOP_ORDERS`.

    Args:
        con: The lake.
        equipment_id: Only of this line or work unit.
        without: Ids of stops to leave out.
        order: How they are sorted.
        limit: So many at most.
    """
    return _rows(
        con,
        WaitingStop,
        f"""
        select stop_id, work_unit_id, work_unit_name, work_center_name, started_at, ended_at,
            planned_busy_time_s, lost_quantity, lost_amount, currency, alarm_text
        from ({_WAITING})
        order by {STOP_ORDERS[order]}, started_at desc, stop_id
        limit $limit
        """,
        equipment_id=equipment_id,
        without=list(without),
        limit=limit,
    )


def waiting_stops_named(
    con: duckdb.DuckDBPyConnection, *, stop_ids: tuple[str, ...]
) -> list[WaitingStop]:
    """Those of some stops that wait for a reason, oldest first."""
    return _rows(
        con,
        WaitingStop,
        f"""
        select stop_id, work_unit_id, work_unit_name, work_center_name, started_at, ended_at,
            planned_busy_time_s, lost_quantity, lost_amount, currency, alarm_text
        from ({_WAITING})
        where list_contains($stop_ids, stop_id)
        order by started_at, stop_id
        """,
        equipment_id=None,
        without=[],
        stop_ids=list(stop_ids),
    )


@dataclass(frozen=True, kw_only=True)
class WaitingTotal:
    """What waits for a reason, by currency; without one no rate is known."""

    currency: str | None
    stops: int
    planned_busy_time_s: Decimal
    lost_amount: Decimal | None


def waiting_totals(
    con: duckdb.DuckDBPyConnection, *, equipment_id: str | None, without: tuple[str, ...]
) -> list[WaitingTotal]:
    """How much waits for a reason, as `waiting_stops` lists it."""
    return _rows(
        con,
        WaitingTotal,
        f"""
        select currency, count(*) as stops, sum(planned_busy_time_s) as planned_busy_time_s,
            sum(lost_amount) as lost_amount
        from ({_WAITING})
        group by currency
        order by currency
        """,
        equipment_id=equipment_id,
        without=list(without),
    )


@dataclass(frozen=True, kw_only=True)
class Reason:
    """A reason with the names of those above it, the widest first: `Machine › Feeder jam`."""

    reason_id: str
    name: str
    path: str


def reasons(con: duckdb.DuckDBPyConnection) -> list[Reason]:
    """All reasons, in order of the tree that they make."""
    return _rows(
        con,
        Reason,
        """
        with recursive tree as (
            select reason_id, name, name as path
            from marts.dim_reason
            where parent_reason_id is null
                or parent_reason_id not in (select reason_id from marts.dim_reason)
            union
            select below.reason_id, below.name, tree.path || ' › ' || below.name
            from marts.dim_reason as below
            inner join tree on below.parent_reason_id = tree.reason_id
        )
        select reason_id, name, path from tree order by path, reason_id
        """,
    )


def reason_costs(
    con: duckdb.DuckDBPyConnection,
    *,
    since: datetime,
    until: datetime,
    equipment_id: str | None,
) -> pd.DataFrame:
    """What stops of a period cost by the reason they have, most first.

    Args:
        con: The lake.
        since: The stops began from then on.
        until: They began before it.
        equipment_id: Only of this line or work unit.

    Columns: reason_name, cause (of most of its stops), lost_s (planned busy time), amount (null:
    no rate is known), currency, stops.
    """
    return _frame(
        con,
        """
        select dim_reason.name as reason_name, mode(stops.cause) as cause,
            sum(stops.planned_busy_time_s)::double as lost_s,
            sum(stops.lost_amount)::double as amount, any_value(stops.currency) as currency,
            count(*) as stops
        from marts.stop_cost as stops
        inner join marts.dim_reason on stops.reason_id = dim_reason.reason_id
        inner join marts.dim_work_unit as work_units
            on stops.site_id = work_units.site_id
            and stops.work_unit_id = work_units.work_unit_id
        where stops.started_at >= $since
            and stops.started_at < $until
            and (
                $equipment_id is null
                or $equipment_id = stops.work_unit_id
                or $equipment_id = work_units.work_center_id
            )
        group by dim_reason.name
        order by amount desc nulls last, lost_s desc, reason_name
        """,
        since=since,
        until=until,
        equipment_id=equipment_id,
    )


@dataclass(frozen=True, kw_only=True)
class Classification:
    """What somebody said of a time of a work unit; `reason_id` None: it was taken back."""

    work_unit_id: str
    work_unit_name: str
    started_at: datetime
    ended_at: datetime
    reason_id: str | None
    reason_name: str | None
    classified_by: str | None
    classified_at: datetime
    is_superseded: bool


def classifications(con: duckdb.DuckDBPyConnection, *, limit: int) -> list[Classification]:
    """What was said last, newest first."""
    return _rows(
        con,
        Classification,
        """
        select said.work_unit_id, work_units.name as work_unit_name, said.started_at,
            said.ended_at, said.reason_id, coalesce(dim_reason.name, said.reason_id) as reason_name,
            said.classified_by, said.classified_at, said.is_superseded
        from marts.stop_classification as said
        inner join marts.dim_work_unit as work_units
            on said.site_id = work_units.site_id and said.work_unit_id = work_units.work_unit_id
        left join marts.dim_reason on said.reason_id = dim_reason.reason_id
        order by said.classified_at desc, said.work_unit_id, said.started_at
        limit $limit
        """,
        limit=limit,
    )


_WAITING = """
    select stops.*, work_units.name as work_unit_name, work_units.work_center_name
    from marts.unclassified_stop as stops
    inner join marts.dim_work_unit as work_units
        on stops.site_id = work_units.site_id and stops.work_unit_id = work_units.work_unit_id
    where not list_contains($without::varchar[], stops.stop_id)
        and (
            $equipment_id is null
            or $equipment_id = stops.work_unit_id
            or $equipment_id = work_units.work_center_id
        )
"""
_SHIFT_KEY = "site_id, work_unit_id, production_date, shift_id"
_SHIFTS = """
    select shifts.site_id, shifts.work_unit_id, production_date, shift_id, planned_busy_time_s
    from marts.work_unit_shift as shifts
    inner join marts.dim_work_unit
        on shifts.site_id = dim_work_unit.site_id
        and shifts.work_unit_id = dim_work_unit.work_unit_id
    where definition_id = 'iso22400'
        and shift_started_at >= $since
        and shift_started_at < $until
        and ($work_center_id is null or dim_work_unit.work_center_id = $work_center_id)
"""

# A stop costs the planned busy time of it that lies within the period.
_STOPS = """
    select stop_event.stop_id, stop_event.work_unit_id, dim_work_unit.name as work_unit_name,
        dim_work_unit.work_center_id, dim_work_unit.work_center_name,
        stop_event.started_at, stop_event.ended_at, stop_event.cause, stop_event.is_minor,
        coalesce(
            dim_reason.name, if(stop_event.is_minor, 'Minor stops', 'No reason given')
        ) as reason_name,
        sum(
            epoch_us(least(intervals.ended_at, $until))
            - epoch_us(greatest(intervals.started_at, $since))
        ) as lost_us
    from marts.stop_event
    inner join marts.state_interval as intervals
        on stop_event.site_id = intervals.site_id
        and stop_event.work_unit_id = intervals.work_unit_id
        and intervals.started_at >= stop_event.started_at
        and intervals.started_at < coalesce(stop_event.ended_at, timestamp 'infinity')
        and intervals.category = 'delay'
        and intervals.calendar_kind = 'shift'
    inner join marts.dim_work_unit
        on stop_event.site_id = dim_work_unit.site_id
        and stop_event.work_unit_id = dim_work_unit.work_unit_id
    left join marts.dim_reason
        on stop_event.reason_id = dim_reason.reason_id
    where stop_event.started_at < $until
        and coalesce(stop_event.ended_at, timestamp 'infinity') > $since
        and intervals.started_at < $until
        and intervals.ended_at > $since
        and ($work_center_id is null or dim_work_unit.work_center_id = $work_center_id)
    group by all
"""


def _rows(con: duckdb.DuckDBPyConnection, kind: type[Row], sql: str, **values: object) -> list[Row]:
    cursor = con.execute(sql, values)
    names = [column[0] for column in cursor.description or []]
    return [kind(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def _frame(con: duckdb.DuckDBPyConnection, sql: str, **values: object) -> pd.DataFrame:
    return con.execute(sql, values).df()


def _value(con: duckdb.DuckDBPyConnection, sql: str, **values: object) -> Any:
    row = con.execute(sql, values).fetchone()
    return row[0] if row else None
