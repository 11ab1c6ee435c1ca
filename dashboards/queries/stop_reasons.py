"""Why machines stood: which stops wait for a reason, what may be said, what was said, what it cost.

Belongs here: stops as something to be explained. Stops as time lost are in `stops`.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import duckdb
import pandas as pd

from dashboards.queries.answers import frame, rows

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
_WAITING_STOPS = f"""
    select stop_id, work_unit_id, work_unit_name, work_center_name, started_at, ended_at,
        planned_busy_time_s, lost_quantity, lost_amount, currency, alarm_text
    from ({_WAITING})
"""

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
    return rows(
        con,
        WaitingStop,
        f"""
        {_WAITING_STOPS}
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
    return rows(
        con,
        WaitingStop,
        f"""
        {_WAITING_STOPS}
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
    return rows(
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
    return rows(
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
    return frame(
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
    return rows(
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
