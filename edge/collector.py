"""A collector: its sources and what it says of itself.

Belongs here: which tasks there are. What each does is its own module's business; spool and
forwarder are `edge.delivering`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterable
from pathlib import Path
from typing import NoReturn

from edge.configuration import EdgeConfiguration, MqttSource, OpcUaSource
from edge.delivering import Delivering
from edge.link import HEARTBEAT_S, Link
from edge.mqtt_source import MqttCollector
from edge.opcua.certificates import CertificateFolder
from edge.opcua.source import OpcUaCollector
from edge.spool import Delivery
from takt.batch import Quality, Sample
from takt.equipment import COLLECTOR_EQUIPMENT

log = logging.getLogger(__name__)

_WATCH_S = 1.0


class Collector:
    """Collects from every configured source until told to stop.

    Args:
        configuration: What to collect.
        parts: Where it goes.
        folder: The collector's; sources keep in it what must survive a restart.
    """

    def __init__(self, configuration: EdgeConfiguration, parts: Delivering, folder: Path) -> None:
        self._configuration = configuration
        self._parts = parts
        self._opcua = folder / "opcua"
        uri = f"urn:takt:{configuration.site}:{configuration.collector}"
        self._certificates = CertificateFolder(self._opcua, uri)

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
            return (*source.equipment, *await self._parts.spool.served(name))
        fixed = () if source.equipment is None else (source.equipment,)
        return (*source.serves, *fixed, *await self._parts.spool.served(name))

    def _source(
        self, name: str, source: OpcUaSource | MqttSource, link: Link
    ) -> OpcUaCollector | MqttCollector:
        parts = self._parts
        if isinstance(source, OpcUaSource):
            return OpcUaCollector(
                name,
                source,
                self._opcua,
                self._certificates,
                link=link,
                clock=parts.clock,
                put=parts.writer.put,
                learned=parts.spool.remember_served,
            )
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
