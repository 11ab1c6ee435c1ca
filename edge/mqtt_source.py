"""An MQTT broker on which machines publish JSON.

A message is acknowledged after its sample is in the spool; until then the broker keeps it in
our persistent session. With a time in the payload a repeat is recognised and dropped
however it comes; without one each message counts when it comes, and only what the broker itself
sends again is recognised, by its packet id. What was taken from a lost connection is in the
spool before the next is made: else each loss would add a copy.

A retained message is an old value that the broker repeats to every new subscription. It is
history where it has a time of its own, dropped where it was seen before or may have been; it
is no sample where it has none.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import NoReturn

from paho.mqtt.client import Client, MQTTMessage

from edge.broker import BrokerLostError, Connection, Session, connect
from edge.clock import Clock
from edge.configuration import MqttSource
from edge.delivery import Packet
from edge.learning import Learned, learn
from edge.left_out import LeftOut
from edge.link import Link, Put
from edge.mqtt_message import reader_of
from edge.payload import PayloadError
from edge.recent_packets import content
from edge.spool import Delivery
from takt.backoff import Backoff
from takt.batch import Sample

log = logging.getLogger(__name__)

MAX_WAITING = 10_000
"""Messages taken from the broker and not yet in the spool; then reading stops."""
_FINISH_S = 1.5
_TICK_S = 0.01
_FIRST_ID = 1


class _Burst:
    """What came at once: samples by what is known of their repeats, and whom to thank."""

    def __init__(self, *, has_time: bool) -> None:
        self.samples: list[Sample] = []
        self.retained: list[Sample] = []
        self.packets: list[Packet] | None = None if has_time else []
        self.to_acknowledge: list[tuple[Client, int]] = []
        self.messages = 0
        self.live_at: int | None = None


class MqttCollector:
    """Collects from one MQTT source.

    Args:
        name: The source's name.
        source: Its configuration.
        client_id: Under which the broker keeps our session; must never change.
        link: Learns how the source is.
        clock: The collector's time.
        put: Where samples go.
        learned: Remembers that this source serves equipment seen for the first time.
    """

    def __init__(
        self,
        name: str,
        source: MqttSource,
        client_id: str,
        *,
        link: Link,
        clock: Clock,
        put: Put,
        learned: Learned,
    ) -> None:
        self._name = name
        self._source = source
        self._client_id = client_id
        self._link = link
        self._clock = clock
        self._put = put
        self._learned = learned
        self._reader = reader_of(source)
        self._burst = _Burst(has_time=self._reader.has_time)
        self._begins_at: int | None = None
        self._ready = asyncio.Event()
        self._unaccepted = 0
        self._connection: Connection | None = None
        self._left_out = LeftOut(name, link)

    async def run(self) -> NoReturn:
        """Collect until cancelled; a lost broker is waited for."""
        backoff = Backoff()
        while True:
            try:
                await self._collect(backoff)
            except BrokerLostError as lost:
                await self._link.down(str(lost))
            await asyncio.sleep(backoff.next_delay_s())

    async def _collect(self, backoff: Backoff) -> None:
        await self._settle()
        self._begins_at = None
        async with connect(self._source, self._session()) as connection:
            backoff.reset()
            self._connection = connection
            await self._link.up()
            connection.when_lost(self._ready.set)
            try:
                while not connection.is_lost:
                    await self._ready.wait()
                    self._ready.clear()
                    await self._hand_over()
                    if not self._is_full:
                        connection.resume()
                connection.raise_lost()
            finally:
                self._connection = None
                connection.pause()
                if not connection.is_lost:
                    await self._finish()

    @property
    def _is_full(self) -> bool:
        return self._unaccepted + self._burst.messages >= MAX_WAITING

    async def _settle(self) -> None:
        """Wait until nothing of a lost connection waits for the spool."""
        while self._burst.messages or self._unaccepted:
            self._ready.clear()
            await self._hand_over()
            if self._unaccepted:
                await self._ready.wait()

    def _session(self) -> Session:
        return Session(self._client_id, self._reader.topic_filter, self._take, is_persistent=True)

    def _take(self, client: Client, message: MQTTMessage) -> None:
        """Read one message; no other task has its turn between two that came at once."""
        burst = self._burst
        samples: Sequence[Sample] = ()
        try:
            reading = self._reader.read(message.topic, bytes(message.payload), self._clock.now())
        except (PayloadError, UnicodeDecodeError) as error:
            self._left_out.message(str(error))
        else:
            if reading.unread:
                self._left_out.parts(reading.unread)
            if message.retain:
                self._keep_retained(reading.samples)
            elif samples := reading.samples:
                burst.samples += samples
                burst.live_at = samples[-1].received_at
        if message.qos:
            burst.to_acknowledge.append((client, message.mid))
            if burst.packets is not None:
                burst.packets.append(self._packet(message, samples))
        burst.messages += 1
        self._ready.set()
        if self._is_full and self._connection is not None:
            self._connection.pause()

    def _packet(self, message: MQTTMessage, samples: Sequence[Sample]) -> Packet:
        """The message as the broker numbers it; also one without samples has taken its id.

        A broker that begins a connection with the first id of all may number anew with each
        connection (RabbitMQ does): then ids of another connection say nothing.
        """
        if self._begins_at is None:
            self._begins_at = message.mid
        is_again = bool(message.dup) and self._begins_at != _FIRST_ID
        said = content(message.topic, bytes(message.payload)) if samples else 0
        return Packet(message.mid, is_again, said, samples)

    def _keep_retained(self, samples: list[Sample]) -> None:
        """Old values that the broker repeats to each new subscription.

        With a time of their own they are history, and a repeat unless their equipment is new
        here; without one nobody knows when they held, so that they are no samples at all.
        """
        if not self._reader.has_time:
            self._left_out.retained()
            return
        for sample in samples:
            known = self._burst.retained if self._link.serves(sample.equipment) else None
            (self._burst.samples if known is None else known).append(
                sample._replace(is_historical=True)
            )

    async def _hand_over(self) -> None:
        burst = self._burst
        if not burst.messages:
            return
        self._burst = _Burst(has_time=self._reader.has_time)
        self._unaccepted += burst.messages
        try:
            await self._accept(burst)
        except BaseException:
            # The broker hands them over again: they were not acknowledged.
            self._release(burst)
            raise

    async def _accept(self, burst: _Burst) -> None:
        if burst.live_at is not None:
            self._link.saw(burst.live_at)
        if burst.samples:
            burst.samples = await self._learn(burst.samples)
        if burst.retained:
            await self._put(Delivery(burst.retained, self._name, is_retained=True))
        await self._put(
            Delivery(
                burst.samples,
                self._name,
                lambda: self._acknowledge(burst),
                packets=burst.packets,
            )
        )

    async def _finish(self) -> None:
        """Have what was taken accepted and acknowledged before the broker is left."""
        try:
            async with asyncio.timeout(_FINISH_S):
                while self._burst.messages or self._unaccepted:
                    await self._hand_over()
                    await asyncio.sleep(_TICK_S)
        except TimeoutError:
            log.warning("%s: the last messages are not acknowledged; they come again", self._name)

    async def _learn(self, samples: list[Sample]) -> list[Sample]:
        """Those whose equipment is known now."""
        too_many = False
        for equipment in dict.fromkeys(sample.equipment for sample in samples):
            if self._link.serves(equipment):
                continue
            if self._link.is_full:
                too_many = True
                continue
            await learn(self._learned, self._name, equipment)
            await self._link.add(equipment)
        return self._left_out.without_unserved(samples) if too_many else samples

    def _acknowledge(self, burst: _Burst) -> None:
        for client, message_id in burst.to_acknowledge:
            client.ack(message_id, 1)
        self._release(burst)

    def _release(self, burst: _Burst) -> None:
        self._unaccepted -= burst.messages
        self._ready.set()
