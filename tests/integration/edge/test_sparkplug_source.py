"""`takt edge` as a Sparkplug host application, heard over a real broker from a real edge node."""

import asyncio
import json
import logging
import queue
import random
import signal
import time
from collections.abc import Callable, Iterator

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge.clock import Clock
from edge.configuration import SparkplugSource
from edge.link import Link
from edge.sparkplug.birth_cache import BirthCache
from edge.sparkplug.source import HostNames, SparkplugCollector
from edge.sparkplug.sparkplug_b_pb2 import Payload
from edge.spool import Delivery, SpoolFullError
from tests.conftest import Mosquitto, wait_until
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
"Plant 1/Edge 1/Press" = "assembly/line1/press01"
"""


class EdgeNode:
    """An edge node with one device, `Press`, whose metric `Level` (Int32) has an alias."""

    def __init__(self, port: int, name: str, bd_seq: int = 0) -> None:
        self.commands: queue.Queue[Payload] = queue.Queue()
        self._group, self._node = name.split("/")
        self._seq = 0
        self._bd_seq = bd_seq
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, f"{self._node}-{bd_seq}")
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
        device = "/Press" if kind[0] == "D" else ""
        self._client.publish(self._topic(kind) + device, payload).wait_for_publish(5)

    def _topic(self, kind: str) -> str:
        return f"spBv1.0/{self._group}/{kind}/{self._node}"


def is_connected(collector: CollectorProcess, before: int = 0) -> bool:
    return b"plant: up: connected" in collector.log.read_bytes()[before:]


@pytest.fixture(scope="module")
def active(tmp_path_factory) -> Iterator[tuple[Mosquitto, AckingPeer]]:
    """One collector for many edge nodes: each test has one of its own."""
    home = tmp_path_factory.mktemp("home")
    broker = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    broker.start()
    collector = CollectorProcess(
        home, broker.port, CONFIGURATION.format(port=broker.port, role="active")
    )
    collector.start()
    wait_until(lambda: is_connected(collector), "the source")
    peer = AckingPeer(broker.port)
    yield broker, peer
    peer.close()
    collector.stop()
    broker.kill()


@pytest.fixture
def broker(active) -> Mosquitto:
    return active[0]


@pytest.fixture
def host(active) -> AckingPeer:
    return active[1]


@pytest.fixture
def node(broker, request) -> Iterator[EdgeNode]:
    """An edge node of the test's own name."""
    node = EdgeNode(broker.port, f"plant1/{request.node.name}")
    yield node
    node.close()


@pytest.fixture
def press(request) -> str:
    return f"plant1/{request.node.name}/Press"


def said(peer: AckingPeer, equipment: str, signal: str) -> list[tuple[object, object]]:
    return [
        (row["value"], row["text"])
        for row in peer.rows()
        if (row["equipment"], row["signal"]) == (equipment, signal)
    ]


def levels(peer: AckingPeer, equipment: str) -> list[object]:
    return [value for value, _ in said(peer, equipment, "Level")]


def test_births_and_data_by_alias_arrive_under_the_equipment_given(broker, host):
    node, press = EdgeNode(broker.port, "Plant 1/Edge 1"), "assembly/line1/press01"
    node.give_birth()
    node.say_level(-12)

    wait_until(lambda: levels(host, press) == [5.0, -12.0], "birth and data")
    assert said(host, press, "Serial") == [(None, "007")]
    assert said(host, press, "$link") == [(1.0, "plant: connected")]
    assert node.commands.empty()
    node.close()


def test_a_gap_asks_for_a_rebirth_and_loses_nothing_of_what_came(node, press, host):
    node.give_birth()
    node.say_level(6)
    node.say_level(7, skip=1)

    [rebirth] = node.commands.get(timeout=10).metrics
    assert (rebirth.name, rebirth.boolean_value) == ("Node Control/Rebirth", True)
    node.give_birth()
    node.say_level(8)
    wait_until(lambda: levels(host, press) == [5.0, 6.0, 7.0, 5.0, 8.0], "all that was said")


def test_data_without_a_birth_is_no_sample_but_asks_for_one(node, press, host):
    node.say_level(6)
    node.commands.get(timeout=10)
    node.give_birth()

    wait_until(lambda: levels(host, press) == [5.0], "the birth")


def test_a_will_takes_the_link_of_the_device_down_until_it_is_born_again(broker, press, host):
    name = press.removesuffix("/Press")
    first = EdgeNode(broker.port, name)
    first.give_birth()
    wait_until(lambda: levels(host, press) == [5.0], "the birth")
    first.drop()

    up, down = (1.0, "plant: connected"), (0.0, "plant: the edge node has died")
    wait_until(lambda: said(host, press, "$link") == [up, down], "the link to go down")
    again = EdgeNode(broker.port, name, bd_seq=1)
    again.give_birth()
    wait_until(lambda: said(host, press, "$link") == [up, down, up], "the link to come back")
    again.close()


def test_rubbish_is_counted_and_the_rest_goes_on(node, press, broker, host):
    node.give_birth()
    noise = random.Random(3)
    topic = f"spBv1.0/{press.replace('/', '/NDATA/', 1).removesuffix('/Press')}"
    for size in range(20):
        broker.publish(topic, b"\xff" + noise.randbytes(size))
    node.say_level(6)

    wait_until(lambda: levels(host, press) == [5.0, 6.0], "what is sound")
    wait_until(
        lambda: "20 messages not understood" in host.healths[-1].sources["plant"].reason,
        "the count in health",
    )


async def test_a_spool_that_takes_nothing_stops_the_reading_and_loses_nothing(
    mosquitto, tmp_path, monkeypatch
):
    monkeypatch.setattr("edge.sparkplug.source.MAX_WAITING", 5)
    room, values, clock = asyncio.Event(), [], Clock()

    async def put(delivery: Delivery) -> None:
        if any(sample.signal == "Level" for sample in delivery.samples):
            await room.wait()
            values.extend(s.value for s in delivery.samples if s.signal == "Level")

    async def learned(_source: str, _equipment: str) -> None:
        return

    collector, link = collector_of(mosquitto, tmp_path, clock, put, learned)
    task = asyncio.create_task(collector.run())
    await until(lambda: link.health.link == "up", "the connection")
    node = EdgeNode(mosquitto.port, "plant1/edge1")
    node.give_birth()
    await until(lambda: link.serves("plant1/edge1/Press"), "the birth")
    for level in range(6, 106):
        await asyncio.to_thread(node.say_level, level)
    await until(lambda: len(collector._taken) == 5, "the reading to stop")
    room.set()

    await until(lambda: len(values) == 101, "all that was said")
    assert values == [float(level) for level in range(5, 106)]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    node.close()


async def until(condition: Callable[[], object], what: str) -> None:
    """As `wait_until`, while other tasks have their turn."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"waited for {what}"
        await asyncio.sleep(0.01)


def test_a_primary_host_says_its_state_and_knows_aliases_after_a_kill(mosquitto, peer, tmp_path):
    states: queue.Queue[dict[str, object]] = queue.Queue()
    watcher = mqtt.Client(CallbackAPIVersion.VERSION2, "watcher")
    watcher.on_message = lambda _c, _d, m: states.put(json.loads(m.payload))
    watcher.connect("127.0.0.1", mosquitto.port)
    watcher.subscribe("spBv1.0/STATE/takt-demo-collector1", qos=1)
    watcher.loop_start()
    node, press = EdgeNode(mosquitto.port, "plant1/edge1"), "plant1/edge1/Press"
    (tmp_path / "home").mkdir()
    text = CONFIGURATION.format(port=mosquitto.port, role="primary")
    collector = CollectorProcess(tmp_path / "home", mosquitto.port, text)
    try:
        collector.start()
        online = states.get(timeout=10)
        assert online["online"] is True
        node.give_birth()
        wait_until(lambda: levels(peer, press) == [5.0], "the birth")
        collector.end(signal.SIGKILL)
        assert states.get(timeout=10) == {"online": False, "timestamp": online["timestamp"]}

        collector.start()
        assert states.get(timeout=10)["online"] is True
        node.say_level(-13)
        node.say_level(-14, skip=1)
        wait_until(lambda: levels(peer, press) == [5.0, -13.0, -14.0], "data by alias")
        wait_until(lambda: said(peer, press, "$link")[-1][0] == 1.0, "the link")
        assert (0.0, "plant: not heard since we connected") in said(peer, press, "$link")
        wait_until(lambda: not node.commands.empty(), "the births to be asked for")

        collector.end(signal.SIGTERM)
        assert states.get(timeout=10)["online"] is False
        collector.start()
        wait_until(lambda: said(peer, "plant1/edge1", "$conformance"), "the report")
        [(faults, report)] = said(peer, "plant1/edge1", "$conformance")
        assert (faults, json.loads(str(report))["missing_messages"]) == (2.0, 1)
    finally:
        collector.stop()
        node.close()
        watcher.disconnect()
        watcher.loop_stop()


def collector_of(
    broker, folder, clock, put, learned, *, role="passive"
) -> tuple[SparkplugCollector, Link]:
    link = Link("plant", (), expected_interval_s=60, clock=clock, put=put, changed=lambda: None)
    collector = SparkplugCollector(
        "plant",
        SparkplugSource(kind="sparkplug", host="127.0.0.1", port=broker.port, role=role),
        HostNames("test", "test"),
        births=BirthCache(folder / "plant.db"),
        link=link,
        clock=clock,
        put=put,
        learned=learned,
    )
    return collector, link


@pytest.mark.parametrize("end", ["lost connection", "stop"])
async def test_what_was_taken_at_the_end_is_handed_over(mosquitto, tmp_path, monkeypatch, end):
    monkeypatch.setattr("edge.sparkplug.source._AT_ONCE", 1)
    room, values = asyncio.Event(), []

    async def put(delivery: Delivery) -> None:
        if any(sample.signal == "Level" for sample in delivery.samples):
            await room.wait()
            values.extend(s.value for s in delivery.samples if s.signal == "Level")

    async def learned(_source: str, _equipment: str) -> None:
        return

    collector, link = collector_of(mosquitto, tmp_path, Clock(), put, learned)
    task = asyncio.create_task(collector.run())
    await until(lambda: link.health.link == "up", "the connection")
    node = EdgeNode(mosquitto.port, "plant1/edge1")
    node.give_birth()
    await until(lambda: link.serves("plant1/edge1/Press"), "the birth")
    for level in range(6, 26):
        await asyncio.to_thread(node.say_level, level)
    await until(lambda: len(collector._taken) == 20, "all to be taken")
    connection = collector._connection
    assert connection is not None
    if end == "stop":
        task.cancel()
        asyncio.get_running_loop().call_soon(room.set)
    else:
        mosquitto.kill()
        await until(lambda: connection.is_lost, "the loss")
        room.set()
        await until(lambda: link.health.link == "down", "the source to notice")
        task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert values == [float(level) for level in range(5, 26)]
    node.close()


async def test_a_stop_does_not_wait_for_a_spool_that_takes_no_report(
    mosquitto, tmp_path, monkeypatch
):
    monkeypatch.setattr("edge.sparkplug.source._FINISH_S", 0.1)
    is_full, values = asyncio.Event(), []

    async def put(delivery: Delivery) -> None:
        if is_full.is_set():
            await asyncio.Event().wait()
        values.extend(s.value for s in delivery.samples if s.signal == "Level")

    async def learned(_source: str, _equipment: str) -> None:
        return

    collector, link = collector_of(mosquitto, tmp_path, Clock(), put, learned)
    task = asyncio.create_task(collector.run())
    await until(lambda: link.health.link == "up", "the connection")
    node = EdgeNode(mosquitto.port, "plant1/edge1")
    node.give_birth()
    await asyncio.to_thread(node.say_level, 7, skip=1)
    await until(lambda: 7.0 in values, "a message after a gap")
    is_full.set()
    task.cancel()

    _, late = await asyncio.wait([task], timeout=10)
    assert not late
    node.close()


async def test_a_disk_that_refuses_new_equipment_loses_no_message(mosquitto, tmp_path, monkeypatch):
    monkeypatch.setattr("edge.learning.RETRY_S", 0.05)
    values, refusals = [], iter(range(3))

    async def put(delivery: Delivery) -> None:
        values.extend(s.value for s in delivery.samples if s.signal == "Level")

    async def learned(_source: str, _equipment: str) -> None:
        if next(refusals, None) is not None:
            raise SpoolFullError("the disk is full")

    collector, link = collector_of(mosquitto, tmp_path, Clock(), put, learned)
    task = asyncio.create_task(collector.run())
    await until(lambda: link.health.link == "up", "the connection")
    node = EdgeNode(mosquitto.port, "plant1/edge1")
    node.give_birth()
    await asyncio.to_thread(node.say_level, 6)

    await until(lambda: link.serves("plant1/edge1/Press") and 6.0 in values, "the data")
    assert values == [5.0, 6.0]
    assert next(refusals, None) is None
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    node.close()


async def test_devices_beyond_the_limit_are_left_out_with_a_remark(
    mosquitto, tmp_path, monkeypatch
):
    monkeypatch.setattr("edge.link.MAX_EQUIPMENT", 1)
    values = []

    async def put(delivery: Delivery) -> None:
        values.extend(s.value for s in delivery.samples if s.signal == "Level")

    async def learned(_source: str, _equipment: str) -> None:
        return

    collector, link = collector_of(mosquitto, tmp_path, Clock(), put, learned)
    task = asyncio.create_task(collector.run())
    await until(lambda: link.health.link == "up", "the connection")
    node = EdgeNode(mosquitto.port, "plant1/edge1")
    node.give_birth()
    await until(lambda: "2 samples of more than" in link.health.reason, "the remark")

    assert (values, link.equipment) == ([], ("plant1/edge1",))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    node.close()


@pytest.mark.parametrize(
    ("place", "payload"),
    [
        ("STATE/test", "ONLINE"),
        ("spBv1.0/STATE/test", '{"online": true, "timestamp": 1700000000000}'),
    ],
)
async def test_another_host_of_the_same_id_is_named_once(
    mosquitto, tmp_path, caplog, place, payload
):
    async def put(delivery) -> None: ...

    async def learned(source: str, equipment: str) -> None: ...

    collector, link = collector_of(mosquitto, tmp_path, Clock(), put, learned, role="primary")
    with caplog.at_level(logging.WARNING, logger="edge"):
        task = asyncio.create_task(collector.run())
        await until(lambda: link.health.link == "up", "the connection")
        for _ in range(2):
            await asyncio.to_thread(mosquitto.publish, place, payload)
        await asyncio.to_thread(mosquitto.publish, "spBv1.0/plant1/NDEATH/edge1", b"no payload")
        await until(lambda: "no Sparkplug" in caplog.text, "what was said after it")
        task.cancel()
        await asyncio.wait([task])

    [line] = [line for line in caplog.messages if "another host application" in line]
    assert place in line
