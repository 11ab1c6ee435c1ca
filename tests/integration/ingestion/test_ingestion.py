"""Broker to lake over a real Mosquitto, PostgreSQL and process; all tests share one of each."""

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion import quarantine
from takt import batch, topics
from takt.settings import Settings
from tests.conftest import Mosquitto, wait_until
from tests.integration.ingestion.conftest import (
    FakeCollector,
    ingesting,
    query,
    samples,
    with_broker,
)
from tests.lake_fixtures import fresh_lake

EPOCH = "0e2a5f4c-8f4e-4d1c-9a51-000000000001"


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture(scope="module")
def settings(
    catalog_server: str, mosquitto: Mosquitto, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    folder: Path = tmp_path_factory.mktemp("ingestion")
    with fresh_lake(catalog_server, folder) as lake_settings:
        ours = with_broker(lake_settings, mosquitto.port)
        with ingesting(ours, folder / "ingest.log"):
            yield ours


@pytest.fixture
def collector(settings: Settings) -> Iterator[FakeCollector]:
    collector = FakeCollector(settings.broker.port, f"collector-{uuid.uuid4().hex[:8]}")
    yield collector
    collector.close()


def of(collector: FakeCollector, settings: Settings, what: str, table: str) -> list[tuple]:
    """What a table holds of one collector, in the order of the first column."""
    sql = f"select {what} from raw.{table} where collector = ? order by 1"
    return query(settings, sql, collector.name)


def test_batches_land_once_despite_repeats(settings: Settings, collector: FakeCollector) -> None:
    sent = [collector.send_rows(seq, 10 * seq - 9, 10) for seq in range(1, 21)]
    collector.wait_settled(20)
    for seq, payload in enumerate(sent, start=1):
        collector.send(seq, payload)
    wait_until(
        lambda: (
            of(collector, settings, "sum(batches), sum(rows)", "transport_repeat") == [(20, 200)]
        ),
        "the repeats to be counted",
    )

    rows = of(collector, settings, "row_number, value", "telemetry")
    assert rows == [(n, float(n - 1)) for n in range(1, 201)]
    assert of(collector, settings, "sum(octet_length(digests))", "batch") == [(320,)]


def test_a_batch_published_by_mosquitto_pub_lands(settings: Settings, mosquitto: Mosquitto) -> None:
    topic = topics.batch_topic(topics.Collector("demo", "by-hand"), EPOCH, 1)

    mosquitto.publish(topic, batch.encode(samples(3), 1))

    rows = "select count(*) from raw.telemetry where collector = 'by-hand'"
    wait_until(lambda: query(settings, rows) == [(3,)], "the rows")


def test_garbage_on_every_topic_is_quarantined_and_everything_else_flows(
    settings: Settings, collector: FakeCollector
) -> None:
    stranger = topics.Collector("demo", "stranger")
    cut_short = batch.encode(samples(5), 1)[:-150]
    for place, body in enumerate([os.urandom(300), cut_short, os.urandom(9_000_000), b""]):
        for topic in (
            topics.batch_topic(stranger, EPOCH, place + 1),
            f"takt/v1/demo/stranger/batch/{EPOCH}/x{place}",
            topics.lost_topic(stranger, EPOCH, place + 10, place + 11),
            topics.health_topic(stranger),
        ):
            collector.client.publish(topic, body, qos=1)
    collector.client.publish(topics.lost_topic(stranger, EPOCH, 30, 31), b"{}", qos=1)
    collector.send_rows(1, 1, 10)
    collector.wait_settled(1)
    refused = "from raw.quarantine where contains(topic, 'stranger')"
    wait_until(lambda: query(settings, f"select count(*) {refused}") == [(17,)], "17 refusals")

    reasons = dict(query(settings, f"select reason, count(*) {refused} group by 1"))
    assert reasons == {
        "not_arrow": 2, "too_large": 3, "empty": 3, "unknown_topic": 4, "wrong_json": 5,
    }  # fmt: skip
    assert of(collector, settings, "count(*)", "telemetry") == [(10,)]
    settled = "select max(last_seq), sum(rows) from raw.batch where collector = 'stranger'"
    assert query(settings, settled) == [(4, 0)]
    largest = query(settings, f"select max(octet_length(payload)) {refused}")
    assert largest == [(batch.MAX_PAYLOAD_BYTES,)]


def test_a_gap_is_named_until_it_is_filled(collector: FakeCollector) -> None:
    collector.send_rows(1, 1, 10)
    collector.send_rows(4, 31, 10)
    wait_until(lambda: any(ack.missing == ((2, 3),) for ack in collector.acks), "the gap")

    collector.send_rows(2, 11, 10)
    collector.send_rows(3, 21, 10)

    collector.wait_settled(4)
    assert collector.acks[-1].missing == ()


def test_a_declared_loss_is_settled_with_its_cause(
    settings: Settings, collector: FakeCollector
) -> None:
    collector.send_rows(1, 1, 10)
    collector.send_rows(4, 31, 10)
    collector.declare_lost(2, 3, 11, 20)

    collector.wait_settled(4)
    ledger = of(collector, settings, "first_seq, last_seq, first_row, rows, status, cause", "batch")
    assert ledger == [
        (1, 1, 1, 10, "committed", None),
        (2, 3, 11, 20, "declared_lost", "overflow"),
        (4, 4, 31, 10, "committed", None),
    ]


def test_other_bytes_under_a_settled_seq_ask_for_a_new_epoch(
    settings: Settings, collector: FakeCollector
) -> None:
    collector.send_rows(1, 1, 10)
    collector.wait_settled(1)
    collector.send(1, batch.encode(samples(7, 100), 1))

    wait_until(lambda: collector.acks[-1].new_epoch, "the order to open a new epoch")
    assert of(collector, settings, "reason, epoch, seq", "quarantine") == [
        ("epoch_conflict", collector.epoch, 1)
    ]
    assert of(collector, settings, "count(*)", "telemetry") == [(10,)]


def test_rows_from_a_clock_that_goes_ahead_come_in_once_when_their_time_has_come(
    settings: Settings, collector: FakeCollector
) -> None:
    now = time.time_ns() // 1_000
    ahead = [
        batch.Sample("line1/press01", "Count", now + 3_600_000_000, 7.0, None, 0, now),
        batch.Sample("line1/press01", "Count", now + 1_000_000, 8.0, None, 0, now),
    ]
    collector.send(1, batch.encode(samples(3) + ahead + samples(2), 1))
    collector.send_rows(2, 8, 3)
    collector.wait_settled(2)

    assert of(collector, settings, "row_number", "telemetry") == [
        (n,) for n in (1, 2, 3, 5, 6, 7, 8, 9, 10)
    ]
    counted = of(collector, settings, "first_seq, rows, quarantined_rows, status", "batch")
    assert counted[0] == (1, 7, 1, "committed")
    [(entry,)] = of(collector, settings, "quarantine_id", "quarantine")
    assert quarantine.replay(settings, entry).outcomes == {entry: "refused again, clock_ahead"}

    later = settings.ingestion.model_copy(update={"live_ahead_s": 7_200.0})
    mended = settings.model_copy(update={"ingestion": later})
    assert quarantine.replay(mended, entry).outcomes == {entry: "committed"}
    quarantine.replay(mended)

    replayed = "select value from raw.telemetry where collector = 'replay' and epoch = ?"
    assert query(settings, replayed, str(uuid.UUID(entry))) == [(7.0,)]


def test_what_was_quarantined_is_listed_shown_and_replayed_once(
    settings: Settings, collector: FakeCollector
) -> None:
    collector.send(1, batch.encode(samples(5), 77))
    collector.send(2, b"never right")
    collector.wait_settled(2)

    def waiting() -> dict[str, quarantine.Entry]:
        ours = f"demo/{collector.name}"
        return {e.reason: e for e in quarantine.list_entries(settings) if e.collector == ours}

    entries = waiting()
    shown = quarantine.show(settings, entries["not_arrow"].quarantine_id)
    assert "never right" in shown
    assert set(entries) == {"row_numbers", "not_arrow"}

    outcomes = quarantine.replay(settings).outcomes

    assert outcomes[entries["row_numbers"].quarantine_id] == "committed"
    assert outcomes[entries["not_arrow"].quarantine_id] == "refused again, not_arrow"
    replayed = "select count(*) from raw.telemetry where collector = 'replay' and epoch = ?"
    epoch = str(uuid.UUID(entries["row_numbers"].quarantine_id))
    assert query(settings, replayed, epoch) == [(5,)]
    assert set(waiting()) == {"not_arrow"}
    quarantine.replay(settings)
    assert query(settings, replayed, epoch) == [(5,)]
    collector.send_rows(3, 6, 5)
    collector.wait_settled(3)
