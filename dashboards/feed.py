"""The live feed: one reader per process, whoever and however many are looking.

Once a second it reads the live views at the head of the lake, in one transaction, so that all
of a page is about one moment. A lake that does not answer is not an end: the last moment stays,
the failure is told, and the next attempt opens the lake anew.
"""

import logging
import math
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import duckdb
from prometheus_client import Histogram

import lake
from dashboards.queries import live
from takt.errors import ConfigurationError, TaktError

log = logging.getLogger(__name__)

STALE_AFTER_S = 20.0
"""Collectors say something every five seconds; four times that without a word is silence."""

RIBBONS_EVERY_S = 10.0
"""How old the ribbons' growing ends may be."""

UNREACHABLE = (duckdb.Error, TaktError, OSError)
"""What opening or asking the lake raises while it is away."""

_READ_S = Histogram("takt_dashboard_feed_seconds", "One reading of the live views.")
_PASSWORD = re.compile(r"(password=|://[^:/@\s]+:)('[^']*'|[^@\s]+)")
_LOOK_BACK = timedelta(days=2)


class OpenLake(Protocol):
    """Opens the lake read-only: at its head, or as it was at a snapshot."""

    def __call__(self, snapshot_id: int | None = None) -> duckdb.DuckDBPyConnection:
        """A connection whose default catalog is the lake."""


@dataclass(frozen=True)
class Moment:
    """The plant at one moment; no equipment when none has been loaded.

    Attributes:
        biggest_loss: What cost most of the running shift; None without a stop.
        latest_commit_at: When anything last arrived in the lake, UTC; None: not for days.
        publication: The marts that history is read from; None before the first refresh.
        missing: Why there is no lake yet; None when there is one.
    """

    equipment: Sequence[live.Equipment] = ()
    intervals: Sequence[live.Interval] = ()
    biggest_loss: live.Loss | None = None
    latest_commit_at: datetime | None = None
    publication: live.Publication | None = None
    missing: str | None = None

    @property
    def site(self) -> live.Equipment | None:
        """The site's own row."""
        return next((row for row in self.equipment if row.level == "site"), None)

    @property
    def lines(self) -> list[live.Equipment]:
        """The lines, in order of their path."""
        return [row for row in self.equipment if row.level == "work_center"]

    def units(self, work_center_id: str | None) -> list[live.Equipment]:
        """The work units of a line, in order of their path."""
        return [
            row
            for row in self.equipment
            if row.level == "work_unit" and row.work_center_id == work_center_id
        ]


@dataclass(frozen=True)
class Reading:
    """What the feed knows after an attempt.

    Attributes:
        at: When the attempt ended, UTC.
        moment: The last moment that could be read; None before the first.
        failure: Why the lake does not answer; None while it does.
        failing_since: When it last answered or was first asked, UTC.
    """

    at: datetime
    moment: Moment | None = None
    failure: str | None = None
    failing_since: datetime | None = None

    @property
    def is_stale(self) -> bool:
        """Whether nothing has arrived in the lake for longer than collectors stay silent."""
        latest = self.moment.latest_commit_at if self.moment else None
        return latest is not None and self.at - latest > timedelta(seconds=STALE_AFTER_S)


class Feed:
    """Reads moments until it is stopped and hands each reading to its listeners."""

    def __init__(self, open_lake: OpenLake, interval_s: float) -> None:
        self.latest = Reading(at=_now())
        self._open_lake = open_lake
        self._interval_s = interval_s
        self._listeners: list[Callable[[Reading], None]] = []
        self._con: duckdb.DuckDBPyConnection | None = None
        self._ribbons_drawn: set[tuple[object, ...]] = set()
        self._ribbons_read = -math.inf
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def listen(self, listener: Callable[[Reading], None]) -> None:
        """Call `listener` in the feed's thread after every attempt."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Begin reading."""
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End reading; a query under way is interrupted."""
        self._stop.set()
        if (con := self._con) is not None:
            con.interrupt()
        self._thread.join(timeout_s)

    def read(self) -> Reading:
        """Make one attempt and tell the listeners."""
        try:
            reading = Reading(at=_now(), moment=self._read_moment())
        except UNREACHABLE as error:
            self._close()
            reading = self._no_lake(error) or self._failed(error)
        self._log_change(reading)
        self.latest = reading
        for listener in self._listeners:
            listener(reading)
        return reading

    def _run(self) -> None:
        while not self._stop.is_set():
            started = time.monotonic()
            self.read()
            took = time.monotonic() - started
            _READ_S.observe(took)
            # A slow lake is asked less often: the feed never takes more than half a core.
            self._stop.wait(max(self._interval_s - took, min(took, 10 * self._interval_s)))
        self._close()

    def _read_moment(self) -> Moment:
        if self._con is None:
            self._con = self._open_lake()
            live.prepare(self._con)
        try:
            with lake.transaction(self._con):
                return self._ask(self._con)
        except duckdb.CatalogException:
            # The lake is there, its marts are not yet: nothing has been transformed so far.
            return Moment(latest_commit_at=self._latest_commit(self._con))

    def _ask(self, con: duckdb.DuckDBPyConnection) -> Moment:
        live.freeze_equipment(con)
        equipment = live.equipment(con)
        before = self.latest.moment or Moment()
        intervals, biggest_loss = before.intervals, before.biggest_loss
        if self._ribbons_have_changed(equipment):
            live.freeze_intervals(con)
            intervals, biggest_loss = live.intervals(con), live.biggest_loss(con)
        return Moment(
            equipment=equipment,
            intervals=intervals,
            biggest_loss=biggest_loss,
            latest_commit_at=self._latest_commit(con),
            publication=live.publication(con),
        )

    def _ribbons_have_changed(self, equipment: Sequence[live.Equipment]) -> bool:
        # A pixel of a ribbon is a minute: between changes of state it need not be read anew.
        drawn: set[tuple[object, ...]] = {
            (row.equipment_id, row.state_since_at, row.reason_name) for row in equipment
        }
        due = time.monotonic() - self._ribbons_read > RIBBONS_EVERY_S
        if drawn == self._ribbons_drawn and not due:
            return False
        self._ribbons_drawn, self._ribbons_read = drawn, time.monotonic()
        return True

    def _latest_commit(self, con: duckdb.DuckDBPyConnection) -> datetime | None:
        known = self.latest.moment.latest_commit_at if self.latest.moment else None
        since = known or _now() - _LOOK_BACK
        return live.latest_commit(con, since=since) or known

    def _no_lake(self, error: BaseException) -> Reading | None:
        # Before the first moment a lake that does not exist is a beginning, not a failure.
        known = self.latest.moment
        if not isinstance(error, ConfigurationError) or (known and known.site):
            return None
        return Reading(at=_now(), moment=Moment(missing=in_one_line(error).partition(" (")[0]))

    def _failed(self, error: BaseException) -> Reading:
        before = self.latest
        return replace(
            before,
            at=_now(),
            failure=in_one_line(error),
            failing_since=before.failing_since or before.at,
        )

    def _log_change(self, reading: Reading) -> None:
        if reading.failure and not self.latest.failure:
            log.warning("the lake does not answer, asking on: %s", reading.failure)
        if self.latest.failure and not reading.failure:
            log.info("the lake answers again")

    def _close(self) -> None:
        if self._con is not None:
            self._con.close()
            self._con = None
            self._ribbons_read = -math.inf


def in_one_line(error: BaseException) -> str:
    """An error for a page or a log: its first line, without passwords of a connection string."""
    lines = str(error).strip().splitlines()
    return _PASSWORD.sub(r"\1***", lines[0]) if lines else type(error).__name__


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
