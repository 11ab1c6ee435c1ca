"""The plant's story told as time goes by: every sample when it is due, in order.

Belongs here: the clock, the order of samples, and how far the story has been told. Protocols
are in `opcua_server` and `mqtt_publisher`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from edge.simulator import marker
from edge.simulator.shifts import to_datetime
from edge.simulator.signals import Series, Signal, Signals

_AHEAD_MS = 2_000
_CHUNK_MS = 60_000


class Telling(NamedTuple):
    """One value of one signal: a number or a text, born at `at` (ms)."""

    at: int
    equipment_id: str
    signal: Signal
    value: float | str


Deliver = Callable[[Telling], Awaitable[None]]


def tellings(series: Series) -> Iterator[Telling]:
    """The samples of a series one by one."""
    values = series.texts if series.values is None else series.values.tolist()
    assert values is not None
    for at, value in zip(series.at.tolist(), values, strict=True):
        yield Telling(at, series.equipment_id, series.signal, value)


class Clock:
    """Plant time: from `begin` on `speed` times as fast as ours, until it has caught up."""

    def __init__(self, begin: int, speed: float) -> None:
        self._begin = begin
        self._speed = speed
        self._started_s = time.monotonic()

    def now(self) -> int:
        """Plant time in ms."""
        present = time.time_ns() // 1_000_000
        if self._speed <= 1:
            return present
        run = (time.monotonic() - self._started_s) * 1_000 * self._speed
        return min(present, self._begin + int(run))

    async def wait_until(self, at: int) -> None:
        """Return once it is `at`."""
        while (left_ms := at - self.now()) > 0:  # noqa: ASYNC110 - it is time that is waited for
            await asyncio.sleep(left_ms / 1_000 / max(self._speed, 1))


class Playback:
    """Tells everything from `begin` on, and remembers in `folder` how far it has come.

    With a speed of 1 what lies before the present is told at once.
    """

    def __init__(self, signals: Signals, clock: Clock, folder: Path, begin: int) -> None:
        self._signals = signals
        self._clock = clock
        self._folder = folder
        self._told_through = begin
        self._next_at = begin
        self._marked = begin

    async def run(self, deliver: Deliver) -> None:
        """Deliver every sample when it is due, until cancelled."""
        while True:
            until = max(self._told_through, self._clock.now()) + _CHUNK_MS
            for each in await asyncio.to_thread(self._chunk, self._told_through, until):
                self._next_at = each.at
                await self._clock.wait_until(each.at)
                self._mark(each.at)
                await deliver(each)
            self._next_at = self._told_through = until
            await self._clock.wait_until(until)

    def opening(self) -> list[Telling]:
        """What each repeatable signal says where the story begins."""
        return self._current(self._told_through)

    def current(self) -> list[Telling]:
        """What each repeatable signal says now, as of now."""
        return self._current(self._clock.now())

    def close(self) -> None:
        """Mark exactly how far the story was told."""
        marker.keep(self._folder, to_datetime(min(self._clock.now(), self._next_at)))

    def _current(self, at: int) -> list[Telling]:
        return [each for series in self._signals.current(at) for each in tellings(series)]

    def _chunk(self, begin: int, end: int) -> list[Telling]:
        samples = [
            each for series in self._signals.between(begin, end) for each in tellings(series)
        ]
        return sorted(samples, key=attrgetter("at"))

    def _mark(self, at: int) -> None:
        if at >= self._marked:
            self._marked = at + _AHEAD_MS
            marker.keep(self._folder, to_datetime(self._marked))
