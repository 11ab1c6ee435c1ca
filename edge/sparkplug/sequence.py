"""The order of an edge node's messages: sequence numbers 0 to 255, round and round.

Belongs here: what is in order, what waits for an earlier message, what is late. Nothing is
ever dropped here: real devices repeat sequence numbers, hence they say an order at most.
"""

from collections import Counter, defaultdict
from typing import Generic, TypeVar

M = TypeVar("M")

ROUND = 256
_AHEAD = ROUND // 2
"""A number less than half a round ahead is early; any other is late or repeated."""
_ASTRAY = 3
"""Numbers that follow each other elsewhere: the sequence goes on there, a gap lies between."""


class Sequence(Generic[M]):
    """The sequence of one edge node; times in µs of any clock that never steps.

    Args:
        patience: How long a message waits for an earlier one.
        counts: Where gaps, missing, repeated and late messages are counted.
    """

    def __init__(self, patience: int, counts: Counter[str]) -> None:
        self._patience = patience
        self._counts = counts
        self._expected: int | None = None
        self._waiting: dict[int, list[tuple[int, M]]] = defaultdict(list)
        self._missed: set[int] = set()
        self._behind: list[int] = []

    @property
    def is_waiting(self) -> bool:
        """Whether a message waits for an earlier one."""
        return bool(self._waiting)

    def start(self, seq: int) -> None:
        """A birth had this number; whatever waits must have been flushed."""
        self._expected = (seq + 1) % ROUND
        self._missed.clear()
        self._behind.clear()

    def forget(self) -> None:
        """We were away: the next number is as good as any; whatever waits must be flushed."""
        self._expected = None
        self._missed.clear()

    def offer(self, seq: int, message: M, now: int) -> list[M]:
        """Take a message; the messages that may be applied now, in order."""
        if self._expected is None:
            self._expected = seq
        ahead = (seq - self._expected) % ROUND
        if ahead >= _AHEAD:
            return [*self._behind_time(seq), message]
        self._behind.clear()
        if seq in self._waiting:
            self._counts["duplicate_seqs"] += 1
        self._waiting[seq].append((now, message))
        return self._in_order()

    def overdue(self, now: int) -> list[M]:
        """The messages that have waited long enough for those before them; counts the gaps."""
        released: list[M] = []
        while self._waiting and now - self._waiting_since() >= self._patience:
            released += self._skip_gap()
        return released

    def flush(self) -> list[M]:
        """All that wait, in order: nothing before them will come any more."""
        released: list[M] = []
        while self._waiting:
            released += self._skip_gap()
        return released

    def _waiting_since(self) -> int:
        return min(taken_at for messages in self._waiting.values() for taken_at, _ in messages)

    def _skip_gap(self) -> list[M]:
        assert self._expected is not None
        expected = self._expected
        missing = min((seq - expected) % ROUND for seq in self._waiting)
        self._counts["gaps"] += 1
        self._counts["missing_messages"] += missing
        self._missed |= {(expected + step) % ROUND for step in range(missing)}
        self._expected = (expected + missing) % ROUND
        return self._in_order()

    def _in_order(self) -> list[M]:
        released: list[M] = []
        assert self._expected is not None
        while messages := self._waiting.pop(self._expected, None):
            released += [message for _, message in messages]
            self._missed.discard((self._expected + _AHEAD) % ROUND)
            self._expected = (self._expected + 1) % ROUND
        return released

    def _behind_time(self, seq: int) -> list[M]:
        """Count a late or repeated number; what waited, when the sequence goes on from here."""
        if seq in self._missed:
            self._missed.discard(seq)
            self._counts["late_messages"] += 1
            return []
        self._counts["duplicate_seqs"] += 1
        if self._behind and seq != (self._behind[-1] + 1) % ROUND:
            self._behind.clear()
        self._behind.append(seq)
        if len(self._behind) < _ASTRAY:
            return []
        released = self.flush()
        self._counts["gaps"] += 1
        self.start(seq)
        return released
