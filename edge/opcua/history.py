"""What a server remembers of a gap, read from its history (HistoryRead, raw values).

Belongs here: bounded reading and its progress. Values that the spool has already are dropped
there by source time and value; all others are marked as historical.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

from asyncua import Client, ua

from edge.clock import Clock
from edge.link import Put
from edge.opcua.address import Target
from edge.opcua.tree import Limits, read_attribute
from edge.opcua.value import as_samples, has_source_time
from edge.payload import PayloadError
from edge.spool import Delivery

log = logging.getLogger(__name__)

_VALUES_PER_REQUEST = 1_000
_REPORT_EVERY_S = 10.0
_HISTORY_READ = 1 << ua.AccessLevel.HistoryRead.value
_TICK = timedelta(microseconds=1)


class BackFill:
    """Fills one gap of one source, over as many connections as it takes.

    Args:
        name: The source's name.
        since: Where the gap begins, in the server's time.
        put: Where samples go.
        clock: The collector's time.

    Attributes:
        since: Where the gap begins.
        beaten_until: From when on equipment lacks the heartbeats of the gap, in µs; if it has any.
    """

    def __init__(self, name: str, since: datetime, put: Put, clock: Clock) -> None:
        self._name = name
        self.since = since
        self._put = put
        self._clock = clock
        self.beaten_until: dict[str, int] = {}
        self._reached: dict[tuple[str, str], datetime] = {}
        self._values = 0
        self._reported_at = time.monotonic()

    async def run(
        self, client: Client, limits: Limits, targets: Sequence[Target], until: datetime
    ) -> set[str]:
        """Read what is missing before `until`; one node's refusal does not stop the others.

        Returns:
            The equipment of which nothing is missing: every node of it has a history.
        """
        wanted: dict[ua.NodeId, list[Target]] = {}
        for target in targets:
            wanted.setdefault(target.node, []).append(target)
        offering = await _with_history(client, limits, list(wanted))
        missing = set(wanted) - set(offering)
        for number, node in enumerate(offering):
            try:
                await self._fill(client, wanted[node], until)
            except ua.UaStatusCodeError as error:
                missing.add(node)
                log.warning(
                    "%s: the server gives no history of %s (%s); its gap stays",
                    *(self._name, wanted[node][0].wanted.place, type(error).__name__),
                )
            self._report(number + 1, len(offering))
        log.info(
            "%s: %d values from the history of %d nodes, %s to %s; %d nodes have none: a gap stays",
            *(self._name, self._values, len(wanted) - len(missing)),
            *(f"{self.since:%Y-%m-%d %H:%M:%S}", f"{until:%Y-%m-%d %H:%M:%S}"),
            len(missing),
        )
        incomplete = {target.equipment for node in missing for target in wanted[node]}
        return {target.equipment for target in targets} - incomplete

    async def _fill(self, client: Client, targets: list[Target], until: datetime) -> None:
        key = (targets[0].equipment, targets[0].signal)
        since = self._reached.get(key, self.since)
        async for values in _raw(client, targets[0].node, since, until):
            await self._hand_over(targets, values)
            if values[-1].SourceTimestamp is not None:
                self._reached[key] = values[-1].SourceTimestamp

    async def _hand_over(self, targets: list[Target], values: list[ua.DataValue]) -> None:
        """Wait until they are accepted: live values wait for no history."""
        now = self._clock.now()
        samples = []
        for data in values:
            # Without its own time a value of the past has no place.
            if not has_source_time(data):
                continue
            for target in targets:
                try:
                    found = as_samples(target.equipment, target.signal, data, now, _leave_out)
                except PayloadError:
                    continue
                samples += [sample._replace(is_historical=True) for sample in found]
        accepted = asyncio.Event()
        await self._put(Delivery(samples, self._name, accepted.set))
        await accepted.wait()
        self._values += len(values)

    def _report(self, done: int, of: int) -> None:
        if time.monotonic() - self._reported_at >= _REPORT_EVERY_S:
            self._reported_at = time.monotonic()
            log.info(
                "%s: back-filled %d values, %d of %d nodes", self._name, self._values, done, of
            )


def _leave_out(_why: str) -> None:
    """A part that has no place on the wire; the subscription has named it."""


async def _with_history(
    client: Client, limits: Limits, nodes: Sequence[ua.NodeId]
) -> list[ua.NodeId]:
    levels = await read_attribute(client, limits, nodes, ua.AttributeIds.AccessLevel)
    return [
        node
        for node, level in zip(nodes, levels, strict=True)
        if isinstance(level, int) and level & _HISTORY_READ
    ]


async def _raw(
    client: Client, node: ua.NodeId, since: datetime, until: datetime
) -> AsyncIterator[list[ua.DataValue]]:
    """The raw values of a node, in portions.

    Some servers cut a long answer without a continuation point: a full one is gone on from.
    """
    details = ua.ReadRawModifiedDetails()
    details.IsReadModified = False
    details.ReturnBounds = False
    details.NumValuesPerNode = _VALUES_PER_REQUEST
    details.StartTime, details.EndTime = since, until
    point: bytes | None = None
    while True:
        result = await client.get_node(node).history_read(details, point)
        result.StatusCode.check()
        values = list(result.HistoryData.DataValues or []) if result.HistoryData else []
        if values:
            yield values
        previous, point = point, result.ContinuationPoint
        if point and point != previous:
            continue
        last = values[-1].SourceTimestamp if values else None
        if len(values) < _VALUES_PER_REQUEST or last is None or last >= until:
            return
        # A portion of one instant only would be read for ever.
        details.StartTime = last if last > details.StartTime else last + _TICK
        point = None
