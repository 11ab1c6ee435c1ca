"""What becomes of what arrived: committed, quarantined, declared lost or a repeat.

Belongs here: the wire contract applied to batches, and the rows a commit writes. Single samples
are set apart by their times only, column by column. Reading and writing the lake is the
committer's.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from ingestion.decoding import decode, row_numbers
from ingestion.inbox import Message
from ingestion.intake import Arrival, DeclaredLoss, Refusal
from ingestion.ledger import EpochLedger, Span, Standing
from ingestion.quarantine_rows import QuarantineRow
from ingestion.sample_times import (
    LiveLimits,
    RefusedRows,
    bounds,
    refused_rows,
    source_delay_us,
)
from takt import batch
from takt.batch import Batch
from takt.errors import BatchError
from takt.topics import Collector


@dataclass(frozen=True)
class EpochKey:
    """One epoch of one collector."""

    source: Collector
    epoch: str


@dataclass
class LedgerRow:
    """Batches settled alike, without a gap in seqs or rows; one row of `raw.batch`.

    Attributes:
        quarantined_rows: How many of a committed batch's rows are in quarantine instead.
        first_received_at: When the collector accepted the first row, in µs since 1970.
        source_delay_us: The longest time from observation to acceptance of a live row.
    """

    key: EpochKey
    span: Span
    first_row: int
    status: str
    cause: str | None
    digests: bytes = b""
    first_observed_at: int | None = None
    last_observed_at: int | None = None
    first_received_at: int | None = None
    source_delay_us: int | None = None
    quarantined_rows: int = 0

    def extend(self, later: "LedgerRow") -> bool:
        """Take in the batches of a later row, if they may share one row."""
        is_alike = (self.key, self.status, self.cause) == (later.key, later.status, later.cause)
        is_next = (
            self.span.last_seq + 1 == later.span.first_seq
            and self.span.last_row is not None
            and self.span.last_row + 1 == later.span.first_row
        )
        # A spool ends between two batches: so the ledger says how many rows before it were refused.
        is_mixed = bool(self.quarantined_rows or later.quarantined_rows)
        if is_mixed or not (is_alike and is_next):
            return False
        self.span = self.span.joined(later.span)
        self.digests += later.digests
        self.first_observed_at = _least(self.first_observed_at, later.first_observed_at)
        self.last_observed_at = _greatest(self.last_observed_at, later.last_observed_at)
        return True

    def tell_times(self, rows: pa.Table) -> None:
        """Add the times of the samples committed."""
        self.first_observed_at, self.last_observed_at = bounds(rows["observed_at"])
        self.first_received_at = bounds(rows["received_at"])[0]
        self.source_delay_us = source_delay_us(rows)


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

    def __init__(
        self, key: EpochKey, ledger: EpochLedger, verdicts: Verdicts, limits: LiveLimits
    ) -> None:
        self._key = key
        self._limits = limits
        self._ledger = ledger
        self._verdicts = verdicts
        self._run: list[Batch] = []
        self._run_row: LedgerRow | None = None

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
            numbers = row_numbers(arrival.message.payload)
            rows = numbers[1] if numbers else None
            self._quarantine(arrival, "epoch_conflict", detail, arrival.message, rows)
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
        refused = refused_rows(decoded.table, self._limits, arrival.message.received_at)
        quarantined_rows = sum(part.rows for part in refused)
        if quarantined_rows == span.rows:
            raise BatchError(refused[0].reason, "; ".join(part.detail for part in refused))
        if not self._ledger.fits(span):
            raise BatchError("row_numbers", f"rows {span.first_row} to {span.last_row} do not fit")
        apart = [_encoded(decoded, part) for part in refused]
        row = LedgerRow(self._key, span, decoded.first_row, "committed", None, arrival.digest)
        row.quarantined_rows = quarantined_rows
        self._extend_run(decoded, self._settle(row))
        if refused:
            self._end_run(self._set_apart(arrival, decoded, zip(refused, apart, strict=True)))

    def _set_apart(
        self, arrival: Arrival, decoded: Batch, apart: Iterable[tuple[RefusedRows, bytes]]
    ) -> pa.ChunkedArray:
        """Quarantine some rows of a batch; a mask of the others."""
        is_kept = pc.is_valid(decoded.table["observed_at"])
        for part, rows in apart:
            message = Message(arrival.message.topic, rows)
            self._quarantine(arrival, part.reason, part.detail, message, part.rows)
            is_kept = pc.and_(is_kept, pc.invert(part.mask))
        return is_kept

    def _refuse(self, arrival: Arrival, error: BatchError) -> None:
        seq = arrival.address.seq
        numbers = row_numbers(arrival.message.payload)
        rows = numbers[1] if numbers else None
        self._quarantine(arrival, error.reason, error.detail, arrival.message, rows)
        span = Span(seq, seq)
        if numbers is not None:
            numbered = Span.of(seq, seq, *numbers)
            span = numbered if self._ledger.fits(numbered) else span
        first_row = span.first_row or 0
        self._settle(
            LedgerRow(self._key, span, first_row, "quarantined", error.reason, arrival.digest)
        )

    def _settle(self, row: LedgerRow) -> LedgerRow:
        """Settle batches; the ledger's row that holds them now."""
        self._ledger.settle(row.span, row.digests)
        if not (self._verdicts.ledger and self._verdicts.ledger[-1].extend(row)):
            self._verdicts.ledger.append(row)
        return self._verdicts.ledger[-1]

    def _quarantine(
        self, arrival: Arrival, reason: str, detail: str, message: Message, rows: int | None
    ) -> None:
        source, epoch, seq = arrival.address
        refusal = Refusal(message, reason, detail, source, epoch, seq, rows, arrival.was_attempted)
        self._verdicts.quarantine.append(QuarantineRow.of(refusal))

    def _count_repeats(self, arrival: Arrival, copies: int) -> None:
        if copies:
            numbers = row_numbers(arrival.message.payload)
            repeats = self._verdicts.repeats[self._key]
            repeats.batches += copies
            repeats.rows += copies * (numbers[1] if numbers else 0)

    def _extend_run(self, decoded: Batch, row: LedgerRow) -> None:
        """Hold rows of batches that share a row of the ledger; they are put together at its end."""
        if row is not self._run_row:
            self._end_run()
            self._run_row = row
        self._run.append(decoded)

    def _end_run(self, is_kept: pa.ChunkedArray | None = None) -> None:
        if self._run_row is not None:
            rows = telemetry_rows(self._key, self._run)
            rows = rows if is_kept is None else rows.filter(is_kept)
            self._verdicts.telemetry.append(rows)
            self._run_row.tell_times(rows)
        self._run, self._run_row = [], None


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


def _encoded(decoded: Batch, part: RefusedRows) -> bytes:
    """Some rows of a batch, as a message of their own.

    Raises:
        BatchError: They would not be kept whole; the batch is refused with its own bytes.
    """
    rows = batch.encode_table(decoded.table.filter(part.mask), decoded.first_row)
    if len(rows) > batch.MAX_PAYLOAD_BYTES:
        raise BatchError(part.reason, part.detail)
    return rows


def _least(left: int | None, right: int | None) -> int | None:
    return min((each for each in (left, right) if each is not None), default=None)


def _greatest(left: int | None, right: int | None) -> int | None:
    return max((each for each in (left, right) if each is not None), default=None)
