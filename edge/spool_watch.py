"""Watches how full a spool is, whether or not there is a broker, and says so in time."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from prometheus_client import Gauge

from edge.fill_level import FillLevel, Level
from edge.shared_spool import SharedSpool

log = logging.getLogger(__name__)

_EVERY_S = 5.0

_ACCEPTED = Gauge("takt_edge_rows_accepted", "Rows accepted in the present epoch so far.")
_ROWS = Gauge("takt_edge_spool_rows", "Rows that wait for the lake.")
_BYTES = Gauge("takt_edge_spool_bytes", "Bytes of the batches that wait for the lake.")
_PERCENT = Gauge("takt_edge_spool_full_percent", "How full the spool is.")


class SpoolWatch:
    """Looks at one spool.

    Args:
        spool: Which.
        capacity_bytes: Of batches that may wait.
        changed: Called when a mark is reached or left, or accepting stops or goes on.

    Attributes:
        level: As last seen.
    """

    def __init__(
        self, spool: SharedSpool, capacity_bytes: int, changed: Callable[[], None]
    ) -> None:
        self._spool = spool
        self._fill = FillLevel(capacity_bytes)
        self._changed = changed
        self._refused = ""
        self.capacity_bytes = capacity_bytes
        self.level = Level(0.0, 0, None)

    async def run(self) -> NoReturn:
        """Look until cancelled."""
        while True:
            await self.look()
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY_S):
                    await self._spool.turned.wait()
            self._spool.turned.clear()

    async def look(self) -> None:
        """Look once."""
        status = await self._spool.status()
        before = self.level
        self.level = self._fill.look(status.bytes, status.free_bytes, time.monotonic())
        if self.level.mark > before.mark:
            log.warning("the spool is %.0f %% full; %s", self.level.percent, _forecast(self.level))
        elif self.level.mark < before.mark:
            log.info("the spool is down to %.0f %%", self.level.percent)
        _ACCEPTED.set(status.accepted_rows)
        _ROWS.set(status.rows)
        _BYTES.set(status.bytes)
        _PERCENT.set(self.level.percent)
        refuses = self._spool.refuses
        if self._refused and not refuses:
            log.info("the spool accepts samples again")
        if self.level.mark != before.mark or refuses != self._refused:
            self._refused = refuses
            self._changed()


def _forecast(level: Level) -> str:
    if level.full_in_s is None:
        return "at present it does not fill further"
    return f"full in about {level.full_in_s / 3600:.1f} h if nothing changes"
