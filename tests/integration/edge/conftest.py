"""A peer that plays ingestion by the wire contract, and a collector process to kill."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from takt import batch, topics
from takt.messages import Ack, Health, Loss
from takt.settings import BrokerSettings, Settings
from tests.command import environment
from tests.conftest import Mosquitto, free_port, wait_until

IDENTITY = topics.Collector("demo", "collector1")


class AckingPeer:
    """Keeps batches as ingestion would: once per (epoch, seq), acknowledged when settled.

    A batch is handled whole before `received`, `rows` and what is made of these tell of it: who
    waits for it may then change how the next one is answered.
    """

    def __init__(self, port: int, *, acknowledges: bool = True) -> None:
        self.acknowledges = acknowledges
        self.credit_batches = 50
        self.drops: set[int] = set()
        self.batches: dict[tuple[str, int], batch.Batch] = {}
        self.losses: dict[tuple[str, int, int], Loss] = {}
        self._received: list[int] = []
        self.healths: list[Health] = []
        self._lock = threading.RLock()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, f"peer-{id(self)}")
        self._client.on_connect = self._subscribe
        self._client.on_message = self._receive
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def ack(self, epoch: str, *, ingestor: str = "ingestor1", **changes: object) -> None:
        with self._lock:
            settled = {seq for known, seq in self.batches if known == epoch}
            for known, first, last in self.losses:
                settled |= set(range(first, last + 1)) if known == epoch else set()
            through = 0
            while through + 1 in settled:
                through += 1
            gaps = sorted(set(range(through + 1, max(settled, default=0))) - settled)
            fields = {
                "epoch": epoch,
                "settled_through": through,
                "missing": tuple((seq, seq) for seq in gaps[:100]),
                "ingestor_id": ingestor,
                "credit_batches": self.credit_batches,
                "credit_bytes": 10_000_000,
            }
            message = Ack(**{**fields, **changes}).model_dump_json()
            self._client.publish(topics.ack_topic(IDENTITY), message, qos=1, retain=True)

    @property
    def received(self) -> list[int]:
        """The seq of every batch in the order of arrival, dropped and repeated ones too."""
        with self._lock:
            return list(self._received)

    def rows(self) -> list[dict[str, object]]:
        """Every sample in the order of epochs' arrival, seqs and rows."""
        with self._lock:
            epochs = list(dict.fromkeys(epoch for epoch, _ in self.batches))
            found = sorted(self.batches, key=lambda key: (epochs.index(key[0]), key[1]))
            return [row for key in found for row in self.batches[key].table.to_pylist()]

    def data(self) -> list[dict[str, object]]:
        """As `rows`, without the collector's own events."""
        return [row for row in self.rows() if not str(row["signal"]).startswith("$")]

    def values(self) -> list[object]:
        return [row["value"] for row in self.data()]

    def first_rows_beside(self, epoch: str) -> list[int]:
        """First row of each batch of every other epoch, in the order of arrival."""
        with self._lock:
            return [batch.first_row for (of, _), batch in self.batches.items() if of != epoch]

    def events(self, signal: str) -> list[dict[str, object]]:
        return [row for row in self.rows() if row["signal"] == signal]

    def _subscribe(self, client: mqtt.Client, *_: object) -> None:
        for topic in (topics.BATCH_FILTER, topics.LOST_FILTER, topics.HEALTH_FILTER):
            client.subscribe(topic, qos=1)

    def _receive(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        with self._lock:
            if topics.parse_health(message.topic):
                self.healths.append(Health.model_validate_json(message.payload))
            elif (lost := topics.parse_lost(message.topic)) is not None:
                self._note_loss(lost, message.payload)
            elif (address := topics.parse_batch(message.topic)) is not None:
                self._received.append(address.seq)
                self._keep(address, message.payload)

    def _note_loss(self, lost: topics.LossAddress, payload: bytes) -> None:
        key = (lost.epoch, lost.first_seq, lost.last_seq)
        self.losses[key] = Loss.model_validate_json(payload)
        self._answer(lost.epoch)

    def _keep(self, address: topics.BatchAddress, payload: bytes) -> None:
        if address.seq in self.drops:
            self.drops.discard(address.seq)
            return
        decoded = batch.decode(payload)
        known = self.batches.setdefault((address.epoch, address.seq), decoded)
        assert known.table.equals(decoded.table)
        self._answer(address.epoch)

    def _answer(self, epoch: str) -> None:
        if self.acknowledges:
            self.ack(epoch)


class CollectorProcess:
    """`takt edge` as a process of its own."""

    def __init__(self, home: Path, broker_port: int, configuration: str) -> None:
        self.home = home
        self._broker_port = broker_port
        self.metrics_port = free_port()
        self.file = home / "edge.toml"
        self.file.write_text(configuration)
        self.log = home / "edge.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        settings = Settings(
            home=self.home, broker=BrokerSettings(port=self._broker_port, embedded=False)
        )
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "takt", "edge", "--config", self.file],
                env=environment(settings) | {"TAKT_METRICS__EDGE_PORT": str(self.metrics_port)},
                stdout=output,
                stderr=output,
            )
        wait_until(lambda: b"ready" in self.log.read_bytes()[before:], "the collector")

    def wait_connected(self) -> None:
        """Only from its first subscription on does a broker keep messages for the collector."""
        wait_until(lambda: ": up: connected" in self.log.read_text(), "the subscription")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self._process is not None
        os.kill(self._process.pid, how)
        return self._process.wait(timeout=10)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def peer(mosquitto: Mosquitto) -> Iterator[AckingPeer]:
    peer = AckingPeer(mosquitto.port)
    yield peer
    peer.close()
