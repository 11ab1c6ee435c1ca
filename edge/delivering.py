"""All that a collector needs beside its sources: a spool, its writer and its forwarder.

Belongs here: in which order these begin and end. An operator terminal is a collector without
sources and needs nothing more.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from edge.clock import Clock
from edge.configuration import SpoolConfiguration
from edge.forwarder import Forwarder, Reporter
from edge.link import Link
from edge.shared_spool import SharedSpool
from edge.spool import Spool
from edge.spool_watch import SpoolWatch
from edge.spool_writer import SpoolWriter
from takt.broker_access import BrokerAccess
from takt.messages import SourceHealth
from takt.topics import Collector as Identity

log = logging.getLogger(__name__)

_FLUSH_S = 3.0


class Delivering:
    """A spool, its writer and its forwarder.

    Attributes:
        clock: The collector's time.
        writer: Takes deliveries.
        spool: Holds them.
        forwarder: Delivers them.
        watch: Looks how full the spool is.
        links: The sources' links, as health reports them.
    """

    def __init__(
        self, identity: Identity, spool: SpoolConfiguration, path: Path, broker: BrokerAccess
    ) -> None:
        self.clock = Clock()
        opened = Spool(
            path,
            self.clock.now,
            capacity_bytes=spool.capacity_mb * 1_000_000,
            max_age_s=spool.max_age_h and spool.max_age_h * 3_600,
            when_full=spool.when_full,
            recent_keys_age_s=spool.recent_keys_age_s,
            recent_keys_rows=spool.recent_keys_rows,
        )
        self.clock.never_before(opened.last_received_at)
        self.spool = SharedSpool(opened)
        self.writer = SpoolWriter(self.spool)
        self.links: dict[str, Link] = {}
        self.watch = SpoolWatch(self.spool, spool.capacity_mb * 1_000_000, self._report)
        self.forwarder = Forwarder(
            self.spool, identity, broker, Reporter(self._sources, self.clock.now, self.watch)
        )

    @property
    def ailment(self) -> str:
        """What keeps samples from being accepted or from leaving; empty: nothing."""
        if self.spool.refuses:
            return f"the spool accepts nothing: {self.spool.refuses}"
        return "" if self.forwarder.is_connected else "no connection to the broker"

    def _report(self) -> None:
        self.forwarder.report()

    def _sources(self) -> dict[str, SourceHealth]:
        return {name: link.health for name, link in self.links.items()}


@asynccontextmanager
async def delivering(
    identity: Identity, spool: SpoolConfiguration, path: Path, broker: BrokerAccess
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
            watching = tasks.create_task(parts.watch.run(), name="watch spool")
            try:
                yield parts
            finally:
                await _end_writing(parts.writer, writing)
                forwarding.cancel()
                watching.cancel()
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
