"""When something was missed, and that it is made good before new moments count.

Belongs here: one gap of one source from its beginning to its end, over restarts. The moment is
`edge.opcua.covered`, the reading `edge.opcua.history`. Equipment of which nothing is missing
any more gets the heartbeats that it would have had: its time counts as covered, as far back as
the server has been running. No history tells when nothing changed from when nobody looked.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

from asyncua import ua

from edge.clock import Clock
from edge.configuration import OpcUaSource
from edge.link import HEARTBEAT_S, Put
from edge.opcua.covered import Covered
from edge.opcua.history import BackFill
from edge.opcua.session import Session
from edge.opcua.subscribing import CLOCK_NODE
from edge.opcua.tree import read_attribute
from edge.opcua.value import aware
from edge.spool import Delivery
from takt.batch import MAX_ROWS, Quality, Sample

_START_NODE = ua.NodeId(ua.ObjectIds.Server_ServerStatus_StartTime)
_BEAT = round(HEARTBEAT_S * 1_000_000)
_OVERLAP = timedelta(seconds=5)
"""By how much a value may come later than the server's clock that was read beside it."""


class Gaps:
    """The gaps of one source.

    Args:
        name: The source's name.
        source: Its configuration.
        folder: Where the covered moment is kept.
        put: Where samples go.
        clock: The collector's time.
    """

    def __init__(
        self, name: str, source: OpcUaSource, folder: Path, *, put: Put, clock: Clock
    ) -> None:
        self._name = name
        self._source = source
        self._put = put
        self._clock = clock
        self._covered = Covered(folder / f"{name}.covered.json", put)
        self._back_fill: BackFill | None = None
        self._ended = asyncio.Event()

    def begin(self) -> None:
        """From now on values may be missed."""
        self._covered.begin_gap()

    def end(self) -> None:
        """Values come again: what was missed can be read."""
        self._ended.set()

    async def reach(self, moment: datetime) -> None:
        """The server's clock has come so far."""
        await self._covered.reach(aware(moment))

    def save(self) -> None:
        """Keep the moment for the next start."""
        self._covered.save()

    async def run(self, session: Session) -> NoReturn:
        """Fill gaps as they end, for the length of a connection."""
        while True:
            await self._ended.wait()
            self._ended.clear()
            through, gap = self._covered.through, self._covered.gaps
            if self._covered.is_gap and through is not None and self._source.back_fill_hours:
                await self._fill(session, through)
            if not self._ended.is_set():
                self._back_fill = None
                self._covered.end_gap(gap)

    async def _fill(self, session: Session, through: datetime) -> None:
        now = aware(await session.client.get_node(CLOCK_NODE).read_value())
        overlap = _OVERLAP + timedelta(milliseconds=2 * self._source.publishing_interval_ms)
        if self._back_fill is None:
            most = timedelta(hours=self._source.back_fill_hours)
            since = max(through - overlap, now - most)
            self._back_fill = BackFill(self._name, since, self._put, self._clock)
        targets = [target for known in session.items.targets.values() for target in known]
        fill = self._back_fill
        started = await _started(session)
        whole = await fill.run(session.client, session.limits, targets, now + overlap)
        if started is not None:
            since = max(fill.since, started)
            await self._beat(fill, whole - session.items.incomplete, since, now)

    async def _beat(
        self, fill: BackFill, equipment: Iterable[str], since: datetime, until: datetime
    ) -> None:
        """Heartbeats of the past, each once; like history they wait until they are accepted.

        No repeats are looked for: they would take the room of what sources repeat. Those that a
        restart writes again cover nothing twice.
        """
        now, good = self._clock.now(), int(Quality.GOOD)
        for path in sorted(equipment):
            first = max(_next_beat(since), fill.beaten_until.get(path, 0))
            times = range(first, _next_beat(until), _BEAT)
            for part in range(0, len(times), MAX_ROWS):
                beats = [
                    Sample(path, "$heartbeat", at, 1.0, self._name, good, now, is_historical=True)
                    for at in times[part : part + MAX_ROWS]
                ]
                accepted = asyncio.Event()
                await self._put(Delivery(beats, None, accepted.set))
                await accepted.wait()
                fill.beaten_until[path] = beats[-1].observed_at + _BEAT


async def _started(session: Session) -> datetime | None:
    """Since when the server has been running; None: it does not say."""
    [moment] = await read_attribute(
        session.client, session.limits, [_START_NODE], ua.AttributeIds.Value
    )
    # OPC UA's first moment, 1601, stands for no time.
    return aware(moment) if isinstance(moment, datetime) and moment.year > 1601 else None


def _next_beat(moment: datetime) -> int:
    """The first moment of a heartbeat at or after this one, in µs."""
    return -(-round(moment.timestamp() * 1_000_000) // _BEAT) * _BEAT
