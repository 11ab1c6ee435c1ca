"""Which health messages are kept: every change, and otherwise one per collector and half minute.

Those of collectors that are not ours are kept for a minute, in memory: their shard's owner may
have died before it had committed them, and be replaced by this process.
"""

import json
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa

from ingestion.intake import microseconds
from lake.schema import HEALTH
from takt.messages import Health
from takt.topics import Collector

EVERY = timedelta(seconds=30)
_OVERHEARD_FOR = timedelta(seconds=60)
"""Much longer than a take-over needs."""
_OVERHEARD_AT_MOST = 10_000
_COLLECTORS_AT_MOST = 10_000
_EPOCHS_AT_MOST = 10_000
_OLDER_AT_MOST = 1_000


@dataclass
class _Last:
    heard: Health
    kept: Health


class HealthLog:
    """What was last heard of each collector."""

    def __init__(self) -> None:
        self._last: OrderedDict[Collector, _Last] = OrderedDict()

    def hear(self, collector: Collector, health: Health, now: datetime) -> Health | None:
        """The health to keep, or None.

        A last will was written when its sender connected: its numbers and its time are old.
        It is kept as the last numbers heard, offline since now.
        """
        last = self._last.get(collector)
        if last is None:
            return self._keep(collector, health)
        if health == last.heard:
            return None
        if not health.online and health.reported_at <= last.heard.reported_at:
            health = last.heard.model_copy(update={"online": False, "reported_at": now})
        is_change = (health.online, health.epoch) != (last.heard.online, last.heard.epoch)
        last.heard = health
        # A collector's clock may be set back.
        if is_change or abs(health.reported_at - last.kept.reported_at) >= EVERY:
            return self._keep(collector, health)
        return None

    def _keep(self, collector: Collector, health: Health) -> Health:
        self._last[collector] = _Last(health, health)
        self._last.move_to_end(collector)
        if len(self._last) > _COLLECTORS_AT_MOST:
            self._last.popitem(last=False)
        return health


class Uncommitted:
    """What is kept and not yet in the lake: of every epoch the newest, however long that takes.

    A collector says only once that an epoch has ended.
    """

    def __init__(self) -> None:
        self._newest: OrderedDict[tuple[Collector, str], Health] = OrderedDict()
        self._older: deque[tuple[Collector, Health]] = deque(maxlen=_OLDER_AT_MOST)

    def __bool__(self) -> bool:
        return bool(self._newest)

    def add(self, collector: Collector, health: Health) -> None:
        """Keep it until `clear`."""
        key = (collector, health.epoch)
        if (older := self._newest.pop(key, None)) is not None:
            self._older.append((collector, older))
        self._newest[key] = health
        if len(self._newest) > _EPOCHS_AT_MOST:
            self._newest.popitem(last=False)

    def rows(self) -> pa.Table:
        """Rows of `raw.health`."""
        newest = [(collector, health) for (collector, _), health in self._newest.items()]
        return rows_of([*self._older, *newest])

    def clear(self) -> None:
        """The lake has them."""
        self._newest.clear()
        self._older.clear()


class Overheard:
    """Health of collectors whose shard another process owns."""

    def __init__(self) -> None:
        self._log = HealthLog()
        self._kept: deque[tuple[datetime, Collector, Health]] = deque(maxlen=_OVERHEARD_AT_MOST)

    def hear(self, collector: Collector, health: Health, now: datetime) -> None:
        """Keep it for a while, if it says anything new."""
        if (kept := self._log.hear(collector, health, now)) is not None:
            self._kept.append((now, collector, kept))
        while self._kept and self._kept[0][0] < now - _OVERHEARD_FOR:
            self._kept.popleft()

    def since_lately(self, now: datetime) -> list[tuple[Collector, Health]]:
        """What was kept in the last minute, in the order in which it was heard."""
        since = now - _OVERHEARD_FOR
        return [(collector, health) for at, collector, health in self._kept if at >= since]


def rows_of(healths: Sequence[tuple[Collector, Health]]) -> pa.Table:
    """Rows of `raw.health`."""
    rows = [
        {
            "site": collector.site,
            "collector": collector.collector,
            **health.model_dump(exclude={"sources", "reported_at"}),
            "reported_at": microseconds(health.reported_at),
            "sources": json.dumps(health.model_dump(mode="json")["sources"]),
        }
        for collector, health in healths
    ]
    return pa.Table.from_pylist(rows, schema=HEALTH.arrow_schema)
