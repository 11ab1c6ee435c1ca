"""What becomes of what arrived: committed, quarantined, declared lost or a repeat.

Belongs here: the wire contract applied to whole batches, and the rows a commit writes. No
single sample is looked at. Reading and writing the lake is the committer's.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from ingestion.inflation import inflated_size
from ingestion.intake import EARLIEST, LATEST, Arrival, DeclaredLoss, Refusal
from ingestion.ledger import EpochLedger, Span, Standing
from ingestion.quarantine_rows import QuarantineRow
from takt import batch
from takt.batch import Batch
from takt.errors import BatchError
from takt.topics import Collector

MAX_INFLATED_BYTES = 64 * 1024 * 1024
"""Decoded size of a batch; a collector's batches stay a hundred times below it."""


@dataclass(frozen=True)
class EpochKey:
    """One epoch of one collector."""

    source: Collector
    epoch: str


@dataclass
class LedgerRow:
    """Batches settled alike, without a gap in seqs or rows; one row of `raw.batch`."""

    key: EpochKey
    span: Span
    first_row: int
    status: str
    cause: str | None
    digests: bytes = b""
    first_observed_at: int | None = None
    last_observed_at: int | None = None

    def extend(self, later: "LedgerRow") -> bool:
        """Take in the batches of a later row, if they may share one row."""
        is_alike = (self.key, self.status, self.cause) == (later.key, later.status, later.cause)
        is_next = (
            self.span.last_seq + 1 == later.span.first_seq
            and self.span.last_row is not None
            and self.span.last_row + 1 == later.span.first_row
        )
        if not (is_alike and is_next):
            return False
        self.span = self.span.joined(later.span)
        self.digests += later.digests
        self.first_observed_at = _least(self.first_observed_at, later.first_observed_at)
        self.last_observed_at = _greatest(self.last_observed_at, later.last_observed_at)
        return True


@dataclass
class Repeats:
    """Batches that came again although they were settled or held."""

    batches: int = 0
    rows: int = 0


@dataclass
class Verdicts:
    """What one commit writes, and to whom it answers.

    Attributes:
        telemetry: Rows with all columns of `raw.telemetry`, a table per committed batch run.
        ledger: Rows of `raw.batch`.
        quarantine: Rows of `raw.quarantine`.
        repeats: Transport repeats per epoch.
        answered: Epochs to acknowledge, the one heard last at the end.
    """

    telemetry: list[pa.Table] = field(default_factory=list)
    ledger: list[LedgerRow] = field(default_factory=list)
    quarantine: list[QuarantineRow] = field(default_factory=list)
    repeats: dict[EpochKey, Repeats] = field(default_factory=lambda: defaultdict(Repeats))
    answered: dict[EpochKey, None] = field(default_factory=dict)

    def answer(self, key: EpochKey) -> None:
        """Acknowledge to this epoch, after all that were named before."""
        self.answered.pop(key, None)
        self.answered[key] = None


class Judge:
    """Judges what belongs to one epoch against its ledger, which it brings up to date."""

    def __init__(self, key: EpochKey, ledger: EpochLedger, verdicts: Verdicts) -> None:
        self._key = key
        self._ledger = ledger
        self._verdicts = verdicts
        self._run: list[Batch] = []

    def batches(self, arrivals: Iterable[Arrival]) -> None:
        """Judge batches in the order of their seqs."""
        for arrival in sorted(arrivals, key=lambda each: each.address.seq):
            self._batch(arrival)
        self._end_run()

    def losses(self, losses: Iterable[DeclaredLoss]) -> None:
        """Settle as declared lost whatever of these ranges has not arrived."""
        for loss in losses:
            for part in self._ledger.unsettled_within(loss.span):
                self._settle(
                    LedgerRow(
                        self._key,
                        part,
                        part.first_row or 0,
                        "declared_lost",
                        loss.cause,
                        b"",
                        loss.first_observed_at,
                        loss.last_observed_at,
                    )
                )

    def _batch(self, arrival: Arrival) -> None:
        standing = self._ledger.standing(arrival.address.seq, arrival.digest)
        if standing is Standing.REPEAT:
            # What an unanswered commit wrote is no repeat of the transport.
            self._count_repeats(arrival, arrival.copies + (not arrival.was_attempted))
            return
        if standing is Standing.CONFLICT:
            self._ledger.has_conflict = True
            detail = "the lake has other bytes under this seq: a cloned or restored spool"
            self._quarantine(arrival, "epoch_conflict", detail)
            return
        try:
            self._accept(arrival)
        except BatchError as error:
            self._refuse(arrival, error)
        self._count_repeats(arrival, arrival.copies)

    def _accept(self, arrival: Arrival) -> None:
        seq = arrival.address.seq
        decoded = decode(arrival.message.payload)
        span = Span.of(seq, seq, decoded.first_row, decoded.table.num_rows)
        first_observed_at, last_observed_at = check_times(decoded.table)
        if not self._ledger.fits(span):
            raise BatchError("row_numbers", f"rows {span.first_row} to {span.last_row} do not fit")
        self._settle(
            LedgerRow(
                self._key,
                span,
                decoded.first_row,
                "committed",
                None,
                arrival.digest,
                first_observed_at,
                last_observed_at,
            )
        )
        self._extend_run(decoded)

    def _refuse(self, arrival: Arrival, error: BatchError) -> None:
        seq = arrival.address.seq
        self._quarantine(arrival, error.reason, error.detail)
        span = Span(seq, seq)
        if (numbers := _row_numbers(arrival.message.payload)) is not None:
            numbered = Span.of(seq, seq, *numbers)
            span = numbered if self._ledger.fits(numbered) else span
        first_row = span.first_row or 0
        self._settle(
            LedgerRow(self._key, span, first_row, "quarantined", error.reason, arrival.digest)
        )

    def _settle(self, row: LedgerRow) -> None:
        self._ledger.settle(row.span, row.digests)
        if not (self._verdicts.ledger and self._verdicts.ledger[-1].extend(row)):
            self._verdicts.ledger.append(row)

    def _quarantine(self, arrival: Arrival, reason: str, detail: str) -> None:
        address = arrival.address
        self._verdicts.quarantine.append(
            QuarantineRow.of(
                Refusal(
                    arrival.message,
                    reason,
                    detail,
                    address.source,
                    address.epoch,
                    address.seq,
                    arrival.was_attempted,
                )
            )
        )

    def _count_repeats(self, arrival: Arrival, copies: int) -> None:
        if copies:
            numbers = _row_numbers(arrival.message.payload)
            repeats = self._verdicts.repeats[self._key]
            repeats.batches += copies
            repeats.rows += copies * (numbers[1] if numbers else 0)

    def _extend_run(self, decoded: Batch) -> None:
        if self._run:
            last = self._run[-1]
            if last.first_row + last.table.num_rows != decoded.first_row:
                self._end_run()
        self._run.append(decoded)

    def _end_run(self) -> None:
        if self._run:
            self._verdicts.telemetry.append(telemetry_rows(self._key, self._run))
            self._run = []


def decode(payload: bytes) -> Batch:
    """The batch in `payload`, as `takt.batch.decode`, but never larger than memory allows.

    Raises:
        BatchError: It does not decode, breaks the wire contract or inflates beyond reason.
    """
    if 0 < len(payload) <= batch.MAX_PAYLOAD_BYTES:
        try:
            size = inflated_size(payload)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise BatchError("not_arrow", str(error)[:500]) from error
        if size > MAX_INFLATED_BYTES:
            raise BatchError("too_large", f"{size} bytes decoded; at most {MAX_INFLATED_BYTES}")
    return batch.decode(payload)


def telemetry_rows(key: EpochKey, run: list[Batch]) -> pa.Table:
    """The rows of consecutive batches with the columns that the topic gave."""
    table = pa.concat_tables([each.table for each in run]).replace_schema_metadata(None)
    first_row = run[0].first_row
    constants = [*key.source, key.epoch]
    columns = [pa.repeat(pa.scalar(text), table.num_rows) for text in constants]
    row_numbers = pa.arange(first_row, first_row + table.num_rows)
    return pa.Table.from_arrays(
        [*columns, row_numbers, *table.columns],
        names=["site", "collector", "epoch", "row_number", *table.column_names],
    )


def check_times(table: pa.Table) -> tuple[int, int]:
    """First and last `observed_at`, in µs.

    Raises:
        BatchError: A time is not between the years 1900 and 2300.
    """
    bounds = [_bounds(table[name]) for name in ("observed_at", "received_at")]
    for name, (least, greatest) in zip(("observed_at", "received_at"), bounds, strict=True):
        if least < EARLIEST or greatest >= LATEST:
            raise BatchError("time_range", f"{name} is not between the years 1900 and 2300")
    return bounds[0]


def _bounds(column: pa.ChunkedArray) -> tuple[int, int]:
    bounds = pc.min_max(column)
    return bounds["min"].value, bounds["max"].value


def _row_numbers(payload: bytes) -> tuple[int, int] | None:
    """First row and number of rows of a batch, even of one that breaks the contract."""
    try:
        if len(payload) > batch.MAX_PAYLOAD_BYTES or inflated_size(payload) > MAX_INFLATED_BYTES:
            return None
        with pa.ipc.open_stream(payload) as reader:
            first_row = (reader.schema.metadata or {}).get(b"takt.first_row", b"")
            rows = sum(part.num_rows for part in reader)
    except (pa.ArrowException, OSError, ValueError):
        return None
    is_number = first_row.isdigit() and len(first_row) < 19
    if not is_number or int(first_row) < 1 or rows == 0:
        return None
    return int(first_row), rows


def _least(left: int | None, right: int | None) -> int | None:
    return min((each for each in (left, right) if each is not None), default=None)


def _greatest(left: int | None, right: int | None) -> int | None:
    return max((each for each in (left, right) if each is not None), default=None)
