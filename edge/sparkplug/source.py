"""A broker on which edge nodes speak Sparkplug B: the host application's connection.

Belongs here: what binds the host to broker, disk, clock and spool. The session is clean and
data has QoS 0, as the specification demands: nothing is handed over again, hence what the
broker or the network loses is a gap in the sequence, counted and never hidden.
"""

import asyncio
import logging
import time
from contextlib import suppress
from typing import NamedTuple, NoReturn

from paho.mqtt.client import Client, MQTTMessage

from edge.broker import BrokerLostError, Connection, Session, connect
from edge.clock import Clock
from edge.configuration import SparkplugSource
from edge.learning import Learned, learn
from edge.left_out import LeftOut
from edge.link import Link, Put
from edge.sparkplug import state, topic
from edge.sparkplug.birth_cache import BirthCache, BirthCacheError
from edge.sparkplug.equipment import EquipmentNames
from edge.sparkplug.host import Host
from edge.sparkplug.node import LostEquipment, Outcome
from edge.sparkplug.reading import UndecodableError
from edge.sparkplug.rebirth import rebirth_command
from edge.spool import Delivery
from takt.backoff import Backoff

log = logging.getLogger(__name__)

MAX_WAITING = 5_000
"""Messages taken from the broker and not yet handed over; then reading stops."""
REPORT_EVERY_S = 60.0
_TICK_S = 0.1
_FINISH_S = 1.5
_AT_ONCE = 200
"""Messages applied before other tasks have their turn."""


class HostNames(NamedTuple):
    """Who the host application is.

    Attributes:
        client_id: At the broker.
        host_id: In the topic of its state.
    """

    client_id: str
    host_id: str


class SparkplugCollector:
    """Collects from one broker as a Sparkplug host application.

    Args:
        name: The source's name.
        source: Its configuration.
        identity: Its names at the broker.
        births: Births over restarts; closed at the end.
        link: Learns how the source and its equipment are.
        clock: The collector's time.
        put: Where samples go.
        learned: Remembers that this source serves equipment seen for the first time.
    """

    def __init__(
        self,
        name: str,
        source: SparkplugSource,
        identity: HostNames,
        *,
        births: BirthCache,
        link: Link,
        clock: Clock,
        put: Put,
        learned: Learned,
        report_every_s: float = REPORT_EVERY_S,
    ) -> None:
        self._name = name
        self._source = source
        self._identity = identity
        self._births = births
        self._link = link
        self._clock = clock
        self._put = put
        self._learned = learned
        self._report_every_s = report_every_s
        self._host = Host(
            name,
            EquipmentNames(source.equipment, source.equipment_of),
            patience=round(source.reorder_timeout_s * 1e6),
            asks=source.role != "passive",
        )
        self._host.restore(births.births())
        self._left_out = LeftOut(name, link)
        self._taken: list[tuple[topic.Origin, bytes, int]] = []
        self._ready = asyncio.Event()
        self._connection: Connection | None = None
        self._must_say_state = False
        self._began = 0
        self._is_rivalled = False
        self._report_at = time.monotonic() + report_every_s

    async def run(self) -> NoReturn:
        """Collect until cancelled; a lost broker is waited for."""
        backoff = Backoff()
        try:
            while True:
                try:
                    await self._collect(backoff)
                except BrokerLostError as lost:
                    await self._link.down(str(lost))
                await asyncio.sleep(backoff.next_delay_s())
        finally:
            self._births.close()

    async def _collect(self, backoff: Backoff) -> None:
        self._connection = None
        began = self._began = time.time_ns() // 1_000_000
        async with connect(self._source, self._session(began)) as connection:
            backoff.reset()
            self._connection = connection
            connection.when_lost(self._ready.set)
            await self._begin()
            self._must_say_state = True
            try:
                while not connection.is_lost:
                    self._say_state(connection, began)
                    await self._await_messages()
                    await self._hand_over(connection)
                await self._apply_taken()
                connection.raise_lost()
            finally:
                connection.pause()
                await self._finish(asyncio.create_task(self._apply_last()))
                if not connection.is_lost and self._source.role == "primary":
                    mine = topic.state(self._identity.host_id)
                    await connection.say_farewell(mine, state.said(began, is_online=False))

    def _session(self, began: int) -> Session:
        filters = topic.filters(self._source.groups)
        will = None
        if self._source.role == "primary":
            mine = topic.state(self._identity.host_id)
            filters += [(mine, 1), (topic.state_of_2(self._identity.host_id), 1)]
            will = (mine, state.said(began, is_online=False))
        return Session(self._identity.client_id, filters, self._take, will, is_driven=True)

    async def _begin(self) -> None:
        """Nobody is known to live before they are heard again."""
        outcome = Outcome()
        self._host.reconnected(outcome)
        await self._accept(outcome)
        await self._link.lose(self._link.equipment, "not heard since we connected")
        await self._link.up()

    def _take(self, _client: Client, message: MQTTMessage) -> None:
        try:
            origin = topic.parse(message.topic)
        except UnicodeDecodeError as error:
            self._left_out.message(str(error))
            return
        if origin is not None and not message.retain:
            self._taken.append((origin, bytes(message.payload), self._clock.now()))
            self._ready.set()
            if len(self._taken) >= MAX_WAITING and self._connection is not None:
                # QoS 0 knows no other way to wait; what the broker drops then is a gap.
                self._connection.pause()
        elif origin is not None:
            with suppress(UndecodableError):
                self._host.refuse_retained(origin)
            self._left_out.message(f"{message.topic} is retained: it says what was")
        elif not message.retain:
            self._take_state(message.topic, state.online_since(bytes(message.payload)))

    def _take_state(self, place: str, since: int | None) -> None:
        """What is said under our host id, by us or by another host that has it."""
        if since is None:
            # Another client with our host id has left, or the will of our last session came late.
            self._must_say_state = True
            self._ready.set()
        elif since != self._began and not self._is_rivalled:
            self._is_rivalled = True
            log.warning(
                "%s: another host application says on %s that it is there: edge nodes cannot tell"
                " whether their data is heard; give each a host_id of its own",
                *(self._name, place),
            )

    def _say_state(self, connection: Connection, began: int) -> None:
        if self._must_say_state and self._source.role == "primary":
            mine = topic.state(self._identity.host_id)
            connection.publish(mine, state.said(began, is_online=True), retain=True)
        self._must_say_state = False

    async def _await_messages(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_TICK_S):
                await self._ready.wait()
        self._ready.clear()

    async def _hand_over(self, connection: Connection) -> None:
        await self._apply_taken()
        await self._let_time_pass(connection)
        if len(self._taken) < MAX_WAITING:
            connection.resume()

    async def _apply_taken(self) -> None:
        """Hand over what was taken. A stop waits for it for a moment: nobody says it again."""
        applying = asyncio.create_task(self._apply(), name=f"apply[{self._name}]")
        try:
            await asyncio.shield(applying)
        except asyncio.CancelledError:
            await self._finish(applying)
            raise

    async def _apply_last(self) -> None:
        await self._apply()
        await self._report()

    async def _finish(self, applying: "asyncio.Task[None]") -> None:
        _, late = await asyncio.wait([applying], timeout=_FINISH_S)
        if late:
            applying.cancel()
            log.error("%s: the spool takes nothing: what was said last is lost", self._name)

    async def _apply(self) -> None:
        taken, self._taken = self._taken, []
        for first in range(0, len(taken), _AT_ONCE):
            outcome = Outcome()
            for origin, content, received_at in taken[first : first + _AT_ONCE]:
                try:
                    self._host.receive(origin, content, received_at, outcome)
                except UndecodableError as error:
                    self._left_out.message(f"{origin.node.group}/{origin.node.node}: {error}")
            await self._accept(outcome)
        if taken:
            self._link.saw(taken[-1][2])

    async def _let_time_pass(self, connection: Connection) -> None:
        outcome = Outcome()
        for node, reason in self._host.wait(self._clock.now(), outcome):
            log.info("%s: %s is asked for its births: %s", self._name, "/".join(node), reason)
            connection.publish(topic.command(node), rebirth_command(), qos=0)
        await self._accept(outcome)
        if time.monotonic() >= self._report_at:
            await self._report()

    async def _accept(self, outcome: Outcome) -> None:
        """Births before samples: what is accepted can be read again after a restart."""
        if outcome.born:
            try:
                await asyncio.to_thread(self._births.keep, outcome.born)
            except BirthCacheError as error:
                log.warning("%s: %s; after a restart they must be heard again", self._name, error)
        if outcome.read.refused:
            self._left_out.parts([outcome.read.refused])
        for change in outcome.link:
            await self._tell(change)
        for is_told_again, samples in outcome.read.runs:
            kept = self._left_out.without_unserved(samples) if self._link.is_full else samples
            await self._put(Delivery(kept, self._name if is_told_again else None))

    async def _tell(self, change: LostEquipment | str) -> None:
        if isinstance(change, LostEquipment):
            await self._link.lose(change.equipment, change.reason, change.at)
            return
        if not self._link.serves(change):
            if self._link.is_full:
                return
            await learn(self._learned, self._name, change)
            await self._link.add(change)
        await self._link.regain([change])

    async def _report(self) -> None:
        self._report_at = time.monotonic() + self._report_every_s
        if events := self._host.report(self._clock.now()):
            await self._put(Delivery(events))
