"""An MQTT source in this process, where a spool can be made to refuse."""

import asyncio
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edge.clock import Clock
from edge.configuration import MqttSource
from edge.link import Link
from edge.mqtt_source import MqttCollector
from edge.spool import Delivery, SpoolFullError
from takt.backoff import Backoff
from tests.conftest import Mosquitto
from tests.integration.edge.proxy import Proxy
from tests.tls_broker import certificate

WAIT_S = 20
TOPIC = "plant/assembly/line2/pack01/Count"


class TlsMosquitto(Mosquitto):
    """Mosquitto that speaks TLS only."""

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca"

    def settings(self) -> str:
        ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        pem = serialization.Encoding.PEM
        self.ca_file.write_bytes(certificate("plant", ca_key, "plant", ca_key).public_bytes(pem))
        signed = certificate("broker", key, "plant", ca_key)
        (self.folder / "certificate").write_bytes(signed.public_bytes(pem))
        (self.folder / "key").write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        return f"certfile {self.folder}/certificate\nkeyfile {self.folder}/key\n"


class Refusing:
    """Takes deliveries, but refuses the first equipment it is told of a few times."""

    def __init__(self, times: int) -> None:
        self.refusals_left = times
        self.values: list[float | None] = []
        self.arrived = asyncio.Event()

    async def learned(self, _source: str, _equipment: str) -> None:
        if self.refusals_left:
            self.refusals_left -= 1
            raise SpoolFullError("the spool's disk says no")

    async def put(self, delivery: Delivery) -> None:
        self.values += [s.value for s in delivery.samples if not s.signal.startswith("$")]
        if delivery.accepted is not None:
            delivery.accepted()
        if self.values:
            self.arrived.set()


class Gate:
    """Takes deliveries when it is open."""

    def __init__(self) -> None:
        self.is_open = asyncio.Event()
        self.values: list[float | None] = []

    async def learned(self, _source: str, _equipment: str) -> None:
        await self.is_open.wait()

    async def put(self, delivery: Delivery) -> None:
        self.values += [s.value for s in delivery.samples if not s.signal.startswith("$")]
        if delivery.accepted is not None:
            delivery.accepted()


class FullSpool:
    """Keeps what it is given unaccepted until `accept`; without `room` it takes nothing."""

    def __init__(self) -> None:
        self.held: list[Delivery] = []
        self.room = asyncio.Event()
        self.room.set()

    async def learned(self, _source: str, _equipment: str) -> None:
        return

    async def put(self, delivery: Delivery) -> None:
        if delivery.accepted is not None:
            await self.room.wait()
            self.held.append(delivery)

    @property
    def values(self) -> list[float | None]:
        return [sample.value for delivery in self.held for sample in delivery.samples]

    def accept(self) -> None:
        for delivery in self.held:
            assert delivery.accepted is not None
            delivery.accepted()


@asynccontextmanager
async def collecting(spool: Gate | Refusing | FullSpool, port: int, **options):
    """An MQTT source that is connected to the broker at `port`."""
    clock = Clock()
    link = Link(
        "line2", (), expected_interval_s=60, clock=clock, put=spool.put, changed=lambda: None
    )
    source = MqttSource(
        kind="mqtt",
        host="127.0.0.1",
        port=port,
        topic="plant/{equipment:3}/{signal}",
        timestamp="t",
        timestamp_unit="s",
        **options,
    )
    collector = MqttCollector(
        "line2", source, "test", link=link, clock=clock, put=spool.put, learned=spool.learned
    )
    task = asyncio.create_task(collector.run())
    await until(lambda: link.health.link == "up", "the connection")
    yield collector
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, f"waited for {what}"
        await asyncio.sleep(0.01)


def publish_many(
    port: int, count: int, qos: int, ca_file: Path | None = None, *, size: int = 0
) -> None:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "machine")
    client.max_queued_messages_set(0)
    if ca_file is not None:
        client.tls_set(str(ca_file))
    client.connect("127.0.0.1", port)
    client.loop_start()
    for number in range(count):
        message = f'{{"value": {number}, "t": {number + 1}}}'.ljust(size)
        last = client.publish(TOPIC, message, qos=qos)
    last.wait_for_publish(WAIT_S)
    client.disconnect()
    client.loop_stop()


async def test_a_source_whose_samples_are_not_accepted_stops_reading_and_goes_on(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.mqtt_source.MAX_WAITING", 100)
    gate = Gate()
    async with collecting(gate, mosquitto.port) as collector:
        await asyncio.to_thread(publish_many, mosquitto.port, 3_000, 0)
        await until(lambda: collector._unaccepted + collector._burst.messages >= 100, "a pause")
        assert collector._unaccepted + collector._burst.messages < 1_000

        gate.is_open.set()
        await until(lambda: len(gate.values) == 3_000, "all messages")

    assert gate.values == list(range(3_000))


async def test_all_that_comes_over_tls_is_read(tmp_path: Path) -> None:
    gate, broker = Gate(), TlsMosquitto(tmp_path)
    gate.is_open.set()
    broker.start()
    try:
        async with collecting(gate, broker.port, ca_file=broker.ca_file):
            await asyncio.to_thread(publish_many, broker.port, 3_000, 1, broker.ca_file)
            await until(lambda: len(gate.values) == 3_000, "all messages")
    finally:
        broker.kill()

    assert gate.values == list(range(3_000))


async def test_a_disk_that_refuses_new_equipment_loses_no_message_of_any_qos(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.learning.RETRY_S", 0.05)
    spool = Refusing(times=3)
    async with collecting(spool, mosquitto.port) as collector:
        connection = collector._connection
        await asyncio.to_thread(publish_many, mosquitto.port, 100, 0)
        await until(lambda: len(spool.values) == 100, "all messages")
        assert collector._connection is connection

    assert spool.values == list(range(100))
    assert spool.refusals_left == 0


def take_over(port: int) -> None:
    """End the source's connection as the broker does when its client id comes again."""
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, "test", clean_session=False, manual_ack=True
    )
    client.connect("127.0.0.1", port)
    client.loop_start()
    deadline = time.monotonic() + WAIT_S
    while not client.is_connected():
        assert time.monotonic() < deadline
    client.disconnect()
    client.loop_stop()


async def test_a_lost_connection_is_replaced_only_after_all_it_gave_is_accepted(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("takt.backoff.Backoff.next_delay_s", lambda _self: 0.05)
    spool = FullSpool()
    async with collecting(spool, mosquitto.port) as collector:
        await asyncio.to_thread(publish_many, mosquitto.port, 10, 1)
        await until(lambda: len(spool.values) == 10, "all messages")
        await asyncio.to_thread(take_over, mosquitto.port)
        link = collector._link
        await until(lambda: link.health.link == "down", "the loss")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await until(lambda: link.health.link == "up", "a connection too early")
        assert len(spool.values) == 10

        spool.accept()
        spool.held.clear()
        await until(lambda: link.health.link == "up", "the connection")
        await until(lambda: len(spool.values) == 10, "what was never acknowledged")
        spool.accept()


async def test_what_waits_on_a_slow_line_is_taken_once_before_the_subscription_is_answered(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.broker._CONNECT_TIMEOUT_S", 0.3)
    gate, proxy = Gate(), Proxy(mosquitto.port)
    gate.is_open.set()
    await proxy.open()
    async with collecting(gate, proxy.port):
        pass
    await asyncio.to_thread(publish_many, mosquitto.port, 20, 1, size=100_000)
    proxy.delay_s = 0.05

    async with collecting(gate, proxy.port) as collector:
        connection = collector._connection
        await until(lambda: len(gate.values) >= 20, "all messages")
        assert collector._connection is connection
    assert gate.values == list(range(20))
    await proxy.cut()


async def test_a_source_that_waits_for_the_spool_keeps_its_connection(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.mqtt_source.MAX_WAITING", 5)
    monkeypatch.setattr("edge.broker._KEEPALIVE_S", 1)
    monkeypatch.setattr("edge.paho_loop._MISC_S", 0.1)
    spool = FullSpool()
    async with collecting(spool, mosquitto.port) as collector:
        changes: list[None] = []
        collector._link._changed = lambda: changes.append(None)
        await asyncio.to_thread(publish_many, mosquitto.port, 100, 1)
        await until(lambda: collector._unaccepted == 5, "a pause")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3.0):
                await until(lambda: changes, "a loss after two keepalives")

        while len(spool.values) < 100:
            before = len(spool.held)
            for delivery in spool.held[:]:
                if delivery.accepted is not None:
                    delivery.accepted()
            spool.held[:] = [d._replace(accepted=None) for d in spool.held]
            await until(lambda before=before: len(spool.held) > before, "more")
    assert spool.values == list(range(100))
    assert not changes


async def test_a_source_stops_reading_while_another_fills_the_queue(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.mqtt_source.MAX_WAITING", 100)
    spool = FullSpool()
    spool.room.clear()
    async with collecting(spool, mosquitto.port) as collector:
        await asyncio.to_thread(mosquitto.publish, TOPIC, '{"value": -1, "t": 1}')
        await until(lambda: collector._unaccepted, "a wait for the queue")
        await asyncio.to_thread(publish_many, mosquitto.port, 500, 0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await until(lambda: collector._burst.messages > 100, "too much")
        assert collector._unaccepted + collector._burst.messages == 100
        spool.room.set()
        await until(lambda: spool.values, "the first")
        spool.accept()


async def test_a_changing_id_in_topics_is_learned_up_to_a_limit(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.link.MAX_EQUIPMENT", 2)
    gate = Gate()
    gate.is_open.set()
    async with collecting(gate, mosquitto.port) as collector:
        for number in range(4):
            topic = f"plant/assembly/line2/job{number}/Count"
            message = f'{{"value": {number}, "t": {number + 1}}}'
            await asyncio.to_thread(mosquitto.publish, topic, message)
        remark = "2 samples of more than"
        await until(lambda: remark in collector._link.health.reason, "the remark")
        await asyncio.to_thread(
            mosquitto.publish, "plant/assembly/line2/job0/Count", '{"value": 9, "t": 9}'
        )
        await until(lambda: 9.0 in gate.values, "known equipment to go on")

    assert gate.values == [0.0, 1.0, 9.0]
    assert len(collector._link.equipment) == 2


async def test_every_success_starts_the_waiting_over(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays: list[float] = []

    class Recorded(Backoff):
        def next_delay_s(self) -> float:
            delays.append(self._bound)
            super().next_delay_s()
            return 0.0

    monkeypatch.setattr("edge.mqtt_source.Backoff", Recorded)
    gate = Gate()
    async with collecting(gate, mosquitto.port) as collector:
        for loss in range(1, 6):
            await asyncio.to_thread(take_over, mosquitto.port)
            await until(lambda loss=loss: len(delays) >= loss, "the loss to be noticed")
            await until(lambda: collector._connection is not None, "another connection")

    assert set(delays) == {0.5}
