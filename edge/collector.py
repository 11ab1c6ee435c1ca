"""A collector: its sources, one spool, one forwarder, and what it says of itself.

Belongs here: which tasks there are and in which order they end. What each does is its own
module's business.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

from edge.broker import Address
from edge.clock import Clock
from edge.configuration import EdgeConfiguration, MqttSource, OpcUaSource, SpoolConfiguration
from edge.forwarder import Forwarder, Reporter
from edge.link import HEARTBEAT_S, Link
from edge.mqtt_source import MqttCollector
from edge.opcua_source import OpcUaCollector
from edge.shared_spool import SharedSpool
from edge.spool import Delivery, Spool
from edge.spool_writer import SpoolWriter
from takt.batch import Quality, Sample
from takt.equipment import COLLECTOR_EQUIPMENT
from takt.messages import SourceHealth
from takt.topics import Collector as Identity

log = logging.getLogger(__name__)

_WATCH_S = 1.0
_FLUSH_S = 3.0


class Delivering:
    """A spool, its writer and its forwarder: all that a collector without sources needs.

    Attributes:
        clock: The collector's time.
        writer: Takes deliveries.
        spool: Holds them.
        forwarder: Delivers them.
        links: The sources' links, as health reports them.
    """

    def __init__(
        self, identity: Identity, spool: SpoolConfiguration, path: Path, broker: Address
    ) -> None:
        self.clock = Clock()
        opened = Spool(
            path,
            self.clock.now,
            capacity_bytes=spool.capacity_mb * 1_000_000,
            when_full=spool.when_full,
            recent_keys_age_s=spool.recent_keys_age_s,
            recent_keys_rows=spool.recent_keys_rows,
        )
        self.clock.never_before(opened.last_received_at)
        self.spool = SharedSpool(opened)
        self.writer = SpoolWriter(self.spool)
        self.links: dict[str, Link] = {}
        self.forwarder = Forwarder(
            self.spool, identity, broker, Reporter(self._sources, self.clock.now)
        )

    def _sources(self) -> dict[str, SourceHealth]:
        return {name: link.health for name, link in self.links.items()}


@asynccontextmanager
async def delivering(
    identity: Identity, spool: SpoolConfiguration, path: Path, broker: Address
) -> AsyncIterator[Delivering]:
    """Write and forward for the length of the context; what was handed over is accepted first.

    Raises:
        ConfigurationError: The spool is another collector's.
    """
    parts = Delivering(identity, spool, path, broker)
    try:
        async with asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(parts.writer.run(), name="write spool")
            forwarding = tasks.create_task(parts.forwarder.run(), name="forward")
            try:
                yield parts
            finally:
                await _end_writing(parts.writer, writing)
                forwarding.cancel()
    finally:
        parts.spool.close()


async def _end_writing(writer: SpoolWriter, writing: "asyncio.Task[None]") -> None:
    # A full spool may keep the writer waiting; its samples are not accepted, sources repeat them.
    if writing.done():
        return
    try:
        async with asyncio.timeout(_FLUSH_S):
            await writer.end()
            await asyncio.shield(writing)
    except TimeoutError:
        log.warning("the spool has no room for the last samples; they are not accepted")
        writing.cancel()


class Collector:
    """Collects from every configured source until told to stop."""

    def __init__(self, configuration: EdgeConfiguration, parts: Delivering) -> None:
        self._configuration = configuration
        self._parts = parts

    async def run(self, stop: asyncio.Event) -> None:
        """Collect until `stop` is set; an unforeseen error stops it all."""
        async with asyncio.TaskGroup() as tasks:
            started = [tasks.create_task(work, name=name) async for name, work in self._work()]
            log.info("ready: collecting from %s", ", ".join(self._configuration.sources))
            await stop.wait()
            for task in started:
                task.cancel()

    async def _work(self) -> AsyncIterator[tuple[str, Coroutine[object, object, NoReturn]]]:
        for name, source in self._configuration.sources.items():
            link = await self._link(name, source)
            yield f"collect[{name}]", self._source(name, source, link).run()
            yield f"watch[{name}]", self._watch(link)
        yield "clock", self._watch_clock()

    async def _link(self, name: str, source: OpcUaSource | MqttSource) -> Link:
        parts = self._parts
        link = Link(
            name,
            await self._served(name, source),
            expected_interval_s=source.expected_interval_s,
            clock=parts.clock,
            put=parts.writer.put,
            changed=parts.forwarder.report,
        )
        parts.links[name] = link
        await link.start()
        return link

    async def _served(self, name: str, source: OpcUaSource | MqttSource) -> Iterable[str]:
        if isinstance(source, OpcUaSource):
            return source.equipment
        fixed = () if source.equipment is None else (source.equipment,)
        return (*source.serves, *fixed, *await self._parts.spool.served(name))

    def _source(
        self, name: str, source: OpcUaSource | MqttSource, link: Link
    ) -> OpcUaCollector | MqttCollector:
        parts = self._parts
        if isinstance(source, OpcUaSource):
            return OpcUaCollector(name, source, link=link, clock=parts.clock, put=parts.writer.put)
        who = self._configuration
        return MqttCollector(
            name,
            source,
            source.client_id or f"takt-{who.site}-{who.collector}-{name}",
            link=link,
            clock=parts.clock,
            put=parts.writer.put,
            learned=parts.spool.remember_served,
        )

    async def _watch(self, link: Link) -> NoReturn:
        """Heartbeats while the source speaks, `stalled` when it does not."""
        while True:
            for _ in range(round(HEARTBEAT_S / _WATCH_S)):
                await link.watch()
                await asyncio.sleep(_WATCH_S)
            await link.beat()

    async def _watch_clock(self) -> NoReturn:
        """Say when somebody sets the wall clock; samples keep the time that never jumps."""
        while True:
            await asyncio.sleep(_WATCH_S)
            if step_s := self._parts.clock.take_step_s():
                log.warning("the clock was set by %+.3f s; samples keep the old time", step_s)
                now, good = self._parts.clock.now(), int(Quality.GOOD)
                step = Sample(COLLECTOR_EQUIPMENT, "$clock", now, step_s, None, good, now)
                await self._parts.writer.put(Delivery([step]))
