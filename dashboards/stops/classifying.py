"""Classifying stops: which wait for a reason, and what may be said of one.

Belongs here: finding stops and reasons in the marts as last published, and refusing what cannot
be meant; `takt stops` and the page ask it alike. How an entry travels is `edge.terminal`; what it
does is decided in `dbt_project`.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import duckdb

from lake.query import open_published
from takt.errors import ConfigurationError
from takt.settings import Settings
from takt.stop_entry import StopEntry

ID_SHOWN = 8

_WAITING = """
select
    stop_id, work_unit_id, started_at, ended_at, cause, planned_busy_time_s, lost_quantity,
    lost_amount, currency
from marts.unclassified_stop
where site_id = $site and ($work_unit is null or work_unit_id = $work_unit)
order by started_at desc, work_unit_id
"""
_STOPS = """
select stop_id, site_id, work_unit_id, started_at, ended_at from marts.stop_event
where starts_with(stop_id, $stop_id)
limit 2
"""
_BETWEEN = """
select stop_id from marts.stop_event
where site_id = $site and work_unit_id = $work_unit and not is_minor
    and started_at >= $began and started_at < $ended and not list_contains($named, stop_id)
order by started_at
limit 1
"""
_REASONS = "select reason_id from marts.dim_reason order by reason_id"


@dataclass(frozen=True)
class WaitingStop:
    """A stop that nobody has explained.

    Attributes:
        stop_id: The stop.
        work_unit_id: Where it was.
        started_at: Start, UTC.
        ended_at: End, UTC; None while it goes on.
        cause: What the machine tells of it.
        planned_busy_time_s: Its part inside planned busy time, in seconds.
        lost_quantity: Pieces that it cost; None: not known.
        lost_amount: What it cost; None: no rate is known.
        currency: Of the amount.
    """

    stop_id: str
    work_unit_id: str
    started_at: datetime
    ended_at: datetime | None
    cause: str
    planned_busy_time_s: Decimal
    lost_quantity: Decimal | None
    lost_amount: Decimal | None
    currency: str | None


@dataclass(frozen=True)
class Stop:
    """A stop that something is said of.

    Attributes:
        stop_id: The stop.
        site_id: Its site.
        work_unit_id: Where it was.
        started_at: Start, UTC.
        ended_at: End, UTC; None while it goes on.
    """

    stop_id: str
    site_id: str
    work_unit_id: str
    started_at: datetime
    ended_at: datetime | None


def waiting(settings: Settings, work_unit_id: str | None = None) -> list[WaitingStop]:
    """The stops of this site that wait for a reason, newest first.

    Raises:
        ConfigurationError: There is no lake, or nothing was refreshed yet.
        LakeUnavailable: The catalog does not answer.
    """
    with closing(open_published(settings)) as con:
        rows = _ask(con, _WAITING, site=settings.site, work_unit=work_unit_id)
    return [_waiting(*row) for row in rows]


def classification(
    settings: Settings,
    stop_ids: Sequence[str],
    reason_id: str | None,
    said_by: str,
    *,
    began: datetime | None = None,
    ended: datetime | None = None,
) -> StopEntry:
    """What to enter so that stops get a reason, or lose what was said of them.

    Args:
        settings: Of the installation.
        stop_ids: Ids or their beginnings; several are joined to one stop, with all between them.
        reason_id: None takes back what was said; of a stop that goes on, up to now.
        said_by: Who says so.
        began: Start of the part of the stop that is meant, UTC; None: its own.
        ended: End of that part, UTC; None: its own.

    Raises:
        ConfigurationError: No such stop or reason, a stop named twice, a time outside of the stop,
            stops that cannot be joined, or there is no lake.
        LakeUnavailable: The catalog does not answer.
    """
    with closing(open_published(settings)) as con:
        if reason_id is not None:
            check_reason(reason_id, known_reasons(con))
        found = sorted(
            (find(con, settings.site, stop_id) for stop_id in stop_ids),
            key=lambda one: one.started_at,
        )
        _check_named_once(found)
        if len(found) > 1:
            _check_neighbours(con, found)
    now = datetime.now(UTC)
    first, last = found[0], found[-1]
    whole = Span(first.started_at, last.ended_at or now)
    if last.ended_at is None and ended is None and reason_id is not None:
        raise ConfigurationError(
            f"stop {last.stop_id[:ID_SHOWN]} still goes on; wait for its end, or say until when"
            " with --to"
        )
    part = _part(whole, began, ended)
    merges = len(found) > 1 and reason_id is not None
    return StopEntry(
        first.work_unit_id, part.began, part.ended, reason_id, said_by, now, merges=merges
    )


def find(con: duckdb.DuckDBPyConnection, site: str, stop_id: str) -> Stop:
    """The stop of a site whose id is or begins with `stop_id`.

    Raises:
        ConfigurationError: There is none, or several are.
    """
    found = _ask(con, _STOPS, stop_id=stop_id) if stop_id else []
    if not found:
        raise ConfigurationError(
            f"no stop {stop_id or 'without an id'}; `takt stops list` names those that wait"
        )
    if len(found) > 1:
        raise ConfigurationError(f"several stops begin with {stop_id}; write more of the id")
    [(whole_id, its_site, work_unit, started_at, ended_at)] = found
    if its_site != site:
        raise ConfigurationError(f"stop {stop_id} is of site {its_site}, this is {site}")
    return Stop(str(whole_id), site, str(work_unit), _utc(started_at), _end(ended_at))


def known_reasons(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The reason_ids that there are.

    Raises:
        ConfigurationError: Nothing was refreshed yet.
    """
    return [str(row[0]) for row in _ask(con, _REASONS)]


def lies_between(
    con: duckdb.DuckDBPyConnection,
    *,
    site_id: str,
    work_unit_id: str,
    began: datetime,
    ended: datetime,
    named: Sequence[str],
) -> str | None:
    """The first stop, minor ones apart, that begins in a time and is not named.

    Args:
        con: Where the marts are.
        site_id: The site.
        work_unit_id: The work unit.
        began: Start of the time, UTC without a zone.
        ended: End of it.
        named: Stops that are.
    """
    found = con.execute(
        _BETWEEN,
        {
            "site": site_id,
            "work_unit": work_unit_id,
            "began": began,
            "ended": ended,
            "named": list(named),
        },
    ).fetchone()
    return None if found is None else str(found[0])


def check_reason(reason_id: str, known: Sequence[str]) -> None:
    """A reason is one of those known.

    Raises:
        ConfigurationError: It is not.
    """
    if reason_id not in known:
        raise ConfigurationError(f"no reason {reason_id}; known are {', '.join(known) or 'none'}")


@dataclass(frozen=True)
class Span:
    """A time from `began` up to `ended`, UTC."""

    began: datetime
    ended: datetime


def _waiting(
    stop_id: Any, work_unit_id: Any, started_at: object, ended_at: object, *told: Any
) -> WaitingStop:
    return WaitingStop(stop_id, work_unit_id, _utc(started_at), _end(ended_at), *told)


def _check_named_once(stops: Sequence[Stop]) -> None:
    for stop, following in pairwise(stops):
        if stop.stop_id == following.stop_id:
            raise ConfigurationError(
                f"stop {stop.stop_id[:ID_SHOWN]} is named twice; a stop is joined with others only"
            )


def _check_neighbours(con: duckdb.DuckDBPyConnection, stops: Sequence[Stop]) -> None:
    first, last = stops[0], stops[-1]
    for other in stops[1:]:
        if other.work_unit_id != first.work_unit_id:
            raise ConfigurationError(
                f"{other.work_unit_id} and {first.work_unit_id} are different work units; only"
                " stops of one can be joined"
            )
    between = lies_between(
        con,
        site_id=first.site_id,
        work_unit_id=first.work_unit_id,
        began=first.started_at.replace(tzinfo=None),
        ended=last.started_at.replace(tzinfo=None),
        named=[stop.stop_id for stop in stops],
    )
    if between is not None:
        raise ConfigurationError(f"stop {between} lies between them; name it too")


def _part(whole: Span, began: datetime | None, ended: datetime | None) -> Span:
    """The span that is meant: within the stops."""
    part = Span(began or whole.began, ended or whole.ended)
    for option, moment in (("--from", part.began), ("--to", part.ended)):
        if not whole.began <= moment <= whole.ended:
            raise ConfigurationError(
                f"{option} {_told(moment)} is outside of the stop, which is from"
                f" {_told(whole.began)} to {_told(whole.ended)}"
            )
    if part.began >= part.ended:
        raise ConfigurationError(
            f"--from {_told(part.began)} must lie before --to {_told(part.ended)}"
        )
    return part


def _ask(con: duckdb.DuckDBPyConnection, sql: str, **values: object) -> list[tuple[object, ...]]:
    try:
        return con.execute(sql, values).fetchall()
    except duckdb.CatalogException as error:
        raise ConfigurationError("stops are known after the first `takt refresh`") from error


def _utc(moment: object) -> datetime:
    assert isinstance(moment, datetime)
    return moment.replace(tzinfo=UTC)


def _end(moment: object) -> datetime | None:
    return None if moment is None else _utc(moment)


def _told(moment: datetime) -> str:
    return f"{moment.replace(tzinfo=None).isoformat()}Z"
