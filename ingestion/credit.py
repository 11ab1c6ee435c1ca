"""How much each collector may have in flight: one budget, divided over the active ones.

The budget stays below any broker's queue limit and bounds what ingestion holds.
"""

from collections import OrderedDict
from typing import NamedTuple

from takt.batch import MAX_BYTES
from takt.topics import Collector

ACTIVE_S = 60.0
"""A collector that said nothing for so long gives its share to the others."""
_COLLECTORS_AT_MOST = 10_000


class Credit(NamedTuple):
    """What one collector may have in flight."""

    batches: int
    bytes: int


class CreditBudget:
    """The budget and who shares it."""

    def __init__(self, batches: int, bytes_: int) -> None:
        self._whole = Credit(batches, bytes_)
        self._seen: OrderedDict[Collector, float] = OrderedDict()

    def seen(self, collector: Collector, now_s: float) -> None:
        """A collector has spoken; `now_s` is monotonic time."""
        self._seen[collector] = now_s
        self._seen.move_to_end(collector)
        if len(self._seen) > _COLLECTORS_AT_MOST:
            self._seen.popitem(last=False)

    def gone(self, collector: Collector) -> None:
        """A collector said that it goes, or its last will did."""
        self._seen.pop(collector, None)

    def active(self, now_s: float) -> list[Collector]:
        """Who shares the budget now."""
        while self._seen:
            collector, last_s = next(iter(self._seen.items()))
            if now_s - last_s <= ACTIVE_S:
                break
            del self._seen[collector]
        return list(self._seen)

    def share(self, now_s: float) -> Credit:
        """What each active collector may have in flight; always enough for one batch."""
        parts = max(1, len(self.active(now_s)))
        return Credit(
            max(1, self._whole.batches // parts), max(MAX_BYTES, self._whole.bytes // parts)
        )
