"""From what arrived to one commit of the lake, and the answers that follow from it.

Belongs here: which ledgers are in memory, and what a failed commit means for them. When to
commit and how to wait is the process's (`main`); the commit protocol is `lake.shard`'s.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa

from ingestion.intake import Arrival, DeclaredLoss, Selection, microseconds
from ingestion.judgement import EpochKey, Judge, LedgerRow, Verdicts
from ingestion.ledger import EpochLedger, Span
from ingestion.quarantine_rows import QuarantineRow, kept_already
from ingestion.sample_times import LiveLimits
from lake import schema
from lake.shard import Commit, EpochState, ShardWriter
from takt.settings import Settings

_EPOCHS_AT_MOST = 1_000
_QUARANTINED_AT_MOST = 10_000
_NOTHING = Commit()


class Committer:
    """Commits what arrived; remembers what is settled.

    Args:
        settings: Of the installation.
        writer: Owns the shard.
        ingestor_id: Who commits, for the ledger.
    """

    def __init__(self, settings: Settings, writer: ShardWriter, ingestor_id: str) -> None:
        self._settings = settings
        self._writer = writer
        self._ingestor_id = ingestor_id
        self._limits = LiveLimits.of(settings.ingestion)
        self._ledgers: OrderedDict[EpochKey, EpochLedger] = OrderedDict()
        self._quarantined: OrderedDict[str, None] = OrderedDict()

    def commit(self, selection: Selection, beside: Commit = _NOTHING) -> Verdicts:
        """Settle a selection in one commit of the lake.

        Args:
            selection: What arrived.
            beside: Rows of other tables for the same transaction.

        Raises:
            FenceLost: Another ingestor has taken over.
            LakeUnavailable: Nothing was committed; the selection may be tried again.
            OutcomeUnknown: Perhaps it was committed; trying again finds out.
            OSError: The lake's files cannot be written; nothing was committed.
        """
        verdicts = Verdicts()
        involved = _grouped(selection, verdicts)
        try:
            for key, (batches, losses) in involved.items():
                judge = Judge(key, self.ledger(key), verdicts, self._limits)
                judge.batches(batches)
                judge.losses(losses)
            content = self._content(verdicts, selection, beside)
            if any(True for _ in content.tables()):
                self._writer.commit(content)
        except BaseException:
            # They hold what was to be settled. The lake knows what is.
            self.forget(involved)
            raise
        for row in verdicts.quarantine:
            self._quarantined[row.quarantine_id] = None
        while len(self._quarantined) > _QUARANTINED_AT_MOST:
            self._quarantined.popitem(last=False)
        return verdicts

    def ledger(self, key: EpochKey) -> EpochLedger:
        """The ledger of an epoch, read from the lake when it is not in memory.

        Raises:
            LakeUnavailable: It cannot be read now.
        """
        if (ledger := self._ledgers.get(key)) is None:
            state = self._writer.epoch_state(key.source.site, key.source.collector, key.epoch)
            ledger = self._ledgers[key] = ledger_of(state)
            while len(self._ledgers) > _EPOCHS_AT_MOST:
                self._ledgers.popitem(last=False)
        self._ledgers.move_to_end(key)
        return ledger

    def forget(self, keys: Iterable[EpochKey]) -> None:
        """Read these epochs from the lake again when they are next needed."""
        for key in keys:
            self._ledgers.pop(key, None)

    def _content(self, verdicts: Verdicts, selection: Selection, beside: Commit) -> Commit:
        now = microseconds(datetime.now(UTC))
        refused = [QuarantineRow.of(each) for each in selection.refusals]
        verdicts.quarantine = self._not_kept([*verdicts.quarantine, *refused])
        return replace(
            beside,
            telemetry=pa.concat_tables(verdicts.telemetry) if verdicts.telemetry else None,
            batches=ledger_table(verdicts.ledger, self._ingestor_id, now),
            quarantine=_quarantine_table(verdicts.quarantine, now),
            repeats=_repeats_table(verdicts, now),
        )

    def _not_kept(self, rows: list[QuarantineRow]) -> list[QuarantineRow]:
        """Without messages that are in quarantine already, each once."""
        new = {row.quarantine_id: row for row in rows if row.quarantine_id not in self._quarantined}
        doubtful = [row.quarantine_id for row in new.values() if row.may_be_kept]
        for kept in kept_already(self._settings, doubtful):
            del new[kept]
        return list(new.values())


def ledger_of(state: EpochState) -> EpochLedger:
    """An epoch's ledger from what the lake has of it."""
    ledger = EpochLedger()
    if state.folded_through_seq:
        through = state.folded_through_row
        # Folding keeps no row number of the last batch if that was quarantined unread.
        ledger.settle(Span(1, state.folded_through_seq, 1, None, 1, through))
    for settled in state.ranges:
        span = Span.of(settled.first_seq, settled.last_seq, settled.first_row, settled.rows)
        ledger.settle(span, settled.digests or b"")
    return ledger


def _grouped(
    selection: Selection, verdicts: Verdicts
) -> dict[EpochKey, tuple[list[Arrival], list[DeclaredLoss]]]:
    groups: dict[EpochKey, tuple[list[Arrival], list[DeclaredLoss]]]
    groups = defaultdict(lambda: ([], []))
    for loss in selection.losses:
        key = EpochKey(loss.address.source, loss.address.epoch)
        groups[key][1].append(loss)
        verdicts.answer(key)
    for arrival in selection.batches:
        key = EpochKey(arrival.address.source, arrival.address.epoch)
        groups[key][0].append(arrival)
        verdicts.answer(key)
    return groups


def ledger_table(ledger: Sequence[LedgerRow], ingestor_id: str, now: int) -> pa.Table:
    """Rows of `raw.batch`; `now` in µs."""
    rows = [
        {
            **_collector(row.key),
            "first_seq": row.span.first_seq,
            "last_seq": row.span.last_seq,
            "first_row": row.first_row,
            "rows": row.span.rows,
            "quarantined_rows": row.quarantined_rows,
            "status": row.status,
            "digests": row.digests,
            "cause": row.cause,
            "ingestor_id": ingestor_id,
            "first_observed_at": row.first_observed_at,
            "last_observed_at": row.last_observed_at,
            "first_received_at": row.first_received_at,
            "source_delay_us": row.source_delay_us,
            "committed_at": now,
        }
        for row in ledger
    ]
    return pa.Table.from_pylist(rows, schema=schema.BATCH.arrow_schema)


def _quarantine_table(quarantine: list[QuarantineRow], now: int) -> pa.Table:
    names = [name for name in schema.QUARANTINE.columns if name != "quarantined_at"]
    rows = [
        {**{name: getattr(row, name) for name in names}, "quarantined_at": now}
        for row in quarantine
    ]
    return pa.Table.from_pylist(rows, schema=schema.QUARANTINE.arrow_schema)


def _repeats_table(verdicts: Verdicts, now: int) -> pa.Table:
    rows = [
        {**_collector(key), "batches": each.batches, "rows": each.rows, "counted_at": now}
        for key, each in verdicts.repeats.items()
    ]
    return pa.Table.from_pylist(rows, schema=schema.TRANSPORT_REPEAT.arrow_schema)


def _collector(key: EpochKey) -> dict[str, str]:
    return {"site": key.source.site, "collector": key.source.collector, "epoch": key.epoch}
