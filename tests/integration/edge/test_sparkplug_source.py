"""`takt edge` as a Sparkplug host application, heard over a real broker from a real edge node."""

import json
import queue
import random
import signal
import time
from collections.abc import Callable, Iterator

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge.sparkplug.sparkplug_b_pb2 import Payload
from tests.conftest import wait_until
from tests.integration.edge.conftest import AckingPeer, CollectorProcess
from tests.sparkplug_messages import data, metric, node_birth, node_death

CONFIGURATION = """
site = "demo"
collector = "collector1"
[sources.plant]
kind = "sparkplug"
host = "127.0.0.1"
port = {port}
role = "{role}"
reorder_timeout_s = 0.3
[sources.plant.equipment_of]
"Plant 1/Edge 1" = "assembly/line1"
"Plant 1/Edge 1/Press 01" = "assembly/line1/press01"
"""
PRESS = "assembly/line1/press01"
STATE = "spBv1.0/STATE/takt-demo-collector1"


class EdgeNode:
    """An edge node with one device whose metric `Level` (Int32) has an alias."""

    def __init__(self, port: int, bd_seq: int = 0) -> None:
        self.commands: queue.Queue[Payload] = queue.Queue()
        self._seq = 0
        self._bd_seq = bd_seq
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, f"node-{bd_seq}")
        self._client.will_set(self._topic("NDEATH"), node_death(bd_seq), qos=1)
        self._client.on_message = lambda _c, _d, m: self.commands.put(Payload.FromString(m.payload))
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(self._topic("NCMD"), qos=1)
        self._client.loop_start()

    def give_birth(self) -> None:
        self._seq = 0
        now = time.time_ns() // 1_000_000
        self._publish("NBIRTH", node_birth([], self._bd_seq, timestamp=now))
        level = metric("Level", 5, "Int32", alias=1)
        self.say("DBIRTH", level, metric("Serial", "007", "String", alias=2))

    def say(self, kind: str, *metrics: Payload.Metric, skip: int = 0) -> None:
        self._seq = (self._seq + 1 + skip) % 256
        now = time.time_ns() // 1_000_000
        self._publish(kind, data(metrics, self._seq, timestamp=now))

    def say_level(self, level: int, *, skip: int = 0) -> None:
        self.say("DDATA", metric(value=level, datatype="Int32", alias=1), skip=skip)

    def drop(self) -> None:
        """Vanish without a word: the broker publishes the will."""
        self._client.loop_stop()
        sock = self._client.socket()
        assert sock is not None
        sock.close()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _publish(self, kind: str, payload: bytes) -> None:
        device = "/Press 01" if kind[0] == "D" else ""
        self._client.publish(self._topic(kind) + device, payload).wait_for_publish(5)

    @staticmethod
    def _topic(kind: str) -> str:
        return f"spBv1.0/Plant 1/{kind}/Edge 1"


Start = Callable[[str], CollectorProcess]


@pytest.fixture
def start(mosquitto, tmp_path) -> Iterator[Start]:
    home = tmp_path / "home"
    home.mkdir()
    started: list[CollectorProcess] = []

    def begin(role: str) -> CollectorProcess:
        text = CONFIGURATION.format(port=mosquitto.port, role=role)
        process = CollectorProcess(home, mosquitto.port, text)
        process.start()
        started.append(process)
        wait_until(lambda: "plant: up: connected" in process.log.read_text(), "the source")
        return process

    yield begin
    for process in started:
        process.stop()


@pytest.fixture
def node(mosquitto) -> Iterator[EdgeNode]:
    node = EdgeNode(mosquitto.port)
    yield node
    node.close()


def levels(peer: AckingPeer) -> list[object]:
    return [row["value"] for row in peer.data() if row["signal"] == "Level"]


def links(peer: AckingPeer) -> list[tuple[object, str]]:
    return [
        (row["value"], str(row["text"]))
        for row in peer.events("$link")
        if row["equipment"] == PRESS
    ]


def test_births_and_data_by_alias_arrive_under_the_equipment_given(start, node, peer):
    start("passive")
    node.give_birth()
    node.say_level(-12)

    wait_until(lambda: levels(peer) == [5.0, -12.0], "birth and data")
    serial = next(row for row in peer.data() if row["signal"] == "Serial")
    assert (serial["equipment"], serial["text"], serial["value"]) == (PRESS, "007", None)
    assert links(peer) == [(1.0, "plant: connected")]
    assert node.commands.empty()


def test_aliases_are_known_after_a_kill_of_the_collector(start, node, peer):
    collector = start("passive")
    node.give_birth()
    wait_until(lambda: levels(peer) == [5.0], "the birth")
    collector.end(signal.SIGKILL)
    before = collector.log.stat().st_size
    collector.start()
    wait_until(lambda: b"up: connected" in collector.log.read_bytes()[before:], "the source")
    node.say_level(-13)

    wait_until(lambda: levels(peer) == [5.0, -13.0], "data by alias")
    wait_until(lambda: links(peer)[-1] == (1.0, "plant: connected"), "the link")
    assert (0.0, "plant: not heard since we connected") in links(peer)


def test_a_gap_asks_for_a_rebirth_and_loses_nothing_of_what_came(start, node, peer):
    start("active")
    node.give_birth()
    node.say_level(6)
    node.say_level(7, skip=1)

    command = node.commands.get(timeout=10)
    [rebirth] = command.metrics
    assert (rebirth.name, rebirth.boolean_value) == ("Node Control/Rebirth", True)
    node.give_birth()
    node.say_level(8)
    wait_until(lambda: levels(peer) == [5.0, 6.0, 7.0, 5.0, 8.0], "all that was published")


def test_data_without_a_birth_is_no_sample_but_asks_for_one(start, node, peer):
    start("active")
    node.say_level(6)
    node.commands.get(timeout=10)
    node.give_birth()

    wait_until(lambda: levels(peer) == [5.0], "the birth")


def test_a_will_takes_the_link_of_node_and_device_down(start, mosquitto, peer):
    start("passive")
    first = EdgeNode(mosquitto.port)
    first.give_birth()
    wait_until(lambda: levels(peer) == [5.0], "the birth")
    first.drop()

    down = (0.0, "plant: the edge node has died")
    wait_until(lambda: links(peer)[-1] == down, "the link to go down")
    again = EdgeNode(mosquitto.port, bd_seq=1)
    again.give_birth()
    wait_until(lambda: links(peer)[-1] == (1.0, "plant: connected"), "the link to come back")
    again.close()


def test_a_primary_host_says_its_state_and_its_will(start, mosquitto, peer):
    states: queue.Queue[dict[str, object]] = queue.Queue()
    watcher = mqtt.Client(CallbackAPIVersion.VERSION2, "watcher")
    watcher.on_message = lambda _c, _d, m: states.put(json.loads(m.payload))
    watcher.connect("127.0.0.1", mosquitto.port)
    watcher.subscribe(STATE, qos=1)
    watcher.loop_start()
    try:
        collector = start("primary")
        online = states.get(timeout=10)
        assert online["online"] is True
        collector.end(signal.SIGKILL)
        assert states.get(timeout=10) == {"online": False, "timestamp": online["timestamp"]}
        collector.start()
        assert states.get(timeout=10)["online"] is True
        collector.end(signal.SIGTERM)
        assert states.get(timeout=10)["online"] is False
    finally:
        watcher.disconnect()
        watcher.loop_stop()


def test_rubbish_is_counted_and_the_rest_goes_on(start, node, mosquitto, peer):
    start("passive")
    node.give_birth()
    noise = random.Random(3)
    for size in range(20):
        mosquitto.publish("spBv1.0/Plant 1/NDATA/Edge 1", b"\xff" + noise.randbytes(size))
    node.say_level(6)

    wait_until(lambda: levels(peer) == [5.0, 6.0], "what is sound")
    wait_until(
        lambda: "20 messages not understood" in peer.healths[-1].sources["plant"].reason,
        "the count in health",
    )


def test_a_collector_that_stops_reports_how_nodes_conform(start, node, peer):
    collector = start("passive")
    node.give_birth()
    node.say_level(6)
    node.say_level(7, skip=1)
    wait_until(lambda: levels(peer) == [5.0, 6.0, 7.0], "the data")
    collector.end(signal.SIGTERM)
    collector.start()

    wait_until(lambda: peer.events("$conformance"), "the report")
    [event] = peer.events("$conformance")
    said = json.loads(str(event["text"]))
    assert (event["equipment"], event["value"]) == ("assembly/line1", 1.0 + 1.0)
    assert (said["node"], said["gaps"], said["missing_messages"]) == ("Edge 1", 1, 1)
    assert abs(said["clock_offset_s"]) < 5
