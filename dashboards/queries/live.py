"""Questions about now, asked once a second at the head of the lake, in one transaction.

Belongs here: what the feed reads (`dashboards.feed`). The live views are frozen first, so that
every later question of a moment is about the same state.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import duckdb

from dashboards.queries.answers import row, rows, value


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
    return rows(
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
    return rows(
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
    return row(
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


def latest_commit(con: duckdb.DuckDBPyConnection, *, since: datetime) -> datetime | None:
    """When anything last arrived in the lake; None when nothing did after `since`.

    The bound is what keeps the question cheap: the lake opens only files that may hold newer rows.
    """
    latest: datetime | None = value(
        con, "select max(committed_at) from raw.batch where committed_at > $since", since=since
    )
    return latest


def publication(con: duckdb.DuckDBPyConnection) -> Publication | None:
    """The newest published state of the marts; None before the first refresh."""
    return row(
        con,
        Publication,
        """
        select snapshot_id, published_at
        from pipeline.publication
        order by snapshot_id desc
        limit 1
        """,
    )
