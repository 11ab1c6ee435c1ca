"""From the spool to the broker, under the lake's acknowledgement.

Belongs here: the collector's half of the wire contract: credit, re-sending, declared losses,
health. What is durable is the spool's business; publishing removes nothing from it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from paho.mqtt.client import Client, MQTTMessage
from prometheus_client import Counter
from pydantic import ValidationError

from edge.broker import BrokerLostError, Connection, Session, connect
from edge.epoch_ends import EpochEnds
from edge.shared_spool import SharedSpool
from edge.spool import DeclaredLoss, Outgoing, Settlement, SpoolFullError, SpoolStatus
from edge.spool_watch import SpoolWatch
from edge.window import Window
from takt import topics
from takt.backoff import Backoff
from takt.broker_access import BrokerAccess
from takt.messages import Ack, Health, Loss, SourceHealth
from takt.topics import Collector

log = logging.getLogger(__name__)

_READ_BATCHES = 50
_TICK_S = 0.5
_HEALTH_EVERY_S = 5.0

_PUBLISHED = Counter("takt_edge_batches_published", "Batches sent, those sent again included.")
_SENT_AGAIN = Counter("takt_edge_batches_sent_again", "Batches sent more than once.")


@dataclass(frozen=True)
class Reporter:
    """What a health message says beside the spool's numbers.

    Attributes:
        sources: Each source and how its link is.
        now: The collector's time, in µs.
        spool: How full it is.
    """

    sources: Callable[[], dict[str, SourceHealth]]
    now: Callable[[], int]
    spool: SpoolWatch


class Forwarder:
    """Delivers one collector's spool to ingestion; trims it to acknowledgements only.

    Attributes:
        is_connected: Whether Takt's broker is there now.
    """

    def __init__(
        self, spool: SharedSpool, source: Collector, broker: BrokerAccess, reporter: Reporter
    ) -> None:
        self._spool = spool
        self._source = source
        self._broker = broker
        self._reporter = reporter
        self._window = Window()
        self._ends = EpochEnds()
        self._acks: dict[tuple[str, str, bool], Ack] = {}
        self._ingestor: str | None = None
        self._listener: tuple[str, int] | None = None
        self._wake = spool.appended
        self._health_due_at = 0.0
        self.is_connected = False

    async def run(self) -> NoReturn:
        """Forward until cancelled; a lost broker is waited for."""
        backoff = Backoff()
        while True:
            try:
                async with connect(self._broker, await self._session()) as connection:
                    log.info("forwarding to broker %s:%d", self._broker.host, self._broker.port)
                    backoff.reset()
                    self.is_connected = True
                    await self._forward(connection)
            except (BrokerLostError, SpoolFullError) as lost:
                log.warning("%s; samples wait in the spool", lost)
            self.is_connected = False
            await asyncio.sleep(backoff.next_delay_s())

    def report(self) -> None:
        """Publish health soon: something in it has changed."""
        self._health_due_at = 0.0
        self._wake.set()

    async def _session(self) -> Session:
        loop = asyncio.get_running_loop()

        ack_topic = topics.ack_topic(self._source)

        def received(_client: Client, message: MQTTMessage) -> None:
            # The embedded broker tells a new subscriber what is retained under other topics, too.
            if message.topic == ack_topic:
                loop.call_soon_threadsafe(self._take_ack, bytes(message.payload))

        return Session(
            client_id=f"takt-{self._source.site}-{self._source.collector}",
            subscription=ack_topic,
            received=received,
            will=(topics.health_topic(self._source), await self._health(online=False)),
        )

    def _take_ack(self, payload: bytes) -> None:
        try:
            ack = Ack.model_validate_json(payload)
        except ValidationError as error:
            log.warning("an acknowledgement is ignored: %s", error.errors()[0]["msg"])
            return
        # A newer one says all that an older one said, save that another ingestion took over or
        # ordered a new epoch; it takes the older one's place, to forget before renumbering.
        self._acks[ack.epoch, ack.ingestor_id, ack.new_epoch] = ack
        self._wake.set()

    async def _forward(self, connection: Connection) -> None:
        """Send, listen and report until the connection is lost."""
        self._window.restart()
        self._ends.restart()
        self._health_due_at = 0.0
        connection.when_lost(self._wake.set)
        try:
            while not connection.is_lost:
                await self._step(connection)
                await self._pause()
            connection.raise_lost()
        finally:
            if not connection.is_lost:
                topic = topics.health_topic(self._source)
                await connection.say_farewell(topic, await self._health(online=False))

    async def _step(self, connection: Connection) -> None:
        self._wake.clear()
        await self._obey_all(connection)
        await self._declare_losses(connection)
        await self._send_new(connection)
        await self._probe(connection)
        await self._report_health(connection)

    async def _obey_all(self, connection: Connection) -> None:
        waiting, self._acks = self._acks, {}
        for key, ack in list(waiting.items()):
            try:
                await self._obey(ack, connection)
            except SpoolFullError as full:
                # Forgetting needs a little room too; the same is tried at the next step.
                log.debug("an acknowledgement waits: %s", full)
                self._acks = waiting | self._acks
                return
            del waiting[key]

    async def _pause(self) -> None:
        # Not wait_for: before Python 3.12 it may swallow the cancellation that ends us.
        with suppress(TimeoutError):
            async with asyncio.timeout(_TICK_S):
                await self._wake.wait()

    async def _obey(self, ack: Ack, connection: Connection) -> None:
        if ack.new_epoch:
            await self._open_epoch(ack.epoch, "other bytes under our numbers")
            return
        settlement = await self._spool.settle(ack.epoch, ack.settled_through)
        if settlement is Settlement.OTHER_EPOCH:
            return
        if settlement is Settlement.BEYOND:
            why = f"batches up to {ack.settled_through} that this spool never wrote"
            await self._open_epoch(ack.epoch, why)
            return
        self._window.grant(ack.credit_batches, ack.credit_bytes)
        if ack.epoch == self._window.epoch:
            await self._follow(ack, settlement, connection)
        if self._ingestor not in (None, ack.ingestor_id):
            log.info("another ingestion has taken over; sending again what it may not have")
            self._window.restart()
        self._ingestor = ack.ingestor_id
        if (listener := (ack.ingestor_id, ack.connection)) != self._listener:
            self._ends.restart()
            self._listener = listener
        if self._spool.epoch == self._window.epoch:
            self._window.open_lane(self._spool.last_seq)
        for ended in self._ends.certain(ack.epoch, ack.settled_through):
            await self._spool.forget_closed(ended)
            self._ends.forget(ended)

    async def _follow(self, ack: Ack, settlement: Settlement, connection: Connection) -> None:
        now = time.monotonic()
        if settlement is Settlement.ADVANCED:
            self._window.settled(ack.settled_through, now)
        for first, last in self._window.due(ack.missing, now):
            await self._send_again(connection, first, last)

    async def _open_epoch(self, epoch: str, why: str) -> None:
        if await self._spool.renumber(epoch):
            log.warning("the lake has %s (copied or restored spool?); a new epoch begins", why)
            self._window.restart()

    async def _send_new(self, connection: Connection) -> None:
        window = self._window
        if window.free_live_batches > 0:
            most = min(window.free_live_batches, _READ_BATCHES)
            newest = await self._spool.read(window.epoch, window.next_live_seq, batches=most)
            self._send(newest, connection)
        while (free := window.free_batches) and not connection.is_lost:
            last = None if window.live_from is None else window.live_from - 1
            most = min(free, _READ_BATCHES)
            found = await self._spool.read(window.epoch, window.next_seq, last, batches=most)
            if not found and window.live_from is not None:
                window.close_lane()
            elif not found or not self._send(found, connection):
                return

    def _send(self, batches: list[Outgoing], connection: Connection) -> bool:
        """Publish as many as credit admits; whether those were all."""
        for batch in batches:
            if batch.epoch != self._window.epoch:
                self._window.begin(batch.epoch)
            if not self._window.admits(len(batch.payload)):
                return False
            self._publish(connection, batch)
        return True

    async def _send_again(self, connection: Connection, first: int, last: int) -> None:
        """Send what is held of a range, as far as credit goes."""
        window, epoch = self._window, self._window.epoch
        # What was lost on its way may not have been lost alone.
        self._ends.restart()
        while most := min(window.again(first, last), _READ_BATCHES):
            found = await self._spool.read(epoch, first, last, batches=most)
            for batch in found:
                if batch.epoch != epoch or not window.admits_again(batch.seq, len(batch.payload)):
                    return
                self._publish(connection, batch)
                _SENT_AGAIN.inc()
            if not found:
                return
            first = found[-1].seq + 1

    def _publish(self, connection: Connection, batch: Outgoing) -> None:
        topic = topics.batch_topic(self._source, batch.epoch, batch.seq)
        connection.publish(topic, batch.payload)
        _PUBLISHED.inc()
        self._window.sent(batch.seq, len(batch.payload), time.monotonic())

    async def _probe(self, connection: Connection) -> None:
        if (seq := self._window.probe(time.monotonic())) is not None:
            log.info("batch %d is not acknowledged; sending it again", seq)
            await self._send_again(connection, seq, seq)

    async def _declare_losses(self, connection: Connection) -> None:
        if not self._spool.has_losses:
            return
        now = time.monotonic()
        for loss in await self._spool.losses():
            if loss.epoch != self._window.epoch:
                self._window.begin(loss.epoch)
            if self._window.must_declare(loss.first_seq, loss.last_seq, now):
                topic = topics.lost_topic(self._source, loss.epoch, loss.first_seq, loss.last_seq)
                connection.publish(topic, _loss_message(loss).model_dump_json().encode())

    async def _report_health(self, connection: Connection) -> None:
        if self._spool.has_closed:
            await self._report_closed(connection)
        if time.monotonic() < self._health_due_at:
            return
        self._health_due_at = time.monotonic() + _HEALTH_EVERY_S
        topic = topics.health_topic(self._source)
        connection.publish(topic, await self._health(online=True), retain=True)

    async def _report_closed(self, connection: Connection) -> None:
        """Say of an ended epoch that nothing of it waits any more."""
        topic = topics.health_topic(self._source)
        for epoch, rows in (await self._spool.closed()).items():
            if self._ends.must_report(epoch):
                end = SpoolStatus(epoch, rows, rows + 1, 0, 0)
                self._ends.reported(epoch, self._spool.epoch, self._spool.last_seq)
                connection.publish(topic, self._message(end, online=False), retain=True)
                self._health_due_at = 0.0

    async def _health(self, *, online: bool) -> bytes:
        return self._message(await self._spool.status(), online=online)

    def _message(self, status: SpoolStatus, *, online: bool) -> bytes:
        level = self._reporter.spool.level
        health = Health(
            online=online,
            epoch=status.epoch,
            accepted_rows=status.accepted_rows,
            spool_first_row=status.first_row,
            spool_rows=status.rows,
            spool_bytes=status.bytes,
            spool_capacity_bytes=self._reporter.spool.capacity_bytes,
            spool_warning_percent=level.mark,
            spool_full_in_s=level.full_in_s,
            spool_refuses=self._spool.refuses,
            sources=self._reporter.sources(),
            reported_at=_time(self._reporter.now()),
        )
        return health.model_dump_json().encode()


def _loss_message(loss: DeclaredLoss) -> Loss:
    return Loss(
        first_row=loss.first_row,
        rows=loss.rows,
        cause=loss.cause,
        first_observed_at=None if loss.first_observed_at is None else _time(loss.first_observed_at),
        last_observed_at=None if loss.last_observed_at is None else _time(loss.last_observed_at),
    )


def _time(microseconds: int) -> datetime:
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)
