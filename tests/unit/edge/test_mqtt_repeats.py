"""Messages without a time from brokers of every kind of numbering, into a real spool.

The brokers are models: what they do with packet ids after a loss cannot be had of real ones on
demand. All messages say the same, so that nothing but their packets tells them apart.
"""

import asyncio
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.client import MQTTMessage

from edge import recent_packets
from edge.clock import Clock
from edge.configuration import MqttSource
from edge.link import Link
from edge.mqtt_source import MqttCollector
from edge.spool import Delivery, Spool
from takt import batch

TOPIC = b"plant/assembly/line1/press01/Pulse"
REMEMBERED = 20
WINDOW = 8
FEW_IDS = 60


class Broker:
    """Hands over messages 1, 2, 3, …, each under a packet id until it is acknowledged.

    It stands where paho's client would. One of `every` messages can be read.
    """

    def __init__(self, ids: int = FEW_IDS, every: int = 1) -> None:
        self.hears = True
        self.published = 0
        self.lost: set[int] = set()
        self._ids = ids
        self._every = every
        self._last_id = 0
        self._in_flight: dict[int, int] = {}
        self._again: list[int] = []

    def ack(self, packet_id: int, _qos: int) -> None:
        if self.hears:
            self._in_flight.pop(packet_id, None)

    def connect(self) -> None:
        """What is not acknowledged is sent again, in order."""
        self.hears = True
        self._again = [*self._in_flight]

    def forget(self) -> None:
        """It has lost the session, with all that was in flight."""
        self.lost |= {*self._in_flight.values()}
        self._in_flight.clear()
        self._last_id = 0

    def next(self) -> tuple[int, MQTTMessage] | None:
        """The next message and its number; none while too many are not acknowledged."""
        is_again = bool(self._again)
        if is_again:
            packet_id = self._again.pop(0)
        elif len(self._in_flight) < WINDOW:
            packet_id = self._new_id()
            self.published += 1
            self._in_flight[packet_id] = self.published
        else:
            return None
        number = self._in_flight[packet_id]
        message = MQTTMessage(packet_id, TOPIC)
        message.payload = b"?" if number % self._every else b'{"value": 1}'
        message.dup, message.qos = is_again, 1
        return number, message

    @property
    def readable(self) -> set[int]:
        return {*range(self._every, self.published + 1, self._every)} - self.lost

    def _new_id(self) -> int:
        self._last_id = self._last_id % self._ids + 1
        return self._last_id


class LowestFree(Broker):
    """As HiveMQ."""

    def _new_id(self) -> int:
        return next(number for number in range(1, WINDOW + 1) if number not in self._in_flight)


class Anew(Broker):
    """Numbers anew with each connection, as RabbitMQ."""

    def connect(self) -> None:
        self._in_flight = dict(enumerate(self._in_flight.values(), 1))
        self._last_id = len(self._in_flight)
        super().connect()


class NumberClock(Clock):
    """The time is the number of the message that is read: so its sample can be told."""

    number = 0

    def now(self) -> int:
        return self.number


class Life(NamedTuple):
    """A connection until it is lost and the collector killed: how many messages come to what."""

    acknowledged: int
    accepted: int
    taken: int
    under_way: int
    is_forgotten: bool = False


class Plant:
    """A collector between a broker and a spool."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self._broker = broker
        self._clock = NumberClock()
        self._spool = Spool(folder / "spool.db", lambda: 0)

    async def live(self, life: Life) -> None:
        self._start()
        await self._take(life.acknowledged)
        self._broker.hears = False
        await self._take(life.accepted)
        await self._take(life.taken, is_accepted=False)
        while life.under_way and self._broker.next():
            life = life._replace(under_way=life.under_way - 1)
        if life.is_forgotten:
            self._broker.forget()

    async def _take(self, count: int, *, is_accepted: bool = True) -> None:
        for place in range(count):
            if (found := self._broker.next()) is None:
                break
            self._clock.number, message = found
            self._collector._take(self._broker, message)
            if is_accepted and place % WINDOW == WINDOW - 1:
                await self._collector._hand_over()
        if is_accepted:
            await self._collector._hand_over()

    def _start(self) -> None:
        link = Link(
            "line1", ["assembly/line1/press01"], expected_interval_s=None, clock=self._clock,
            put=self._put, changed=lambda: None,
        )  # fmt: skip
        source = MqttSource(
            kind="mqtt", host="127.0.0.1", port=1, topic="plant/{equipment:3}/{signal}"
        )
        self._collector = MqttCollector(
            "line1", source, "c", link=link, clock=self._clock, put=self._put, learned=None
        )
        self._broker.connect()

    async def _put(self, delivery: Delivery) -> None:
        self._spool.append([delivery])
        delivery.accepted()

    def counted(self) -> Counter[int]:
        """How often each message was accepted."""
        held = self._spool.read(None, 1, batches=100_000)
        tables = [batch.decode(each.payload).table for each in held]
        numbers = [n for table in tables for n in table["observed_at"].cast("int64").to_pylist()]
        self._spool.close()
        return Counter(numbers)


def lived(broker: Broker, lives: list[Life]) -> Counter[int]:
    """How often each message was accepted in the end."""

    async def live() -> None:
        for life in [*lives, Life(3 * WINDOW, 0, 0, 0)]:
            await plant.live(life)

    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(recent_packets, "REMEMBERED", REMEMBERED)
        plant = Plant(broker, Path(folder))
        asyncio.run(live())
        return plant.counted()


few = st.integers(0, WINDOW)
some = st.integers(0, FEW_IDS + WINDOW)
lives = st.lists(st.builds(Life, some, few, few, few, st.booleans()), max_size=6)
brokers = st.builds(
    lambda kind, every: kind(every=every), st.sampled_from([Broker, LowestFree, Anew]),
    st.integers(1, 5),
)  # fmt: skip


@settings(max_examples=60)
@given(broker=brokers, lives=lives)
def test_no_value_is_lost_however_a_broker_numbers_and_whatever_it_forgets(broker, lives):
    counted = lived(broker, lives)

    assert set(counted) >= broker.readable


@settings(max_examples=40)
@given(
    every=st.integers(1, 5),
    lives=st.lists(st.builds(Life, some, few, few, few, st.just(False)), max_size=6),
)
def test_each_value_counts_once_from_a_broker_that_counts_its_packets(every, lives):
    broker = Broker(ids=65_535, every=every)

    counted = lived(broker, [Life(REMEMBERED + 1, 0, 0, 0), *lives])

    assert counted == dict.fromkeys(broker.readable, 1)


def test_the_first_values_of_all_count_twice_rather_than_not_at_all():
    broker = Broker()

    counted = lived(broker, [Life(2, 3, 0, 0)])

    assert [n for n, times in counted.items() if times == 2] == [3, 4, 5]
    assert set(counted) == broker.readable


def test_a_broker_that_numbers_anew_with_each_connection_loses_nothing():
    broker = Anew()

    counted = lived(broker, [Life(FEW_IDS + 2, 0, 0, 3)])

    assert set(counted) == broker.readable


@pytest.mark.parametrize("before", [REMEMBERED - 1, REMEMBERED, REMEMBERED + 1])
def test_a_broker_that_has_forgotten_the_session_and_numbers_anew_loses_nothing(before):
    broker = Broker()

    counted = lived(broker, [Life(before, 0, 0, 0, is_forgotten=True), Life(5, 0, 0, 1)])

    assert set(counted) == broker.readable
