"""Fuzzed messages of Takt's own wire: each is settled or named, and none fills the memory."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ingestion.committer import ledger_table
from ingestion.inbox import Message
from ingestion.intake import Intake
from ingestion.judgement import EpochKey, Judge, Verdicts
from ingestion.ledger import EpochLedger
from ingestion.sample_times import LiveLimits
from lake import schema
from takt import topics
from takt.messages import Ack
from takt.settings import IngestionSettings
from tests import wire_messages
from tests.mutations import Mutations

SOURCE = topics.Collector("demo", "collector1")
EPOCH = "0e2a5f4c-8f4e-4d1c-9a51-000000000001"
KEY = EpochKey(SOURCE, EPOCH)
LIMITS = LiveLimits.of(IngestionSettings())
TELEMETRY = pa.schema(
    [field for field in schema.TELEMETRY.arrow_schema if field.name != "observed_date"]
)
POOLS: list[pa.MemoryPool] = []


def judged(payloads: list[bytes]) -> tuple[Verdicts, EpochLedger]:
    """What becomes of batches that come one after another, as ingestion takes them on."""
    intake, verdicts, ledger = Intake(), Verdicts(), EpochLedger()
    for seq, payload in enumerate(payloads, 1):
        intake.add(Message(topics.batch_topic(SOURCE, EPOCH, seq), payload))
    while intake.count:
        selection = intake.take(300, 16_000_000)
        Judge(KEY, ledger, verdicts, LIMITS).batches(selection.batches)
        intake.settle(selection)
    return verdicts, ledger


@contextmanager
def inflating_at_most(most: int) -> Iterator[None]:
    """What Arrow holds at once within the context."""
    usual = pa.default_memory_pool()
    counted = pa.proxy_memory_pool(usual)
    # What was made in it may outlive the context.
    POOLS.append(counted)
    pa.set_memory_pool(counted)
    try:
        yield
    finally:
        pa.set_memory_pool(usual)
    assert 0 < counted.max_memory() < most


@pytest.mark.parametrize("count", [500, pytest.param(100_000, marks=pytest.mark.long)])
def test_fuzzed_batches_are_committed_whole_or_quarantined_with_a_reason(count):
    mutations, sound = Mutations(3), wire_messages.batches()
    for first in range(0, count, 250):
        payloads = [mutations.of_bytes(sound) for _ in range(first, min(first + 250, count))]

        with inflating_at_most(200_000_000):
            verdicts, ledger = judged(payloads)

        assert ledger.settled_through == len(payloads)
        refused = [row.span for row in verdicts.ledger if row.status == "quarantined"]
        seqs = {seq for span in refused for seq in range(span.first_seq, span.last_seq + 1)}
        assert seqs
        assert seqs <= {row.seq for row in verdicts.quarantine}
        assert all(row.reason and row.detail for row in verdicts.quarantine)
        for table in verdicts.telemetry:
            table.validate(full=True)
            assert table.select(TELEMETRY.names).cast(TELEMETRY).num_rows
        assert ledger_table(verdicts.ledger, "i", wire_messages.START).num_rows


def test_bombs_are_quarantined_without_being_inflated():
    payloads = list(wire_messages.bombs())

    with inflating_at_most(1_000_000):
        verdicts, _ = judged([*payloads, wire_messages.batches()[0]])

    assert [row.reason for row in verdicts.quarantine[:2]] == ["too_large", "too_large"]


@pytest.mark.parametrize("count", [500, pytest.param(100_000, marks=pytest.mark.long)])
def test_fuzzed_losses_and_health_are_understood_or_quarantined_with_a_reason(count):
    mutations, heard = Mutations(4), 0
    sorts = [
        (topics.lost_topic(SOURCE, EPOCH, 1, 5), wire_messages.losses()),
        (topics.health_topic(SOURCE), wire_messages.healths()),
    ]
    for number in range(count):
        topic, sound = sorts[number % 2]
        intake = Intake()
        heard += intake.add(Message(topic, mutations.of_bytes(sound))) is not None
        selection = intake.take(10, 10**9)
        Judge(KEY, EpochLedger(), Verdicts(), LIMITS).losses(selection.losses)
        assert all(each.reason and each.detail for each in selection.refusals)
    assert 0 < heard < count / 2


@given(st.sampled_from(wire_messages.acks()), st.data())
def test_a_changed_acknowledgement_is_one_or_is_none(sound, data):
    changed = Mutations(data.draw(st.integers(0, 2**32))).of_bytes([sound])
    try:
        ack = Ack.model_validate_json(changed)
    except ValidationError:
        return
    assert ack.settled_through >= 0
    assert ack.credit_batches > 0
