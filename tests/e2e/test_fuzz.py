"""Fuzzed messages of every protocol over real brokers into real processes, beside counted ones."""

import json
import os
import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as mqtt
import psutil
import pytest

from edge.configuration import MqttSource
from edge.mqtt_message import reader_of
from edge.payload import PayloadError
from edge.sparkplug.reading import UndecodableError, decode
from ingestion.inbox import Message
from ingestion.intake import Intake
from takt import topics
from tests import wire_messages
from tests.conftest import Mosquitto, wait_until
from tests.e2e.chain import Chain, running_chain
from tests.e2e.failure_report import FailureReport, Result
from tests.mutations import Mutations, bombs
from tests.sparkplug_messages import data, metric, node_birth
from tests.unit.edge.sparkplug.test_fuzz import messages as sparkplug_messages
from tests.unit.edge.test_fuzz_mqtt import SOUND

SEED = 23
AT_ONCE = 500
"""Fuzzed messages between two counted ones; a broker's queue must hold them."""
GROWTH_BYTES = 300_000_000
SPARKPLUG = """
[sources.sparks]
kind = "sparkplug"
host = "127.0.0.1"
port = {port}
"""
TIMES = {"timestamp": "t", "timestamp_unit": "ms", "signals": ""}
JSON = """
[sources.many]
kind = "mqtt"
host = "127.0.0.1"
port = {port}
topic = "fuzz/{{equipment:3}}/+"
timestamp = "t"
timestamp_unit = "ms"
signals = ""
"""
BORN_MS = 1_700_000_000_000


@dataclass
class Publisher:
    """Publishes to one broker at QoS 1, at most so many unacknowledged as the broker queues."""

    port: int
    client: mqtt.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, f"fuzz-{uuid.uuid4()}")
        self.client.max_queued_messages_set(0)
        self.client.connect("127.0.0.1", self.port)
        self.client.loop_start()

    def publish(self, topic: str, payload: bytes) -> mqtt.MQTTMessageInfo:
        return self.client.publish(topic, payload, qos=1)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def fuzzing(home: Path, machines: Mosquitto) -> Iterator[Chain]:
    """A chain whose edge also hears JSON of many signals and Sparkplug B."""
    with running_chain(home, machines, "mosquitto") as chain:
        chain.end("edge")
        with (home / "edge.toml").open("a") as file:
            file.write(JSON.format(port=machines.port) + SPARKPLUG.format(port=machines.port))
        chain.start("edge")
        for name in (b"many: up", b"sparks: up"):
            wait_until(lambda name=name: name in chain.log_file.read_bytes(), "the edge")
        yield chain


class Protocol:
    """What is fuzzed: fuzzed messages in rounds, each ended by a counted one.

    Attributes:
        rejected: How many of what was published must be refused.
        moments: When each round's fuzzed messages were out.
    """

    def __init__(self, chain: Chain, publisher: Publisher) -> None:
        self.chain = chain
        self.publisher = publisher
        self.mutations = Mutations(SEED)
        self.counted = 0
        self.rejected = 0
        self.waits_s: list[float] = []

    def run(self, count: int) -> None:
        for first in range(0, count, AT_ONCE):
            for number in range(first, min(first + AT_ONCE, count)):
                self.fuzz(number)
            self.counted += 1
            began = time.monotonic()
            self.say_counted(self.counted)
            wait_until(lambda: self.arrived() >= self.counted, f"counted {self.counted}", 120)
            self.waits_s.append(time.monotonic() - began)

    def fuzz(self, number: int) -> None:
        raise NotImplementedError

    def say_counted(self, number: int) -> None:
        raise NotImplementedError

    def arrived(self) -> int:
        """How many counted values the lake has, each once."""
        rows, distinct = self.rows()
        assert rows == distinct
        return distinct

    def rows(self) -> tuple[int, int]:
        [found] = self.chain.query(
            "select count(*), count(distinct value) from raw.telemetry"
            f" where signal = 'counted' and equipment = '{self.equipment}'"
        )
        return found[0], found[1]

    equipment = ""


class JsonMessages(Protocol):
    equipment = "assembly/line1/sound"

    def __init__(self, chain: Chain, publisher: Publisher) -> None:
        super().__init__(chain, publisher)
        options = {"kind": "mqtt", "host": "x", "port": 1, "topic": "fuzz/{equipment:3}/+"}
        self._reader = reader_of(
            MqttSource.model_validate({**options, **TIMES, "plain_text": True})
        )
        self._bombs = iter(bombs())

    def fuzz(self, number: int) -> None:
        topic = f"fuzz/assembly/line1/unsound{number % 20}/x"
        payload = next(self._bombs, None) or self.mutations.of_json(SOUND)
        try:
            self._reader.read(topic, payload, BORN_MS * 1_000)
        except PayloadError:
            self.rejected += 1
        self.publisher.publish(topic, payload)

    def say_counted(self, number: int) -> None:
        said = {"t": BORN_MS + number, "counted": number}
        self.publisher.publish(f"fuzz/{self.equipment}/x", json.dumps(said).encode())


class SparkplugMessages(Protocol):
    equipment = "plant1/sound"

    def __init__(self, chain: Chain, publisher: Publisher) -> None:
        super().__init__(chain, publisher)
        self._sound = sparkplug_messages()
        birth = node_birth([metric("counted", 0, "Int32", alias=1)])
        self.publisher.publish("spBv1.0/plant1/NBIRTH/sound", birth)

    def fuzz(self, number: int) -> None:
        kind, _, device = self.mutations.chance.choice(self._sound)
        payload = self.mutations.of_bytes([content for _, content, _ in self._sound])
        try:
            decode(payload)
        except UndecodableError:
            self.rejected += 1
        topic = f"spBv1.0/plant1/{kind}/unsound{number % 20}"
        self.publisher.publish("/".join(filter(None, [topic, device])), payload)

    def say_counted(self, number: int) -> None:
        said = data(
            [metric(value=number, datatype="Int32", alias=1)], number % 256, BORN_MS + number
        )
        self.publisher.publish("spBv1.0/plant1/NDATA/sound", said)


class WireMessages(Protocol):
    """Takt's own messages, straight to its broker; counted values come from the edge meanwhile."""

    equipment = "assembly/line1/wire"
    source = topics.Collector("demo", "unsound")

    def __init__(self, chain: Chain, publisher: Publisher) -> None:
        super().__init__(chain, Publisher(chain.settings.broker.port))
        self._machines = publisher
        self._epoch = str(uuid.UUID(int=SEED))
        self._bombs = iter(wire_messages.bombs())
        self._seen: set[tuple[str, bytes]] = set()
        self.batches = 0

    def fuzz(self, number: int) -> None:
        lost = topics.lost_topic(self.source, str(uuid.UUID(int=number + 1)), 1, 5)
        match number % 8:
            case 0:
                self._said(topics.health_topic(self.source), wire_messages.healths())
            case 1:
                self._said(lost, wire_messages.losses())
            case 2:
                ack = self.mutations.of_bytes(wire_messages.acks())
                edge = topics.Collector("demo", "collector1")
                self.publisher.publish(topics.ack_topic(edge), ack)
            case _:
                self.batches += 1
                sound = wire_messages.batches()
                payload = next(self._bombs, None) or self.mutations.of_bytes(sound)
                topic = topics.batch_topic(self.source, self._epoch, self.batches)
                self.publisher.publish(topic, payload)

    def _said(self, topic: str, sound: list[bytes]) -> None:
        payload = self.mutations.of_bytes(sound)
        intake = Intake()
        intake.add(Message(topic, payload))
        if intake.take(1, 1).refusals and (topic, payload) not in self._seen:
            self._seen.add((topic, payload))
            self.rejected += 1
        self.publisher.publish(topic, payload)

    def say_counted(self, number: int) -> None:
        said = {"t": BORN_MS + number, "counted": number}
        self._machines.publish(f"fuzz/{self.equipment}/x", json.dumps(said).encode())

    def settled(self) -> int:
        [(found,)] = self.chain.query(
            "select coalesce(sum(last_seq - first_seq + 1), 0)::bigint from raw.batch"
            f" where collector = 'unsound' and epoch = '{self._epoch}'"
        )
        return int(found)

    def quarantined(self, what: str) -> int:
        [(found,)] = self.chain.query(
            f"select count(distinct quarantine_id) from raw.quarantine where {what}"
            " and reason <> '' and detail <> ''"
        )
        return int(found)


def left_out(chain: Chain, source: str) -> int:
    """How many messages health says were not understood."""
    [(reason,)] = chain.query(
        f"select coalesce(sources::json->'{source}'->>'reason', '') from raw.health"
        " where collector = 'collector1' order by reported_at desc limit 1"
    )
    found, _, _ = str(reason).partition(" messages not understood")
    return int(found.rpartition(" ")[2]) if found != reason else 0


def memory(chain: Chain) -> dict[str, int]:
    names = ("edge", "ingest")
    return {name: psutil.Process(chain.child(name).process.pid).memory_info().rss for name in names}


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("count", [500, pytest.param(100_000, marks=pytest.mark.long)])
def test_fuzzed_messages_stop_nothing_and_take_no_counted_message_with_them(
    count: int, mosquitto: Mosquitto, tmp_path: Path, failure_report: FailureReport
) -> None:
    with fuzzing(tmp_path / "home", mosquitto) as chain:
        processes = {name: chain.child(name).process.pid for name in ("edge", "ingest")}
        publisher = Publisher(mosquitto.port)
        before = memory(chain)
        for sort, name in (
            (JsonMessages, "MQTT JSON"),
            (SparkplugMessages, "Sparkplug B"),
            (WireMessages, "Takt's own"),
        ):
            fuzzed = sort(chain, publisher)
            try:
                fuzzed.run(count)
                check_refusals(fuzzed)
            finally:
                rows, distinct = fuzzed.rows()
                failure_report.add(
                    Result(
                        f"fuzzed messages: {name}",
                        faults=count,
                        seed=SEED,
                        values=fuzzed.counted,
                        lost=fuzzed.counted - min(distinct, fuzzed.counted),
                        doubled=rows - distinct,
                        flowing_again_s=fuzzed.waits_s or [0.0],
                    )
                )
        after = memory(chain)
        assert {name: chain.child(name).process.pid for name in processes} == processes
        assert all(chain.child(name).process.poll() is None for name in processes)
        assert all(after[name] - before[name] < GROWTH_BYTES for name in before), (before, after)
        assert "Traceback" not in chain.log_file.read_text()
        publisher.close()


def check_refusals(fuzzed: Protocol) -> None:
    """Every refused message is counted or kept, with a reason."""
    match fuzzed:
        case WireMessages():
            fuzzed.publisher.close()
            wait_until(lambda: fuzzed.settled() == fuzzed.batches, "all batches to be settled", 120)
            of_batches = fuzzed.quarantined("collector = 'unsound'")
            refused = fuzzed.chain.query(
                "select coalesce(sum(last_seq - first_seq + 1), 0)::bigint from raw.batch"
                " where collector = 'unsound' and status = 'quarantined'"
            )[0][0]
            assert of_batches >= refused > 0
            others = "(contains(topic, 'unsound/lost/') or contains(topic, 'unsound/health'))"
            wait_until(lambda: fuzzed.quarantined(others) == fuzzed.rejected, "the quarantine", 60)
        case SparkplugMessages():
            wait_until(lambda: left_out(fuzzed.chain, "sparks") == fuzzed.rejected, "health", 60)
        case _:
            wait_until(lambda: left_out(fuzzed.chain, "many") == fuzzed.rejected, "health", 60)
    assert fuzzed.rejected > 0
