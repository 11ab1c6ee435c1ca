"""Whether the lake holds what a counted source has counted, each value once.

Belongs here: the comparison, and the row of the failure report that comes of it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import duckdb

import lake
from takt.errors import TaktError
from tests.conftest import wait_until
from tests.e2e.chain import COMMITS, COUNTER, Chain, CountedSource
from tests.failure_report import FailureReport, Kind, Result


@dataclass
class Case:
    """What a test learns of its faults while they happen; see `tests.failure_report.Result`."""

    fault: str
    kind: Kind
    seed: int | None = None
    faults: int = 0
    moments: Sequence[datetime] = ()
    seen: str = ""
    measured: str = ""


@contextmanager
def reported(
    report: FailureReport, chain: Chain, source: CountedSource, case: Case, timeout_s: float = 300
) -> Iterator[Case]:
    """Faults under load; at the end everything must have arrived once. A row comes of it anyway."""
    try:
        yield case
        assert_everything_arrived_once(chain, source.stop(), timeout_s)
    finally:
        count = source.stop()
        rows, distinct, _ = chain.committed()
        report.add(
            Result(
                fault=case.fault,
                kind=case.kind,
                seed=case.seed,
                faults=case.faults or len(case.moments),
                values=count,
                lost=count - distinct,
                doubled=rows - distinct,
                flowing_again_s=chain.waits_after(case.moments),
                seen=case.seen,
                measured=case.measured,
            )
        )


class Drain(NamedTuple):
    """How the lake was caught up with after an outage.

    Attributes:
        rows: Values born before its end and committed after it.
        seconds: From its end until the last of them was committed.
        live_after_s: From its end until the first value born after it was committed.
    """

    rows: int
    seconds: float
    live_after_s: float

    @property
    def per_second(self) -> float:
        """How fast."""
        return self.rows / self.seconds

    @property
    def is_live_first(self) -> bool:
        """Whether something new came before the last of the old."""
        return self.live_after_s < self.seconds


def drained(chain: Chain, source: CountedSource, back: datetime, timeout_s: float = 900) -> Drain:
    """Wait until all that was born before `back` is in the lake; how that went."""
    count = source.count
    found = f"select count(distinct value) from raw.telemetry where {COUNTER} and value <= {count}"
    wait_until(lambda: chain.query(found) == [(count,)], "the backlog", timeout_s, interval_s=0.3)
    moment = int(back.timestamp() * 1e6)
    is_old = f"epoch_us(observed_at) <= {moment}"
    rows, last_old_at, first_new_at = chain.query(
        f"select count(*) filter ({is_old}), max(committed_at) filter ({is_old}),"
        f" min(committed_at) filter (not {is_old})"
        f" from ({COMMITS}) where {COUNTER} and committed_at > {moment}"
    )[0]
    return Drain(rows, (last_old_at - moment) / 1e6, (first_new_at - moment) / 1e6)


def assert_everything_arrived_once(chain: Chain, count: int, timeout_s: float = 90) -> None:
    """The lake holds 1 … count exactly once, the ledger has no hole, the balance is zero.

    Edge and ingestion are ended before it is counted: nothing is under way that could come twice.
    """

    def has_arrived() -> bool:
        try:
            return chain.committed()[1] >= count
        except (TaktError, duckdb.Error):
            return False  # the catalog may have been killed this moment

    wait_until(has_arrived, f"{count} values in the lake", timeout_s, interval_s=0.3)
    chain.end("edge")
    wait_until(lambda: not _last_health(chain).online, "the edge's farewell", timeout_s=30)
    chain.end("ingest")
    assert chain.committed() == (count, count, count)
    assert_ledger_is_whole(chain)
    assert_balance_is_zero(chain)


class LastHealth(NamedTuple):
    """What the collector said last."""

    online: bool
    epoch: str
    accepted_rows: int
    spool_first_row: int
    spool_rows: int


def _last_health(chain: Chain) -> LastHealth:
    [row] = chain.query(
        "select online, epoch, accepted_rows, spool_first_row, spool_rows from raw.health"
        " order by reported_at desc, accepted_rows desc limit 1"
    )
    return LastHealth(*row)


def assert_balance_is_zero(chain: Chain) -> None:
    """Accepted = committed + in spool by the collector's last word; nothing refused or lost."""
    health = _last_health(chain)
    statuses = chain.query("select distinct status from raw.batch")
    assert statuses == [("committed",)]
    [(settled,)] = chain.query(
        f"select sum(least(rows, greatest({health.spool_first_row} - first_row, 0)))::bigint"
        f" from raw.batch where epoch = '{health.epoch}'"
    )
    assert health.accepted_rows - settled - health.spool_rows == 0, health


def assert_ledger_is_whole(chain: Chain) -> None:
    """Within each epoch, seqs and rows follow one another without hole or overlap.

    Both tables are read at one snapshot: the collector goes on saying that it lives.
    """
    with (
        lake.open(chain.settings, read_only=True) as connection,
        lake.transaction(connection),
    ):
        ranges = connection.execute(
            "select epoch, first_seq, last_seq, first_row, rows from raw.batch order by 1, 2"
        ).fetchall()
        stored = connection.execute(
            "select epoch, count(*), min(row_number), max(row_number), count(distinct row_number)"
            " from raw.telemetry group by epoch"
        ).fetchall()
    following: dict[str, tuple[int, int]] = {}
    for epoch, first_seq, last_seq, first_row, rows in ranges:
        assert (first_seq, first_row) == following.get(epoch, (1, 1)), ranges
        following[epoch] = (last_seq + 1, first_row + rows)
    for epoch, rows, first, last, distinct in stored:
        assert (first, last, distinct) == (1, rows, rows), epoch
        assert following[epoch][1] == rows + 1, epoch
