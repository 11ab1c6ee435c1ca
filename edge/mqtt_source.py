"""An MQTT broker on which machines publish JSON.

A message is acknowledged after its sample is in the spool; until then the broker keeps it in
our persistent session. With a time in the payload a repeat is recognised and dropped;
without one each message counts when it comes, at least once.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple, NoReturn

from paho.mqtt.client import Client, MQTTMessage

from edge.broker import BrokerLostError, Session, connect
from edge.clock import Clock
from edge.configuration import MqttSource
from edge.link import Link, Put
from edge.payload import PayloadError, PayloadReader
from edge.spool import Delivery, SpoolFullError
from takt.backoff import Backoff
from takt.batch import Sample

log = logging.getLogger(__name__)

MAX_WAITING = 10_000
"""Messages taken from the broker and not yet in the spool; then reading stops."""
_LOOK_S = 0.2
_FINISH_S = 1.5
_TICK_S = 0.01
_WARN_EVERY_S = 60.0


class _Taken(NamedTuple):
    sample: Sample | None
    client: Client
    message_id: int
    qos: int


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
        learned: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._name = name
        self._source = source
        self._client_id = client_id
        self._link = link
        self._clock = clock
        self._put = put
        self._learned = learned
        self._reader = PayloadReader(source)
        self._taken: deque[_Taken] = deque()
        self._room = threading.Semaphore(MAX_WAITING)
        self._ready = asyncio.Event()
        self._is_closing = False
        self._is_woken = False
        self._unaccepted = 0
        self._unread = 0
        self._warned_at = -_WARN_EVERY_S

    async def run(self) -> NoReturn:
        """Collect until cancelled; a lost broker is waited for."""
        backoff = Backoff()
        while True:
            try:
                await self._collect(backoff)
            except (BrokerLostError, SpoolFullError) as lost:
                await self._link.down(str(lost))
            await asyncio.sleep(backoff.next_delay_s())

    async def _collect(self, backoff: Backoff) -> None:
        self._is_closing = False
        async with connect(self._source, self._session()) as connection:
            backoff.reset()
            await self._link.up()
            connection.when_lost(self._ready.set)
            try:
                while not connection.is_lost:
                    await self._ready.wait()
                    self._ready.clear()
                    await self._hand_over()
                connection.raise_lost()
            finally:
                self._is_closing = True
                await self._finish()

    def _session(self) -> Session:
        loop = asyncio.get_running_loop()

        def received(client: Client, message: MQTTMessage) -> None:
            self._take(client, message)
            # The flag falls before the deque is emptied: no message is overlooked.
            if not self._is_woken:
                self._is_woken = True
                loop.call_soon_threadsafe(self._ready.set)

        return Session(self._client_id, self._reader.topic_filter, received, is_persistent=True)

    def _take(self, client: Client, message: MQTTMessage) -> None:
        """In paho's thread: read one message; wait while too many are waiting."""
        while not self._room.acquire(timeout=_LOOK_S):
            if self._is_closing:
                return
        if self._is_closing:
            self._room.release()
            return
        sample = self._read(message)
        self._taken.append(_Taken(sample, client, message.mid, message.qos))

    def _read(self, message: MQTTMessage) -> Sample | None:
        try:
            return self._reader.read(message.topic, bytes(message.payload), self._clock.now())
        except (PayloadError, UnicodeDecodeError) as error:
            self._count_unread(str(error))
            return None

    def _count_unread(self, why: str) -> None:
        self._unread += 1
        self._link.remark = f"{self._unread} messages not understood, the last: {why[:200]}"
        if time.monotonic() - self._warned_at >= _WARN_EVERY_S:
            self._warned_at = time.monotonic()
            log.warning("%s: a message is left out (%s); %d so far", self._name, why, self._unread)

    async def _hand_over(self) -> None:
        self._is_woken = False
        taken = [self._taken.popleft() for _ in range(len(self._taken))]
        if not taken:
            return
        self._unaccepted += len(taken)
        try:
            await self._accept(taken)
        except BaseException:
            # The broker hands them over again: they were not acknowledged.
            self._release(taken)
            raise

    async def _accept(self, taken: list[_Taken]) -> None:
        samples = [one.sample for one in taken if one.sample is not None]
        if samples:
            self._link.saw(samples[-1].received_at)
            await self._learn(samples)
        repeats_within = self._name if self._reader.has_time else None
        await self._put(Delivery(samples, repeats_within, lambda: self._acknowledge(taken)))

    async def _finish(self) -> None:
        """Have what was taken accepted and acknowledged before the broker is left."""
        try:
            async with asyncio.timeout(_FINISH_S):
                while self._taken or self._unaccepted:
                    await self._hand_over()
                    await asyncio.sleep(_TICK_S)
        except TimeoutError:
            log.warning("%s: the last messages are not acknowledged; they come again", self._name)

    async def _learn(self, samples: list[Sample]) -> None:
        for equipment in {sample.equipment for sample in samples}:
            if not self._link.serves(equipment):
                await self._learned(self._name, equipment)
                await self._link.add(equipment)

    def _acknowledge(self, taken: list[_Taken]) -> None:
        for one in taken:
            one.client.ack(one.message_id, one.qos)
        self._release(taken)

    def _release(self, taken: list[_Taken]) -> None:
        self._unaccepted -= len(taken)
        self._room.release(len(taken))
