"""Samples whose time cannot be right, found column by column and set apart from their batch.

Belongs here: which rows, and why. What becomes of them is decided in `judgement`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time

import pyarrow as pa
import pyarrow.compute as pc

from ingestion.intake import EARLIEST, LATEST, microseconds
from takt.errors import BatchError
from takt.settings import IngestionSettings

_TIMESTAMP = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class LiveLimits:
    """Between which times a live sample may lie; historical and imported ones have no age limit.

    Attributes:
        ahead: How far after its receipt, in µs; more is a clock that goes ahead.
        since: From when on, in µs since 1970; before it is a clock that was never set.
    """

    ahead: int
    since: int

    @classmethod
    def of(cls, options: IngestionSettings) -> "LiveLimits":
        """The limits of an installation."""
        since = microseconds(datetime.combine(options.live_since, time.min, UTC))
        return cls(round(options.live_ahead_s * 1_000_000), since)

    def latest(self, received_at: int) -> int:
        """The latest time of a live sample that ingestion received at this time."""
        return min(received_at + self.ahead, LATEST - 1)


@dataclass(frozen=True)
class RefusedRows:
    """Rows of a batch that are refused for one reason.

    Attributes:
        reason: `time_range`, `clock_unset` or `clock_ahead`.
        detail: For people: how many, and which times.
        mask: True where a row is refused.
        rows: How many.
    """

    reason: str
    detail: str
    mask: pa.ChunkedArray
    rows: int


def refused_rows(table: pa.Table, limits: LiveLimits, received_at: int) -> list[RefusedRows]:
    """The rows of a batch whose times cannot be right; each row for one reason.

    Args:
        table: With the columns of `takt.batch.SCHEMA`.
        limits: For live samples.
        received_at: When ingestion received the batch, in µs since 1970.
    """
    observed, received = bounds(table["observed_at"]), bounds(table["received_at"])
    if (
        observed[0] >= limits.since
        and observed[1] <= limits.latest(received_at)
        and received[0] >= EARLIEST
        and received[1] < LATEST
    ):
        return []
    found = []
    undecided = None
    for reason, limit, mask in _masks(table, limits, received_at):
        mine = mask if undecided is None else pc.and_(mask, undecided)
        others = pc.invert(mask)
        undecided = others if undecided is None else pc.and_(undecided, others)
        if rows := pc.sum(mine).as_py():
            found.append(RefusedRows(reason, _detail(table, mine, rows, limit), mine, rows))
    return found


def check_times(table: pa.Table) -> tuple[int, int]:
    """First and last `observed_at`, in µs.

    Raises:
        BatchError: A time is not between the years 1900 and 2300.
    """
    both = [bounds(table[name]) for name in ("observed_at", "received_at")]
    for name, (least, greatest) in zip(("observed_at", "received_at"), both, strict=True):
        if least < EARLIEST or greatest >= LATEST:
            raise BatchError("time_range", f"{name} is not between the years 1900 and 2300")
    return both[0]


def bounds(column: pa.ChunkedArray) -> tuple[int, int]:
    """The least and the greatest of at least one time, in µs since 1970."""
    found = pc.min_max(column)
    return found["min"].value, found["max"].value


def source_delay_us(table: pa.Table) -> int | None:
    """The longest time from observation to acceptance of a live sample; None without any."""
    if pc.any(table["is_historical"]).as_py():
        table = table.filter(pc.invert(table["is_historical"]))
    received, observed = (table[name].cast(pa.int64()) for name in ("received_at", "observed_at"))
    longest: int | None = pc.max(pc.subtract(received, observed)).as_py()
    return longest


def _masks(
    table: pa.Table, limits: LiveLimits, received_at: int
) -> list[tuple[str, str, pa.ChunkedArray]]:
    observed, received = table["observed_at"], table["received_at"]
    is_live = pc.invert(table["is_historical"])
    out_of_range = pc.or_(_outside(observed), _outside(received))
    is_before = pc.and_(is_live, pc.less(observed, _time(limits.since)))
    is_after = pc.and_(is_live, pc.greater(observed, _time(limits.latest(received_at))))
    return [
        ("time_range", "observed or received outside the years 1900 to 2300", out_of_range),
        ("clock_unset", f"live, but before {_text(limits.since)}", is_before),
        (
            "clock_ahead",
            f"live, but more than {limits.ahead / 1e6:g} s after their receipt at"
            f" {_text(received_at)}",
            is_after,
        ),
    ]


def _outside(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.or_(pc.less(column, _time(EARLIEST)), pc.greater_equal(column, _time(LATEST)))


def _detail(table: pa.Table, mask: pa.ChunkedArray, rows: int, limit: str) -> str:
    text = f"{rows} of {table.num_rows} rows: {limit}"
    least, greatest = bounds(table["observed_at"].filter(mask))
    if least >= EARLIEST and greatest < LATEST:
        text += f"; {_text(least)} to {_text(greatest)}"
    return text


def _time(value: int) -> pa.Scalar:
    return pa.scalar(value, _TIMESTAMP)


def _text(value: int) -> str:
    return f"{_time(value).as_py():%Y-%m-%dT%H:%M:%SZ}"
