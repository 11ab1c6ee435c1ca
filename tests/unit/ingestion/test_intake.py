"""What topics and JSON bodies become; garbage never raises."""

import json
from itertools import count

import hypothesis.strategies as st
import pytest
from hypothesis import given

from ingestion.decoding import decode
from ingestion.inbox import Inbox, Message
from ingestion.intake import Intake
from ingestion.judgement import EpochKey, telemetry_rows
from ingestion.ledger import Span
from takt import batch, topics
from takt.messages import Loss

EPOCH = "0e2a5f4c-8f4e-4d1c-9a51-000000000001"
SOURCE = topics.Collector("demo", "collector1")
START = 1_700_000_000_000_000


class Sender:
    """Makes messages and remembers which were acknowledged."""

    def __init__(self) -> None:
        self._numbers = count()
        self.acknowledged: list[int] = []

    def message(self, topic: str, payload: bytes) -> Message:
        number = next(self._numbers)
        return Message(topic, payload, acknowledge=lambda: self.acknowledged.append(number))


def loss(**changes: object) -> bytes:
    return json.dumps({"first_row": 10, "rows": 5, "cause": "overflow", **changes}).encode()


def health(**changes: object) -> bytes:
    message = {
        "online": True, "epoch": EPOCH, "accepted_rows": 0, "spool_first_row": 1, "spool_rows": 0,
        "spool_bytes": 0, "sources": {}, "reported_at": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    return json.dumps({**message, **changes}).encode()


def reason_for(topic: str, payload: bytes) -> str:
    intake = Intake()
    intake.add(Message(topic, payload))
    (refusal,) = intake.take(10, 10**9).refusals
    return refusal.reason


def test_a_batch_held_already_is_acknowledged_and_counted_not_held_twice() -> None:
    sender, intake = Sender(), Intake()
    topic = topics.batch_topic(SOURCE, EPOCH, 1)
    for _ in range(3):
        intake.add(sender.message(topic, b"bytes"))

    (arrival,) = intake.take(10, 10**9).batches
    assert arrival.copies == 2
    assert sender.acknowledged == [1, 2]


def test_other_bytes_under_the_same_seq_are_held_beside_the_first() -> None:
    intake = Intake()
    topic = topics.batch_topic(SOURCE, EPOCH, 1)
    intake.add(Message(topic, b"bytes"))
    intake.add(Message(topic, b"other"))

    assert [each.message.payload for each in intake.take(10, 10**9).batches] == [b"bytes", b"other"]


def test_a_loss_whose_row_numbers_would_overflow_the_ledger_is_refused() -> None:
    topic = topics.lost_topic(SOURCE, EPOCH, 1, 5)
    loss = Loss(first_row=2**61, rows=2**62, cause="overflow").model_dump_json().encode()

    assert reason_for(topic, loss) == "wrong_json"


def test_what_is_taken_stays_until_it_is_settled() -> None:
    intake = Intake()
    for seq in range(1, 6):
        intake.add(Message(topics.batch_topic(SOURCE, EPOCH, seq), b"bytes"))

    first = intake.take(3, 10**9)
    assert intake.count == 5
    intake.settle(first)
    assert [each.address.seq for each in intake.take(3, 10**9).batches] == [4, 5]


def test_a_selection_stays_within_bytes_but_never_empty() -> None:
    intake = Intake()
    for seq in range(1, 6):
        intake.add(Message(topics.batch_topic(SOURCE, EPOCH, seq), bytes(10_000)))

    assert len(intake.take(100, 25_000).batches) == 2
    assert len(intake.take(100, 10).batches) == 1


def test_a_declared_loss_carries_rows_and_cause() -> None:
    intake = Intake()
    intake.add(Message(topics.lost_topic(SOURCE, EPOCH, 3, 4), loss()))

    (declared,) = intake.take(10, 10**9).losses
    assert declared.span == Span.of(3, 4, 10, 5)
    assert declared.cause == "overflow"


def test_each_refusal_has_its_reason() -> None:
    lost = topics.lost_topic(SOURCE, EPOCH, 3, 4)
    health_topic = topics.health_topic(SOURCE)

    assert reason_for("takt/v1/demo/collector1/batch/nonsense", b"x") == "unknown_topic"
    assert reason_for(f"takt/v1/demo/{'c' * 300}/batch/{EPOCH}/1", b"x") == "unknown_topic"
    assert reason_for(lost, b"") == "empty"
    assert reason_for(lost, b"\xff\xfe") == "wrong_json"
    assert reason_for(lost, loss(first_row=10**30)) == "wrong_json"
    assert reason_for(lost, loss(first_observed_at="0001-01-01T00:00:00+14:00")) == "time_range"
    assert reason_for(health_topic, b"") == "empty"
    assert reason_for(health_topic, b"[" * 100_000) == "wrong_json"
    assert reason_for(health_topic, health(accepted_rows=10**30)) == "wrong_json"
    assert reason_for(health_topic, health(reported_at="9999-12-31T23:59:59-14:00")) == "time_range"
    assert reason_for(health_topic, bytes(300_000)) == "too_large"


def blown_up(seq: int, rows: int = 200) -> Message:
    """A few hundred bytes that become 12 MB."""
    text = "0" * 60_000
    found = [batch.Sample("line1", "Name", START, None, text, 0, START) for _ in range(rows)]
    payload = batch.encode(found, 1 + (seq - 1) * rows)
    return Message(topics.batch_topic(SOURCE, EPOCH, seq), payload)


def test_one_commit_takes_no_more_batches_than_fit_into_memory_when_decoded() -> None:
    intake = Intake()
    for seq in (1, 2, 3):
        intake.add(blown_up(seq))

    taken = intake.take(10, 10**9, 25_000_000)

    assert [each.address.seq for each in taken.batches] == [1, 2]
    assert intake.bytes < 100_000
    assert [each.address.seq for each in intake.take(10, 10**9, 1).batches] == [1]
    assert len(intake.take(10, 10**9).batches) == 3


def test_what_the_topic_adds_to_each_row_counts_as_well() -> None:
    sample = batch.Sample("line1", "Count", START, 1.0, None, 0, START)
    message = Message(topics.batch_topic(SOURCE, EPOCH, 1), batch.encode([sample] * 1_000, 1))
    intake = Intake()
    intake.add(message)
    [arrival] = intake.take(1, 10**9).batches

    rows = telemetry_rows(EpochKey(SOURCE, EPOCH), [decode(message.payload)])

    assert arrival.decoded_bytes == pytest.approx(rows.nbytes, rel=0.1)


@given(
    st.sampled_from(
        [
            topics.health_topic(SOURCE),
            topics.lost_topic(SOURCE, EPOCH, 1, 2),
            topics.batch_topic(SOURCE, EPOCH, 1),
        ]
    )
    | st.text(min_size=1),
    st.binary() | st.text().map(str.encode) | st.from_type(dict).map(repr).map(str.encode),
)
def test_no_message_raises(topic: str, payload: bytes) -> None:
    intake = Intake()
    heard = intake.add(Message(topic, payload))

    assert heard is not None or intake.count == 1


def test_the_inbox_has_no_room_above_its_bound_until_messages_are_released() -> None:
    inbox = Inbox(max_bytes=10_000)
    message = Message("topic", bytes(9_500))
    assert inbox.has_room

    inbox.put(message)
    assert not inbox.has_room

    inbox.take(0)
    assert not inbox.has_room
    inbox.release(message.size)
    assert inbox.has_room
