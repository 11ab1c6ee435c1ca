"""Fuzzed messages of each protocol, in rounds between counted ones, for a chain that runs.

Belongs here: what is published, and what must become of it. How messages are made unsound is
`tests.mutations`.
"""

import json
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import paho.mqtt.client as mqtt

from edge.configuration import MqttSource
from edge.mqtt_message import reader_of
from edge.payload import PayloadError
from edge.sparkplug.reading import UndecodableError, decode
from ingestion.inbox import Message
from ingestion.intake import Intake
from takt import topics
from takt.messages import Health
from tests import wire_messages
from tests.conftest import wait_until
from tests.e2e.chain import Chain
from tests.mutations import Mutations, bombs
from tests.sparkplug_messages import data, metric, node_birth
from tests.unit.edge.sparkplug.test_fuzz import messages as sparkplug_messages
from tests.unit.edge.test_fuzz_mqtt import SOUND

SEED = 23
AT_ONCE = 2_500
"""Fuzzed messages between two counted ones; a broker's queue must hold them."""
EDGE = topics.Collector("demo", "collector1")
BORN_MS = 1_700_000_000_000
SOURCES = """
[sources.many]
kind = "mqtt"
host = "127.0.0.1"
port = {port}
topic = "fuzz/{{equipment:3}}/+"
timestamp = "t"
timestamp_unit = "ms"
signals = ""

[sources.sparks]
kind = "sparkplug"
host = "127.0.0.1"
port = {port}
"""
_MANY = {
    "kind": "mqtt", "host": "127.0.0.1", "port": 1, "topic": "fuzz/{equipment:3}/+",
    "timestamp": "t", "timestamp_unit": "ms", "signals": "",
}  # fmt: skip


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


class Reported(Publisher):
    """What the edge says of itself on Takt's broker."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._last = Health.model_validate_json(wire_messages.healths()[1])
        self.client.on_message = self._hear
        self.client.subscribe(topics.health_topic(EDGE), qos=1)

    def _hear(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        self._last = Health.model_validate_json(message.payload)

    def left_out(self, source: str) -> int:
        """How many messages of a source were not understood."""
        health = self._last.sources.get(source)
        found = re.search(r"(\d+) messages not understood", health.reason if health else "")
        return int(found[1]) if found else 0


class Protocol:
    """What is fuzzed: fuzzed messages in rounds, each ended by a counted one.

    Args:
        chain: Hears them.
        machines: Publishes to the machines' broker.

    Attributes:
        equipment: Whose signal `counted` counts 1, 2, 3, …
        counted: How far it has come.
        rejected: How many different messages must be refused.
        waits_s: From each round's last fuzzed message until the lake had its counted one.
    """

    equipment = ""

    def __init__(self, chain: Chain, machines: Publisher) -> None:
        self.chain = chain
        self.publisher = machines
        self.mutations = Mutations(SEED)
        self.counted = 0
        self.rejected = 0
        self.waits_s: list[float] = []

    def run(self, count: int, progress: Callable[[int], None]) -> None:
        """Publish `count` fuzzed messages."""
        for first in range(0, count, AT_ONCE):
            progress(first)
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

    def refusals_are_kept(self, reported: Reported) -> bool:
        """Whether every message that must be refused is counted or quarantined by now."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing more is published."""

    def arrived(self) -> int:
        """How many counted values the lake has, each once."""
        rows, distinct = self.rows()
        assert rows == distinct
        return distinct

    def rows(self) -> tuple[int, int]:
        """Counted values in the lake, and different ones among them."""
        [found] = self.chain.query(
            "select count(*), count(distinct value) from raw.telemetry"
            f" where signal = 'counted' and value > 0 and equipment = '{self.equipment}'"
        )
        return found[0], found[1]


class JsonMessages(Protocol):
    equipment = "assembly/line1/sound"

    def __init__(self, chain: Chain, machines: Publisher) -> None:
        super().__init__(chain, machines)
        self._reader = reader_of(MqttSource.model_validate(_MANY))
        self._bombs = bombs()

    def fuzz(self, number: int) -> None:
        topic = f"fuzz/assembly/line1/unsound{number % 20}/x"
        payload = next(self._bombs, None) or self.mutations.of_json(SOUND)
        try:
            self._reader.read(topic, payload, BORN_MS * 1_000)
        except PayloadError:
            self.rejected += 1
        self.publisher.publish(topic, payload)

    def say_counted(self, number: int) -> None:
        self.publisher.publish(f"fuzz/{self.equipment}/x", counted_json(number))

    def refusals_are_kept(self, reported: Reported) -> bool:
        return reported.left_out("many") == self.rejected


class SparkplugMessages(Protocol):
    equipment = "plant1/sound"

    def __init__(self, chain: Chain, machines: Publisher) -> None:
        super().__init__(chain, machines)
        self._sound = sparkplug_messages()
        self._contents = [content for _, content, _ in self._sound]
        birth = node_birth([metric("counted", 0, "Int32", alias=1)])
        self.publisher.publish("spBv1.0/plant1/NBIRTH/sound", birth)

    def fuzz(self, number: int) -> None:
        kind, _, device = self.mutations.chance.choice(self._sound)
        payload = self.mutations.of_bytes(self._contents)
        try:
            decode(payload)
        except UndecodableError:
            self.rejected += 1
        levels = ["spBv1.0/plant1", kind, f"unsound{number % 20}", *filter(None, [device])]
        self.publisher.publish("/".join(levels), payload)

    def say_counted(self, number: int) -> None:
        value = metric(value=number, datatype="Int32", alias=1)
        payload = data([value], number % 256, BORN_MS + number)
        self.publisher.publish("spBv1.0/plant1/NDATA/sound", payload)

    def refusals_are_kept(self, reported: Reported) -> bool:
        return reported.left_out("sparks") == self.rejected


class WireMessages(Protocol):
    """Takt's own messages, straight to its broker; counted values come from the edge meanwhile."""

    equipment = "assembly/line1/wire"

    def __init__(self, chain: Chain, machines: Publisher) -> None:
        super().__init__(chain, Publisher(chain.settings.broker.port))
        self._machines = machines
        self._source = topics.Collector("demo", "unsound")
        self._epoch = str(uuid.UUID(int=SEED))
        self._bombs = wire_messages.bombs()
        self._sound = wire_messages.batches()
        self._seen: set[tuple[str, bytes]] = set()
        self._batches = 0

    def fuzz(self, number: int) -> None:
        match number % 8:
            case 0:
                self._say(topics.health_topic(self._source), wire_messages.healths())
            case 1:
                epoch = str(uuid.UUID(int=number))
                self._say(topics.lost_topic(self._source, epoch, 1, 5), wire_messages.losses())
            case 2:
                ack = self.mutations.of_bytes(wire_messages.acks())
                self.publisher.publish(topics.ack_topic(EDGE), ack)
            case _:
                self._batches += 1
                payload = next(self._bombs, None) or self.mutations.of_bytes(self._sound)
                topic = topics.batch_topic(self._source, self._epoch, self._batches)
                self.publisher.publish(topic, payload)

    def _say(self, topic: str, sound: list[bytes]) -> None:
        payload = self.mutations.of_bytes(sound)
        intake = Intake()
        intake.add(Message(topic, payload))
        if intake.take(1, 10**9).refusals and (topic, payload) not in self._seen:
            self._seen.add((topic, payload))
            self.rejected += 1
        self.publisher.publish(topic, payload)

    def say_counted(self, number: int) -> None:
        self._machines.publish(f"fuzz/{self.equipment}/x", counted_json(number))

    def refusals_are_kept(self, reported: Reported) -> bool:
        settled, refused = self.chain.query(
            "select coalesce(sum(batches), 0)::bigint,"
            " coalesce(sum(batches) filter (where status = 'quarantined'), 0)::bigint"
            " from (select *, last_seq - first_seq + 1 as batches from raw.batch)"
            f" where collector = 'unsound' and epoch = '{self._epoch}'"
        )[0]
        kept = self._quarantined(f"epoch = '{self._epoch}'")
        others = self._quarantined("topic like '%/unsound/lost/%' or topic like '%/unsound/health'")
        return settled == self._batches and kept >= refused > 0 and others == self.rejected

    def _quarantined(self, which: str) -> int:
        [(found,)] = self.chain.query(
            f"select count(distinct quarantine_id) from raw.quarantine where ({which})"
            " and reason <> '' and detail <> ''"
        )
        return int(found)

    def close(self) -> None:
        self.publisher.close()


def counted_json(number: int) -> bytes:
    """The next message of a machine that counts."""
    return json.dumps({"t": BORN_MS + number, "counted": number}).encode()
