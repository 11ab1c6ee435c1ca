"""A collector made of the wire contract alone, and ingestion as its own process."""

import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

import lake
from takt import batch, topics
from takt.messages import Ack
from takt.settings import Settings
from tests.conftest import Mosquitto, free_port, wait_until

ROOT = Path(__file__).parents[3]
START = 1_700_000_000_000_000


def samples(count: int, first: int = 0) -> list[batch.Sample]:
    """Rows that differ, a second apart."""
    return [
        batch.Sample("line1/press01", "Count", START + i * 1_000_000, float(i), None, 0, START + i)
        for i in range(first, first + count)
    ]


@dataclass
class FakeCollector:
    """Speaks as a collector does, but only when told to.

    Attributes:
        acks: Every acknowledgement received, oldest first.
    """

    port: int
    name: str = "collector1"
    epoch: str = field(default_factory=lambda: str(uuid.uuid4()))
    acks: list[Ack] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source = topics.Collector("demo", self.name)
        self._connected = threading.Event()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, f"fake-{uuid.uuid4()}")
        self.client.on_connect = lambda client, *_: client.subscribe(
            topics.ack_topic(self.source), 1
        )
        self.client.on_subscribe = lambda *_: self._connected.set()
        self.client.on_message = lambda _c, _u, message: self.acks.append(
            Ack.model_validate_json(message.payload)
        )
        self.client.connect("127.0.0.1", self.port)
        self.client.loop_start()
        assert self._connected.wait(10)

    def send(self, seq: int, payload: bytes, epoch: str | None = None) -> None:
        topic = topics.batch_topic(self.source, epoch or self.epoch, seq)
        self.client.publish(topic, payload, qos=1).wait_for_publish(10)

    def send_rows(self, seq: int, first_row: int, count: int) -> bytes:
        payload = batch.encode(samples(count, first_row - 1), first_row)
        self.send(seq, payload)
        return payload

    def declare_lost(self, first: int, last: int, first_row: int, rows: int) -> None:
        topic = topics.lost_topic(self.source, self.epoch, first, last)
        message = {"first_row": first_row, "rows": rows, "cause": "overflow"}
        self.client.publish(topic, json.dumps(message), qos=1).wait_for_publish(10)

    def report(
        self, *, online: bool, accepted_rows: int = 0, at: str = "2026-01-01T00:00:00Z"
    ) -> None:
        message = {
            "online": online,
            "epoch": self.epoch,
            "accepted_rows": accepted_rows,
            "spool_first_row": 1,
            "spool_rows": 0,
            "spool_bytes": 0,
            "sources": {},
            "reported_at": at,
        }
        topic = topics.health_topic(self.source)
        self.client.publish(topic, json.dumps(message), qos=1, retain=True).wait_for_publish(10)

    def settled_through(self) -> int:
        return max(
            (ack.settled_through for ack in self.acks if ack.epoch == self.epoch), default=-1
        )

    def wait_settled(self, seq: int, timeout_s: float = 30) -> None:
        wait_until(lambda: self.settled_through() >= seq, f"batch {seq} to be settled", timeout_s)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@dataclass
class IngestionProcess:
    """`takt ingest` as a process of its own."""

    environment: dict[str, str]
    log_file: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        with self.log_file.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "takt", "ingest"],
                env=self.environment, cwd=ROOT, stdout=output, stderr=output,
            )  # fmt: skip

    @property
    def metrics_port(self) -> int:
        return int(self.environment["TAKT_METRICS__INGEST_PORT"])

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def wait_ready(self, times: int = 1) -> None:
        wait_until(lambda: self.log.count(" ready as ") >= times, "ingestion to be ready", 60)

    def send_signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, timeout_s: float = 15) -> int:
        assert self.process is not None
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def settings(lake_settings: Settings, mosquitto: Mosquitto) -> Settings:
    """The lake of this test and the Mosquitto of this test."""
    return with_broker(lake_settings, mosquitto.port)


def with_broker(settings: Settings, port: int) -> Settings:
    """The same installation with a broker on this port."""
    broker = settings.broker.model_copy(update={"port": port, "embedded": False})
    return settings.model_copy(update={"broker": broker})


def environment_of(settings: Settings) -> dict[str, str]:
    """What a process needs to have these settings."""
    ours = {
        "TAKT_HOME": str(settings.home),
        "TAKT_BROKER__PORT": str(settings.broker.port),
        "TAKT_INGESTION__COMMIT_INTERVAL_S": "0.05",
        "TAKT_INGESTION__SHARDS": str(settings.ingestion.shards),
        "TAKT_METRICS__INGEST_PORT": str(free_port()),
        "PYTHONPATH": str(ROOT),
    }
    if settings.lake.threads:
        ours["TAKT_LAKE__THREADS"] = str(settings.lake.threads)
    if settings.catalog is not None:
        ours["TAKT_CATALOG"] = settings.catalog
    return {**os.environ, **ours}


@contextmanager
def ingesting(settings: Settings, log_file: Path) -> Iterator[IngestionProcess]:
    """Ingestion running; killed at the end if it still does."""
    process = IngestionProcess(environment_of(settings), log_file)
    process.start()
    try:
        process.wait_ready()
        yield process
    finally:
        process.kill()


@pytest.fixture
def ingestion(settings: Settings, tmp_path: Path) -> Iterator[IngestionProcess]:
    with ingesting(settings, tmp_path / "ingest.log") as process:
        yield process


@pytest.fixture
def new_collector(mosquitto: Mosquitto) -> Iterator[Callable[..., FakeCollector]]:
    made: list[FakeCollector] = []

    def make(name: str = "collector1") -> FakeCollector:
        made.append(FakeCollector(mosquitto.port, name))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def collector(new_collector: Callable[..., FakeCollector]) -> FakeCollector:
    return new_collector()


def query(settings: Settings, sql: str, *arguments: object) -> list[Any]:
    """What the lake answers."""
    with lake.open(settings, read_only=True) as con:
        return con.execute(sql, list(arguments)).fetchall()
