"""Values per second from MQTT batches to committed rows: publisher, Mosquitto, ingestion, catalog.

One publisher process encodes batches of 1,000 rows as it goes and keeps to the wire
contract (credit, acknowledgements, re-sending). Everything shares this machine's cores; the
limits of the broker are those of `deploy/mosquitto.conf`. At the end the lake is counted
against what was sent.
"""

import multiprocessing
import tempfile
import threading
import time
import uuid
from multiprocessing.connection import Connection
from pathlib import Path

import paho.mqtt.client as mqtt
import psutil
import pyarrow as pa
from paho.mqtt.enums import CallbackAPIVersion

import lake
from bench._ports import free_port
from bench._processes import PeakMemory, ingestion, mosquitto
from takt import batch, topics
from takt.messages import Ack, Health
from takt.settings import BrokerSettings, Settings

DEFAULT_SECONDS = 60.0
_ROOT = Path(__file__).parent.parent
_EQUIPMENT, _SIGNALS = 40, 25
_DRAIN_S = 30.0
_RESEND_AFTER_S = 5.0


def run(seconds: float) -> dict[str, float]:
    """Publish for `seconds`, wait until all is settled, count."""
    with tempfile.TemporaryDirectory(prefix="takt-bench-") as folder:
        home = Path(folder)
        broker = BrokerSettings(port=free_port(), embedded=False)
        settings = Settings(home=home / "home", catalog=None, data=None, broker=broker)
        lake.schema.create(settings)
        with mosquitto(home, broker.port), ingestion(settings, home) as process:
            peak = PeakMemory(process.process.pid)
            sent, values_per_s = _publish(broker.port, seconds)
            figures = {"values_per_s": values_per_s, "rss_mb": peak.stop() / 1e6}
            spent = psutil.Process(process.process.pid).cpu_times()
            figures["ingestion_cpu_us_per_value"] = (spent.user + spent.system) / sent * 1e6
        figures |= _commit_figures(settings)
        figures |= _balance(settings, sent)
        lake.catalog.leave(settings)
    return figures


def _publish(port: int, seconds: float) -> tuple[int, float]:
    """Rows sent by a publisher process, and how many per second were settled."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    publisher = context.Process(target=_publisher, args=(port, seconds, theirs), daemon=True)
    publisher.start()
    try:
        if not ours.poll(seconds + _DRAIN_S + 30):
            raise TimeoutError("the publisher did not finish")
        sent, rate = ours.recv()
    finally:
        publisher.join(5)
        publisher.kill()
    return int(sent), float(rate)


class _Publisher:
    """A collector without a spool: it can make every batch again from its seq."""

    def __init__(self, port: int) -> None:
        self.source = topics.Collector("bench", "collector1")
        self.epoch = str(uuid.uuid4())
        self.acked = threading.Event()
        self.ack: Ack | None = None
        self._made = _templates()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, f"bench-{uuid.uuid4()}")
        self.client.max_inflight_messages_set(2_000)
        self.client.on_connect = self._on_connect
        self.client.on_message = self._on_message
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def publish(self, seq: int) -> None:
        """Encode a batch and publish it."""
        first_row = (seq - 1) * batch.MAX_ROWS + 1
        now = time.time_ns() // 1_000
        times = pa.arange(now - batch.MAX_ROWS, now).cast(pa.timestamp("us", "UTC"))
        columns = dict(self._made)
        columns["observed_at"] = times
        columns["received_at"] = times
        table = pa.table([columns[name] for name in batch.SCHEMA.names], schema=batch.SCHEMA)
        payload = batch.encode_table(table, first_row)
        self.client.publish(topics.batch_topic(self.source, self.epoch, seq), payload, qos=1)

    def _on_connect(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe(topics.ack_topic(self.source), 1)
        health = Health(
            online=True, epoch=self.epoch, accepted_rows=0, spool_first_row=1, spool_rows=0,
            spool_bytes=0, reported_at="2026-01-01T00:00:00Z",
        )  # fmt: skip
        topic = topics.health_topic(self.source)
        client.publish(topic, health.model_dump_json(), qos=1, retain=True)

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        ack = Ack.model_validate_json(message.payload)
        if ack.epoch == self.epoch:
            self.ack = ack
            self.acked.set()


def _templates() -> dict[str, pa.Array]:
    """The columns that do not change: 1,000 rows of a plant with 1,000 signals."""
    rows = range(batch.MAX_ROWS)
    return {
        "equipment": pa.array([f"area1/line{n % 4}/unit{n % _EQUIPMENT:02d}" for n in rows]),
        "signal": pa.array([f"Measurement{n // _EQUIPMENT % _SIGNALS:02d}" for n in rows]),
        "value": pa.array([(n * 2_654_435_761 % 1_000_003) / 97 for n in rows]),
        "text": pa.nulls(len(rows), pa.string()),
        "quality": pa.repeat(pa.scalar(0, pa.int8()), len(rows)),
        "is_historical": pa.repeat(pa.scalar(False), len(rows)),
    }


def _publisher(port: int, seconds: float, report: Connection) -> None:
    publisher = _Publisher(port)
    if not publisher.acked.wait(30) or publisher.ack is None:
        raise TimeoutError("no credit within 30 s")
    started = time.monotonic()
    sent = settled = 0
    while time.monotonic() - started < seconds:
        settled = publisher.ack.settled_through
        publisher.acked.clear()
        while sent - settled < publisher.ack.credit_batches:
            sent += 1
            publisher.publish(sent)
            if time.monotonic() - started >= seconds or publisher.acked.is_set():
                break
        publisher.acked.wait(0.5)
    settled_in_time = publisher.ack.settled_through
    rate = settled_in_time * batch.MAX_ROWS / (time.monotonic() - started)
    _drain(publisher, sent)
    report.send((sent * batch.MAX_ROWS, rate))


def _drain(publisher: _Publisher, sent: int) -> None:
    """Wait until all is settled; send again what nothing was heard of."""
    deadline = time.monotonic() + _DRAIN_S
    while publisher.ack and (settled := publisher.ack.settled_through) < sent:
        if time.monotonic() > deadline:
            return
        publisher.acked.clear()
        if not publisher.acked.wait(_RESEND_AFTER_S):
            for seq in range(settled + 1, sent + 1):
                publisher.publish(seq)


def _commit_figures(settings: Settings) -> dict[str, float]:
    """How far apart commits were: what a sample waits at the most."""
    with lake.open(settings, read_only=True) as con:
        gaps = con.execute(
            "with commits as (select distinct committed_at from raw.batch),"
            " gaps as (select epoch_us(committed_at - lag(committed_at) over"
            " (order by committed_at)) / 1e6 as gap from commits)"
            " select quantile_cont(gap, 0.5), quantile_cont(gap, 0.99), count(*) from gaps"
        ).fetchall()[0]
    return {"commit_p50_s": gaps[0], "commit_p99_s": gaps[1], "commits": float(gaps[2])}


def _balance(settings: Settings, sent: int) -> dict[str, float]:
    """Rows that are missing or there twice; both must be 0."""
    with lake.open(settings, read_only=True) as con:
        rows, distinct = con.execute(
            "select count(*), count(distinct row_number) from raw.telemetry"
        ).fetchall()[0]
        repeats = con.execute("select coalesce(sum(rows), 0) from raw.transport_repeat").fetchall()
    return {
        "rows": float(rows),
        "lost_rows": float(sent - distinct),
        "doubled_rows": float(rows - distinct),
        "transport_repeat_rows": float(repeats[0][0]),
    }
