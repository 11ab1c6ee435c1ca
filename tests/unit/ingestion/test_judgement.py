"""The wire contract applied to whole batches."""

import pyarrow as pa
import pytest

from ingestion.decoding import decode
from ingestion.inbox import Message
from ingestion.intake import Arrival, DeclaredLoss, digest_of
from ingestion.judgement import EpochKey, Judge, Verdicts
from ingestion.ledger import EpochLedger, Span
from ingestion.sample_times import LiveLimits
from takt import batch, topics
from takt.errors import BatchError
from takt.settings import IngestionSettings

SOURCE = topics.Collector("demo", "collector1")
EPOCH = "0e2a5f4c-8f4e-4d1c-9a51-000000000001"
KEY = EpochKey(SOURCE, EPOCH)
START = 1_700_000_000_000_000
LIMITS = LiveLimits.of(IngestionSettings())


def payload_of(first_row: int, rows: int, observed_at: int = START) -> bytes:
    samples = [
        batch.Sample("line1/press01", "Count", observed_at + row, float(row), None, 0, START)
        for row in range(first_row, first_row + rows)
    ]
    return batch.encode(samples, first_row)


def arrival(seq: int, payload: bytes, *, copies: int = 0, was_attempted: bool = False) -> Arrival:
    address = topics.BatchAddress(SOURCE, EPOCH, seq)
    message = Message(topics.batch_topic(*address), payload)
    return Arrival(address, digest_of(payload), message, copies, was_attempted)


def judged(
    *arrivals: Arrival, losses: tuple[DeclaredLoss, ...] = (), ledger: EpochLedger | None = None
) -> tuple[Verdicts, EpochLedger]:
    ledger = ledger or EpochLedger()
    verdicts = Verdicts()
    judge = Judge(KEY, ledger, verdicts, LIMITS)
    judge.batches(arrivals)
    judge.losses(losses)
    return verdicts, ledger


def ledger_rows(verdicts: Verdicts) -> list[tuple[int, int, int, int, str]]:
    return [
        (row.span.first_seq, row.span.last_seq, row.first_row, row.span.rows, row.status)
        for row in verdicts.ledger
    ]


def test_batches_out_of_order_become_one_ledger_row_and_ordered_rows() -> None:
    verdicts, ledger = judged(
        arrival(3, payload_of(21, 10)),
        arrival(1, payload_of(1, 10)),
        arrival(2, payload_of(11, 10)),
    )

    assert ledger_rows(verdicts) == [(1, 3, 1, 30, "committed")]
    assert len(verdicts.ledger[0].digests) == 48
    (telemetry,) = verdicts.telemetry
    assert telemetry["row_number"].to_pylist() == list(range(1, 31))
    assert telemetry["value"].to_pylist() == [float(row) for row in range(1, 31)]
    assert set(telemetry["collector"].to_pylist()) == {"collector1"}
    assert ledger.settled_through == 3


def test_a_gap_splits_the_ledger_row() -> None:
    verdicts, ledger = judged(arrival(1, payload_of(1, 10)), arrival(3, payload_of(21, 10)))

    assert ledger_rows(verdicts) == [(1, 1, 1, 10, "committed"), (3, 3, 21, 10, "committed")]
    assert ledger.missing(100) == ((2, 2),)


def test_a_repeat_writes_nothing_and_is_counted() -> None:
    first = arrival(1, payload_of(1, 10), copies=2)
    verdicts, ledger = judged(first)
    assert (verdicts.repeats[KEY].batches, verdicts.repeats[KEY].rows) == (2, 20)

    again, _ = judged(arrival(1, payload_of(1, 10)), ledger=ledger)

    assert (again.ledger, again.telemetry, again.quarantine) == ([], [], [])
    assert (again.repeats[KEY].batches, again.repeats[KEY].rows) == (1, 10)


def test_what_an_unanswered_commit_wrote_is_no_repeat_of_the_transport() -> None:
    _, ledger = judged(arrival(1, payload_of(1, 10)))

    verdicts, _ = judged(arrival(1, payload_of(1, 10), was_attempted=True), ledger=ledger)

    assert verdicts.repeats == {}


def test_other_bytes_under_a_settled_seq_are_a_conflict_and_change_no_ledger() -> None:
    _, ledger = judged(arrival(1, payload_of(1, 10)))

    verdicts, ledger = judged(arrival(1, payload_of(1, 11)), ledger=ledger)

    assert verdicts.ledger == []
    assert [row.reason for row in verdicts.quarantine] == ["epoch_conflict"]
    assert ledger.has_conflict


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "empty"),
        (b"random bytes", "not_arrow"),
        (payload_of(1, 10)[:-200], "not_arrow"),
        (payload_of(7, 10), "row_numbers"),
        (payload_of(1, 10, observed_at=2**62), "time_range"),
        (payload_of(1, 10, observed_at=-(2**62)), "time_range"),
    ],
)
def test_what_breaks_the_contract_is_quarantined_and_settled(payload: bytes, reason: str) -> None:
    verdicts, ledger = judged(arrival(1, payload))

    assert [row.reason for row in verdicts.quarantine] == [reason]
    assert verdicts.quarantine[0].payload == payload
    assert [row.status for row in verdicts.ledger] == ["quarantined"]
    assert ledger.settled_through == 1
    assert verdicts.telemetry == []


def test_a_newer_schema_is_quarantined_with_its_row_numbers() -> None:
    table = pa.table({"anything": [1, 2, 3]}).replace_schema_metadata(
        {"takt.schema_version": "9", "takt.first_row": "1"}
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)

    verdicts, _ = judged(arrival(1, sink.getvalue().to_pybytes()), arrival(2, payload_of(4, 10)))

    assert [row.reason for row in verdicts.quarantine] == ["schema_version"]
    assert ledger_rows(verdicts) == [(1, 1, 1, 3, "quarantined"), (2, 2, 4, 10, "committed")]


def test_a_batch_that_inflates_beyond_reason_is_refused_unread() -> None:
    time = pa.repeat(pa.scalar(START, pa.timestamp("us", "UTC")), 1_000)
    columns = [
        pa.array(["x" * 100_000] * 1_000), pa.repeat("Count", 1_000), time,
        pa.nulls(1_000, pa.float64()), pa.nulls(1_000, pa.string()),
        pa.repeat(pa.scalar(0, pa.int8()), 1_000), time, pa.repeat(False, 1_000),
    ]  # fmt: skip
    payload = batch.encode_table(pa.Table.from_arrays(columns, schema=batch.SCHEMA), 1)
    assert len(payload) < batch.MAX_BYTES

    with pytest.raises(BatchError, match="too_large"):
        decode(payload)


def test_a_batch_of_more_rows_than_any_collector_sends_is_refused_unread() -> None:
    rows = batch.decode(payload_of(1, 1)).table.take(pa.repeat(pa.scalar(0), 100_001))
    payload = batch.encode_table(rows, 1)

    with pytest.raises(BatchError, match="too_large: 100001 rows"):
        decode(payload)


def test_only_what_has_not_arrived_is_settled_as_lost() -> None:
    loss = DeclaredLoss(
        topics.LossAddress(SOURCE, EPOCH, 1, 3), Span.of(1, 3, 1, 30), "overflow", None, None,
        Message("topic", b""),
    )  # fmt: skip

    verdicts, ledger = judged(arrival(2, payload_of(11, 10)), losses=(loss,))

    assert ledger_rows(verdicts) == [
        (2, 2, 11, 10, "committed"),
        (1, 1, 1, 10, "declared_lost"),
        (3, 3, 21, 10, "declared_lost"),
    ]
    assert ledger.settled_through == 3
