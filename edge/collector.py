"""A collector: its sources and what it says of itself.

Belongs here: which tasks there are. What each does is its own module's business; spool and
forwarder are `edge.delivering`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NoReturn

from edge.configuration import EdgeConfiguration, OpcUaSource, Source, SparkplugSource
from edge.delivering import Delivering
from edge.link import HEARTBEAT_S, Link
from edge.mqtt_source import MqttCollector
from edge.sparkplug.birth_cache import BirthCache
from edge.sparkplug.source import HostNames, SparkplugCollector
from edge.spool import Delivery
from takt.batch import Quality, Sample
from takt.equipment import COLLECTOR_EQUIPMENT

if TYPE_CHECKING:
    from edge.opcua.certificates import CertificateFolder
    from edge.opcua.source import OpcUaCollector

log = logging.getLogger(__name__)

_WATCH_S = 1.0


class Collector:
    """Collects from every configured source until told to stop.

    Args:
        configuration: Its `edge.toml`.
        parts: Spool, writer and forwarder.
        folder: Where sources keep what they must know after a restart.
        wrong: By source what is wrong with its table; it is said and left out.
    """

    def __init__(
        self,
        configuration: EdgeConfiguration,
        parts: Delivering,
        folder: Path,
        wrong: Mapping[str, list[str]] = MappingProxyType({}),
    ) -> None:
        self._configuration = configuration
        self._wrong = wrong
        self._parts = parts
        self._folder = folder
        self._opcua = folder / "opcua"

    async def run(self, stop: asyncio.Event) -> None:
        """Collect until `stop` is set; an unforeseen error stops it all."""
        for name, lines in self._wrong.items():
            await self._leave_out(name, lines)
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

    async def _link(self, name: str, source: Source) -> Link:
        link = self._new_link(name, await self._served(name, source), source.expected_interval_s)
        await link.start()
        return link

    async def _leave_out(self, name: str, lines: list[str]) -> None:
        """Say in log and health what is wrong; its equipment, where known, has no data."""
        link = self._new_link(name, await self._parts.spool.served(name), None)
        for line in lines:
            await link.down(f"{line}; this source is left out, the others go on")
        await link.start()

    def _new_link(
        self, name: str, equipment: Iterable[str], expected_interval_s: float | None
    ) -> Link:
        parts = self._parts
        link = Link(
            name,
            equipment,
            expected_interval_s=expected_interval_s,
            clock=parts.clock,
            put=parts.writer.put,
            changed=parts.forwarder.report,
        )
        parts.links[name] = link
        return link

    async def _served(self, name: str, source: Source) -> Iterable[str]:
        if isinstance(source, OpcUaSource):
            return (*source.equipment, *await self._parts.spool.served(name))
        learned = await self._parts.spool.served(name)
        if isinstance(source, SparkplugSource) or source.equipment is None:
            return (*source.serves, *learned)
        return (*source.serves, source.equipment, *learned)

    @cached_property
    def _certificates(self) -> "CertificateFolder":
        from edge.opcua.certificates import CertificateFolder

        return CertificateFolder(self._opcua, self._configuration.application_uri)

    def _opcua_source(self, name: str, source: OpcUaSource, link: Link) -> "OpcUaCollector":
        # OPC UA's many types take two thirds of a second and 70 MB that other sources do not need.
        from edge.opcua.source import OpcUaCollector

        parts = self._parts
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

    def _source(
        self, name: str, source: Source, link: Link
    ) -> "OpcUaCollector | MqttCollector | SparkplugCollector":
        parts = self._parts
        if isinstance(source, OpcUaSource):
            return self._opcua_source(name, source, link)
        host_id = self._configuration.client_id
        client_id = source.client_id or f"{host_id}-{name}"
        if isinstance(source, SparkplugSource):
            return SparkplugCollector(
                name,
                source,
                HostNames(client_id, source.host_id or host_id),
                births=BirthCache(self._folder / "sparkplug" / f"{name}.db"),
                link=link,
                clock=parts.clock,
                put=parts.writer.put,
                learned=parts.spool.remember_served,
            )
        return MqttCollector(
            name,
            source,
            client_id,
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
        await self._say_clock(0.0)
        while True:
            await asyncio.sleep(_WATCH_S)
            if step_s := self._parts.clock.take_step_s():
                log.warning("the clock was set by %+.3f s; samples keep the old time", step_s)
                await self._say_clock(step_s)

    async def _say_clock(self, step_s: float) -> None:
        """The step, and how far the wall clock is from the time that samples have."""
        clock = self._parts.clock
        now, offset = clock.now(), f"offset {clock.offset_s:+.3f} s"
        step = Sample(COLLECTOR_EQUIPMENT, "$clock", now, step_s, offset, int(Quality.GOOD), now)
        await self._parts.writer.put(Delivery([step]))
