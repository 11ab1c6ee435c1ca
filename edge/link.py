"""How a source is, said as events in the stream of samples.

Belongs here: `$heartbeat` and `$link`, written for each equipment that the source serves.
Silence of a source that is connected is `stalled`, not `up`. Where a source can tell that one
piece of its equipment is lost, that one is `down` while the link is up.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Literal

from prometheus_client import Gauge

from edge.clock import Clock
from edge.spool import Delivery
from takt.batch import Quality, Sample
from takt.messages import SourceHealth

log = logging.getLogger(__name__)

HEARTBEAT_S = 5.0
MAX_EQUIPMENT = 1_000
"""With so many pieces of equipment a source learns no more: something in its topics changes."""
_MIN_SILENCE_S = 10.0
_UNNOTICED_S = 3.0
"""So long a lost connection is taken for lost now; what is lost longer is said to be."""
_VALUES = {"up": 1.0, "down": 0.0, "stalled": -1.0}
_LINK = Gauge("takt_edge_link", "A source's link: 1 up, 0 down, -1 stalled.", ["source"])

Put = Callable[[Delivery], Awaitable[None]]


class Link:
    """One source's link: up, down or stalled, with the reason.

    Args:
        source: Its name.
        equipment: What it serves, as far as known.
        expected_interval_s: Longest usual time between samples; None: silence is normal.
        clock: The collector's time.
        put: Where events go.
        changed: Called after every change.
    """

    def __init__(
        self,
        source: str,
        equipment: Iterable[str],
        *,
        expected_interval_s: float | None,
        clock: Clock,
        put: Put,
        changed: Callable[[], None],
    ) -> None:
        self._source = source
        self._equipment = dict.fromkeys(equipment)
        self._lost: dict[str, str] = {}
        self._clock = clock
        self._put = put
        self._changed = changed
        self._silence_s = expected_interval_s and max(3 * expected_interval_s, _MIN_SILENCE_S)
        self._state: Literal["up", "down", "stalled"] = "down"
        self._reason = "starting"
        self._seen_at = time.monotonic()
        self._last_sample_at: int | None = None
        self.remark = ""

    @property
    def health(self) -> SourceHealth:
        """What the health message says."""
        last = self._last_sample_at
        told = "; ".join(filter(None, (self._reason, self.remark)))
        return SourceHealth(
            link=self._state,
            # What machines call their values may be no text that can be sent.
            reason=told.encode("utf-8", "backslashreplace").decode(),
            last_sample_at=None if last is None else datetime.fromtimestamp(last / 1e6, UTC),
        )

    @property
    def equipment(self) -> tuple[str, ...]:
        """What the source is known to serve."""
        return tuple(self._equipment)

    def serves(self, equipment: str) -> bool:
        """Whether the source is known to serve this equipment."""
        return equipment in self._equipment

    @property
    def is_full(self) -> bool:
        """Whether the source must not learn more equipment."""
        return len(self._equipment) >= MAX_EQUIPMENT

    async def add(self, equipment: str) -> None:
        """The source serves one more."""
        self._equipment[equipment] = None
        await self._say([equipment])

    async def start(self) -> None:
        """Say that the collector has started and the link is not up yet."""
        await self._say(self._equipment)

    async def up(self, reason: str = "connected") -> None:
        """The source is connected."""
        self._seen_at = time.monotonic()
        await self._change("up", reason)

    async def down(self, reason: str, silent_s: float = 0.0) -> None:
        """The source is not connected; it was last heard `silent_s` ago, and is missing since."""
        if self._state != "down" and silent_s > _UNNOTICED_S:
            since = self._clock.now() - int(silent_s * 1_000_000)
            text = f"{self._source}: {reason}"
            await self._write(self._equipment, "$link", _VALUES["down"], text, since)
        await self._change("down", reason)

    async def lose(self, equipment: Iterable[str], reason: str, at: int | None = None) -> None:
        """Some equipment is no longer heard although the source is; `at` in µs, None: now.

        A time in the past is told as well as the present one: heartbeats may lie between.
        """
        newly = [path for path in equipment if path in self._equipment and path not in self._lost]
        self._lost.update(dict.fromkeys(newly, reason))
        if self._state == "down" or not newly:
            return
        if at is not None and 0 < at < self._clock.now():
            text = f"{self._source}: {reason}"
            await self._write(newly, "$link", _VALUES["down"], text, at)
        await self._say(newly)

    async def regain(self, equipment: Iterable[str]) -> None:
        """Some equipment is heard again."""
        again = [path for path in equipment if self._lost.pop(path, None) is not None]
        if self._state == "up" and again:
            await self._say(again)
            await self._write(again, "$heartbeat", 1.0, self._source)

    def saw(self, received_at: int) -> None:
        """Samples came; `received_at` in µs."""
        self._seen_at = time.monotonic()
        self._last_sample_at = received_at

    async def watch(self) -> None:
        """Notice silence and its end; to be called about once a second."""
        if self._silence_s is None or self._state == "down":
            return
        silent_s = time.monotonic() - self._seen_at
        if self._state == "up" and silent_s > self._silence_s:
            await self._change("stalled", f"no data for {silent_s:.0f} s")
        elif self._state == "stalled" and silent_s <= self._silence_s:
            await self._change("up", "data again")

    async def beat(self) -> None:
        """Write a heartbeat when the link is up."""
        if self._state == "up":
            heard = [path for path in self._equipment if path not in self._lost]
            await self._write(heard, "$heartbeat", 1.0, self._source)

    async def _change(self, state: Literal["up", "down", "stalled"], reason: str) -> None:
        if (state, reason) == (self._state, self._reason):
            return
        is_new = state != self._state
        self._state, self._reason = state, reason
        _LINK.labels(self._source).set(_VALUES[state])
        level = logging.INFO if state == "up" else logging.WARNING
        log.log(level, "%s: %s: %s", self._source, state, reason)
        if is_new:
            await self._say(self._equipment)
            await self.beat()
        self._changed()

    async def _say(self, equipment: Iterable[str]) -> None:
        lost = self._lost if self._state != "down" else {}
        samples = []
        now = self._clock.now()
        for path in equipment:
            value = _VALUES["down" if path in lost else self._state]
            text = f"{self._source}: {lost.get(path, self._reason)}"
            samples.append(Sample(path, "$link", now, value, text, int(Quality.GOOD), now))
        if samples:
            await self._put(Delivery(samples))

    async def _write(
        self,
        equipment: Iterable[str],
        signal: str,
        value: float,
        text: str,
        at: int | None = None,
    ) -> None:
        now = self._clock.now()
        observed_at = now if at is None else at
        samples = [
            Sample(path, signal, observed_at, value, text, int(Quality.GOOD), now)
            for path in equipment
        ]
        if samples:
            await self._put(Delivery(samples))
