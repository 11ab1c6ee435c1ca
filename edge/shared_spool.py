"""The spool for many tasks: one thread does its work, one call after another."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from edge.spool import (
    DeclaredLoss,
    Delivery,
    Outgoing,
    Settlement,
    Spool,
    SpoolFullError,
    SpoolStatus,
)

P = ParamSpec("P")
R = TypeVar("R")


class SharedSpool:
    """A spool whose calls are awaited.

    Attributes:
        appended: Set when samples were accepted; whoever forwards them clears it.
        settled: Set when the lake has taken some; whoever waits for room clears it.
        refuses: Why the last append was refused; empty: it was not.
        turned: Set when `refuses` has changed; whoever watches clears it.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._thread = ThreadPoolExecutor(1, "spool")
        self.appended = asyncio.Event()
        self.settled = asyncio.Event()
        self.refuses = ""
        self.turned = asyncio.Event()

    @property
    def epoch(self) -> str:
        """As `Spool.epoch`."""
        return self._spool.epoch

    @property
    def last_seq(self) -> int:
        """As `Spool.last_seq`."""
        return self._spool.last_seq

    @property
    def has_losses(self) -> bool:
        """Whether losses wait to be settled."""
        return self._spool.has_losses

    @property
    def has_closed(self) -> bool:
        """Whether an epoch ended and this was not yet reported."""
        return self._spool.has_closed

    async def append(self, deliveries: Sequence[Delivery]) -> int:
        """As `Spool.append`."""
        try:
            accepted = await self._call(self._spool.append, deliveries)
        except SpoolFullError as full:
            self._turn(str(full))
            raise
        self._turn("")
        self.appended.set()
        return accepted

    def _turn(self, refuses: str) -> None:
        if bool(refuses) != bool(self.refuses):
            self.turned.set()
        self.refuses = refuses

    async def read(
        self, epoch: str | None, first: int, last: int | None = None, *, batches: int
    ) -> list[Outgoing]:
        """As `Spool.read`."""
        return await self._call(self._spool.read, epoch, first, last, batches=batches)

    async def losses(self) -> list[DeclaredLoss]:
        """As `Spool.losses`."""
        return await self._call(self._spool.losses)

    async def settle(self, epoch: str, through: int) -> Settlement:
        """As `Spool.settle`."""
        settlement = await self._call(self._spool.settle, epoch, through)
        if settlement is Settlement.ADVANCED:
            self.settled.set()
        return settlement

    async def renumber(self, epoch: str) -> bool:
        """As `Spool.renumber`."""
        return await self._call(self._spool.renumber, epoch)

    async def status(self) -> SpoolStatus:
        """As `Spool.status`."""
        return await self._call(self._spool.status)

    async def closed(self) -> dict[str, int]:
        """As `Spool.closed`."""
        return await self._call(self._spool.closed)

    async def forget_closed(self, epoch: str) -> None:
        """As `Spool.forget_closed`."""
        await self._call(self._spool.forget_closed, epoch)

    async def served(self, source: str) -> tuple[str, ...]:
        """As `Spool.served`."""
        return await self._call(self._spool.served, source)

    async def remember_served(self, source: str, equipment: str) -> None:
        """As `Spool.remember_served`."""
        await self._call(self._spool.remember_served, source, equipment)

    def close(self) -> None:
        """Finish what was begun, then close the spool."""
        self._thread.shutdown(wait=True)
        self._spool.close()

    def _call(self, method: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._thread, lambda: method(*args, **kwargs))
