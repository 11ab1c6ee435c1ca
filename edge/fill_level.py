"""How full a spool is, when it will be full, and who has to know.

Belongs here: marks at which people are warned, and the forecast; pure, told the time.
"""

from collections import deque
from typing import NamedTuple

MARKS = (50, 80, 95)
"""Percent of the capacity at which people are warned."""
_HYSTERESIS = 5
"""Percent below a mark before it counts as left: a level on the mark warns once."""
_REMEMBERED_S = 300.0
_BETWEEN_S = 5.0


class Level(NamedTuple):
    """How full the spool is.

    Attributes:
        percent: Of the capacity, at most 100.
        mark: The highest mark that is reached; 0: none.
        full_in_s: When it will be full if it goes on as in the last minutes; None: never.
    """

    percent: float
    mark: int
    full_in_s: float | None


class FillLevel:
    """Watches one spool's level.

    Args:
        capacity: Bytes of batches that may wait.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._seen: deque[tuple[float, int]] = deque()
        self._mark = 0

    def look(self, held: int, free: int, now: float) -> Level:
        """The level when `held` bytes wait and the disk has `free` bytes; `now` in s."""
        capacity = max(min(self._capacity, held + free), 1)
        percent = min(100 * held / capacity, 100.0)
        reached = max((mark for mark in MARKS if percent >= mark), default=0)
        kept = max((mark for mark in MARKS if percent >= mark - _HYSTERESIS), default=0)
        self._mark = max(reached, min(self._mark, kept))
        return Level(percent, self._mark, self._full_in_s(held, capacity, now))

    def _full_in_s(self, held: int, capacity: int, now: float) -> float | None:
        if not self._seen or now - self._seen[-1][0] >= _BETWEEN_S:
            self._seen.append((now, held))
        while now - self._seen[0][0] > _REMEMBERED_S:
            self._seen.popleft()
        since, before = self._seen[0]
        if now <= since or held <= before:
            return None
        # The last group before the limit may have gone beyond it.
        return max(capacity - held, 0) * (now - since) / (held - before)
