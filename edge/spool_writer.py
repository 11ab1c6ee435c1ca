"""From the sources into the spool: one queue, one group commit at a time.

Belongs here: how many samples one commit takes, and who waits when the spool is full.
"""

import asyncio
import logging
import time
from contextlib import suppress

from edge.shared_spool import SharedSpool
from edge.spool import Delivery, SpoolFullError
from takt.batch import MAX_AGE_S, MAX_ROWS

log = logging.getLogger(__name__)

_TICK_S = 0.005
_AWAITING_ACK = 10
"""Brokers hand over 10 to 65,535 messages before they wait for acknowledgements."""
_ENOUGH_AWAITED = 250
"""So many are committed at once: their source brings the next ones meanwhile."""
_MOST_ROWS = 10_000
"""Of one commit, whose time others wait."""
_RETRY_S = 5.0
_REPEAT_WARNING_S = 60.0


class SpoolWriter:
    """Collects deliveries and has them accepted together.

    Args:
        spool: Where they go.
        waiting: How many deliveries may wait; a source that brings more waits itself.
        waiting_samples: As many samples may wait before the next delivery does.
    """

    def __init__(
        self, spool: SharedSpool, waiting: int = 10_000, waiting_samples: int = 20_000
    ) -> None:
        self._spool = spool
        self._queue: asyncio.Queue[Delivery | None] = asyncio.Queue(waiting)
        self._most_samples = waiting_samples
        self._samples = 0
        self._has_room = asyncio.Event()
        self._warned_at = -_REPEAT_WARNING_S

    async def put(self, delivery: Delivery) -> None:
        """Hand over samples; waits while too many are waiting."""
        while self._samples >= self._most_samples:
            self._has_room.clear()
            await self._has_room.wait()
        self._samples += len(delivery.samples)
        try:
            await self._queue.put(delivery)
        except asyncio.CancelledError:
            self._take_off(delivery)
            raise

    async def end(self) -> None:
        """Let `run` return once everything handed over so far is accepted."""
        await self._queue.put(None)

    async def run(self) -> None:
        """Write until `end` is called."""
        is_open = True
        while is_open:
            group, is_open = await self._gather()
            if group:
                await self._accept(group)

    async def _gather(self) -> tuple[list[Delivery], bool]:
        """The next group, and whether more may follow."""
        if (first := await self._queue.get()) is None:
            return [], False
        self._take_off(first)
        group, rows, awaited = [first], len(first.samples), _awaited(first)
        deadline = time.monotonic() + MAX_AGE_S
        while rows < MAX_ROWS:
            if self._queue.empty():
                if time.monotonic() >= deadline or awaited >= _ENOUGH_AWAITED:
                    break
                await asyncio.sleep(_TICK_S)
                # A source that waits for its acknowledgement sends nothing more before it.
                if self._queue.empty() and awaited >= _AWAITING_ACK:
                    break
                continue
            if (delivery := self._queue.get_nowait()) is None:
                return group, False
            self._take_off(delivery)
            group.append(delivery)
            rows += len(delivery.samples)
            awaited += _awaited(delivery)
        return self._rest(group, rows)

    def _rest(self, group: list[Delivery], rows: int) -> tuple[list[Delivery], bool]:
        """What has come meanwhile as well: a slow disk costs one sync for all of it."""
        while rows < _MOST_ROWS and not self._queue.empty():
            if (delivery := self._queue.get_nowait()) is None:
                return group, False
            self._take_off(delivery)
            group.append(delivery)
            rows += len(delivery.samples)
        return group, True

    def _take_off(self, delivery: Delivery) -> None:
        self._samples -= len(delivery.samples)
        self._has_room.set()

    async def _accept(self, group: list[Delivery]) -> None:
        while True:
            try:
                await self._spool.append(group)
                break
            except SpoolFullError as full:
                self._warn(full)
            self._spool.settled.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_RETRY_S):
                    await self._spool.settled.wait()
        for delivery in group:
            if delivery.accepted is not None:
                delivery.accepted()

    def _warn(self, full: SpoolFullError) -> None:
        if time.monotonic() - self._warned_at >= _REPEAT_WARNING_S:
            self._warned_at = time.monotonic()
            log.warning("%s", full)


def _awaited(delivery: Delivery) -> int:
    return 0 if delivery.accepted is None else len(delivery.samples)
