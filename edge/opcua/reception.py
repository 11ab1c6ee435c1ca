"""From what a subscription says to samples, a whole notification at a time.

Belongs here: taking over, repeats after a new subscription, what cannot be taken, and the
signs that the server is heard. Sessions and their end are `edge.opcua.source`.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NoReturn

from asyncua import ua
from asyncua.common.subscription import DataChangeEvent, StatusChangeEvent, SubEvent

from edge.clock import Clock
from edge.link import Link, Put
from edge.opcua.address import Target
from edge.opcua.errors import SourceLostError
from edge.opcua.gaps import Gaps
from edge.opcua.session import Notifications
from edge.opcua.subscribing import CLOCK_NODE
from edge.opcua.value import as_samples, has_overflown, has_source_time
from edge.payload import PayloadError
from edge.spool import Delivery
from takt.batch import MAX_ROWS, Sample

log = logging.getLogger(__name__)

Name = tuple[str, str]
"""Equipment and signal: what stays the same over connections."""


class Reception:
    """Takes over what one server says, over all connections.

    Args:
        name: The source's name.
        put: Where samples go.
        link: Learns that the server speaks.
        clock: The collector's time.
        gaps: Learns how far the server's clock is.

    Attributes:
        latest: What each node said last on this connection.
        heard: Set with every word; whoever waits for one clears it.
        overflows: How often the server dropped values; whoever reports it sets it to 0.
    """

    def __init__(self, name: str, put: Put, link: Link, clock: Clock, gaps: Gaps) -> None:
        self._name = name
        self._put = put
        self._link = link
        self._clock = clock
        self._gaps = gaps
        self._targets: Mapping[ua.NodeId, Sequence[Target]] = {}
        self._handed_over: dict[Name, ua.DataValue] = {}
        self._left_out: set[ua.NodeId] = set()
        self._heard_at = 0.0
        self._is_handing_over = False
        self.latest: dict[ua.NodeId, ua.DataValue] = {}
        self.heard = asyncio.Event()
        self.overflows = 0

    def begin(self, targets: Mapping[ua.NodeId, Sequence[Target]]) -> None:
        """A connection begins; `targets` grows as items are made."""
        self._targets = targets
        self.latest.clear()
        self._is_handing_over = False
        self._hear()

    @property
    def silence_s(self) -> float:
        """Since when nothing was heard; 0 while the spool has no room for what was."""
        return 0.0 if self._is_handing_over else self.since_heard_s

    @property
    def since_heard_s(self) -> float:
        """Since when nothing was taken over, whosever fault it is."""
        return time.monotonic() - self._heard_at

    async def run(self, notifications: Notifications) -> NoReturn:
        """Take over until cancelled.

        Raises:
            SourceLostError: The subscription has ended.
        """
        while True:
            await self._take(await notifications.next())

    async def _take(self, events: Sequence[SubEvent]) -> None:
        self._hear()
        moment = None
        changes: list[tuple[ua.NodeId, ua.DataValue]] = []
        for event in events:
            match event:
                case DataChangeEvent() if event.node.nodeid == CLOCK_NODE:
                    moment = event.value
                case DataChangeEvent():
                    changes.append((event.node.nodeid, event.data.monitored_item.Value))
                case StatusChangeEvent():
                    await self._take_changes(changes)
                    status = event.notification.Status.name
                    raise SourceLostError(f"the subscription ended ({status})")
        await self._take_changes(changes)
        if isinstance(moment, datetime):
            await self._gaps.reach(moment)

    async def _take_changes(self, changes: Sequence[tuple[ua.NodeId, ua.DataValue]]) -> None:
        if not changes:
            return
        now = self._clock.now()
        self._link.saw(now)
        timed: list[Sample] = []
        untimed: list[Sample] = []
        said: dict[Name, ua.DataValue] = {}
        for node, data in changes:
            is_first = node not in self.latest
            self.latest[node] = data
            if has_overflown(data.StatusCode):
                self.overflows += 1
            targets = self._targets.get(node, ())
            if not targets or (is_first and self._is_repeat(targets[0], data)):
                continue
            said[targets[0][1:3]] = data
            samples = timed if has_source_time(data) else untimed
            samples += self._samples(targets, data, now)
        await self._hand_over(timed, untimed)
        self._handed_over.update(said)

    def _is_repeat(self, target: Target, data: ua.DataValue) -> bool:
        """Whether a new subscription begins with what was handed over from the last one."""
        known = self._handed_over.get(target[1:3])
        return (
            known is not None
            and has_source_time(data)
            and known.SourceTimestamp == data.SourceTimestamp
            and (known.Value, known.StatusCode) == (data.Value, data.StatusCode)
        )

    def _samples(self, targets: Sequence[Target], data: ua.DataValue, now: int) -> list[Sample]:
        samples: list[Sample] = []
        skip = partial(self._leave_out, targets[0].node)
        try:
            for target in targets:
                samples += as_samples(target.equipment, target.signal, data, now, skip)
        except PayloadError as error:
            skip(str(error))
            return []
        return samples

    async def _hand_over(self, timed: Sequence[Sample], untimed: Sequence[Sample]) -> None:
        self._is_handing_over = True
        for first in range(0, len(timed), MAX_ROWS):
            await self._put(Delivery(timed[first : first + MAX_ROWS], self._name))
        for first in range(0, len(untimed), MAX_ROWS):
            await self._put(Delivery(untimed[first : first + MAX_ROWS], None))
        self._is_handing_over = False

    def _hear(self) -> None:
        self._heard_at = time.monotonic()
        self.heard.set()

    def _leave_out(self, node: ua.NodeId, why: str) -> None:
        if node not in self._left_out:
            self._left_out.add(node)
            log.warning("%s: values of node %s are left out: %s", self._name, node.to_string(), why)
