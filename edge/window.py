"""What is on its way to the lake: credit, order, and when to send again.

Belongs here: decisions only; no clock, no broker, no spool.

After an outage what is new does not wait behind what is old (ADR 0007): batches from `live_from`
on are sent in a *live lane* of their own, before the backlog, until the backlog has caught up.
An acknowledgement does not say how far the live lane has arrived; but what was sent before a
batch that is settled has arrived with it, or was lost and will be named as missing.

What is named as missing need not be lost: while the lane is ahead, all that is on its way behind
it is named. Only what was sent before something that has arrived is sent again; and what was sent
again already and is named still, since what arrives after it does not show in an acknowledgement.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

FIRST_CREDIT_BATCHES = 4
FIRST_CREDIT_BYTES = 1_000_000
"""Until the first acknowledgement says more."""
STALLED_AFTER_S = 5.0
_MAX_STALLED_AFTER_S = 30.0
_RESEND_AFTER_S = 1.0
"""A batch named as missing may be on its way again already."""
_RESEND_AGAIN_AFTER_S = 2.5
"""Then nothing but its name shows whether it is still on its way."""
_BACKLOG_CREDITS = 2
"""A backlog of so many times the credit takes seconds: then new batches get a lane."""


@dataclass
class _Sent:
    size: int
    at: float
    is_again: bool = False


@dataclass
class _Declared:
    again_at: float
    patience: float


class Window:
    """The batches of one epoch that are sent and not settled.

    Times are seconds of any clock that never steps.
    """

    def __init__(self) -> None:
        self.epoch: str | None = None
        self.next_seq = 1
        self.live_from: int | None = None
        self.next_live_seq = 1
        self._credit_batches = FIRST_CREDIT_BATCHES
        self._credit_bytes = FIRST_CREDIT_BYTES
        self._sent: dict[int, _Sent] = {}
        self._arrived: dict[int, _Sent] = {}
        self._bytes = 0
        self._declared: dict[tuple[int, int], _Declared] = {}
        self._moved_at = 0.0
        self._patience = STALLED_AFTER_S
        self._probed: int | None = None
        self._asked_at = -math.inf

    @property
    def free_batches(self) -> int:
        """How many more batches the credit allows."""
        least = 1 if self._sent and not self._backlog else 0
        return max(self._credit_batches - len(self._sent), least)

    @property
    def _backlog(self) -> dict[int, _Sent]:
        """What is in flight beside the live lane: only its progress frees credit."""
        if self.live_from is None:
            return self._sent
        return {seq: sent for seq, sent in self._sent.items() if seq < self.live_from}

    @property
    def free_live_batches(self) -> int:
        """How many of them may be of the live lane: half of all, so that both lanes move."""
        if self.live_from is None:
            return 0
        live = [sent for seq, sent in self._sent.items() if seq >= self.live_from]
        if 2 * sum(sent.size for sent in live) >= self._credit_bytes:
            return 0
        return min(self._credit_batches // 2 - len(live), self.free_batches)

    def grant(self, batches: int, size: int) -> None:
        """The lake's side says how much may be in flight."""
        self._credit_batches = batches
        self._credit_bytes = size

    def begin(self, epoch: str) -> None:
        """Start with the first held batch of an epoch."""
        self.epoch = epoch
        self.restart()

    def restart(self) -> None:
        """Whatever is in flight may be gone: send again from the first held batch."""
        self._sent.clear()
        self._arrived.clear()
        self._declared.clear()
        self.live_from = None
        self._bytes = 0
        self.next_seq = 1
        self._probed = None
        self._asked_at = -math.inf

    def open_lane(self, last_seq: int) -> None:
        """Let batches after `last_seq`, the newest there is, go before a long backlog."""
        backlog = last_seq + 1 - self.next_seq
        is_long = backlog > _BACKLOG_CREDITS * self._credit_batches
        if self.live_from is None and is_long and self._credit_batches > 1:
            self.live_from = self.next_live_seq = last_seq + 1

    def close_lane(self) -> None:
        """The backlog is sent: what follows it, and the lane where it was used, is next."""
        if self.live_from is not None and self.next_live_seq > self.live_from:
            self.next_seq = max(self.next_seq, self.next_live_seq)
        self.live_from = None

    def admits(self, size: int) -> bool:
        """Whether one more batch may be sent; the backlog's first always may, else none would."""
        return not self._backlog or (
            len(self._sent) < self._credit_batches and self._bytes + size <= self._credit_bytes
        )

    def again(self, first: int, last: int) -> int:
        """How many batches from `first` to `last`, a range that is due, the credit allows.

        What is in flight has its credit. What comes before all that is in flight may always
        be sent, else nothing would move.
        """
        wanted = last - first + 1
        if first in self._sent:
            return wanted
        least = 1 if first < min(self._sent, default=math.inf) else 0
        return min(wanted, max(self._credit_batches - len(self._sent), least))

    def admits_again(self, seq: int, size: int) -> bool:
        """Whether this batch, which is due, may be sent."""
        return self.again(seq, seq) > 0 and (
            seq in self._sent
            or self._bytes + size <= self._credit_bytes
            or seq < min(self._sent, default=math.inf)
        )

    def sent(self, seq: int, size: int, now: float) -> None:
        """A batch was handed to the broker, for the first time or again."""
        if not self._sent and not self._arrived:
            self._moved_at = now
        in_flight, arrived = self._sent.pop(seq, None), self._arrived.pop(seq, None)
        if in_flight is None:
            self._bytes += size
        # At the end: the order is that of sending.
        self._sent[seq] = _Sent(size, now, is_again=bool(in_flight or arrived))
        if self.live_from is not None and seq >= self.live_from:
            self.next_live_seq = max(self.next_live_seq, seq + 1)
        else:
            self._advance(seq + 1)

    def _advance(self, next_seq: int) -> None:
        self.next_seq = max(self.next_seq, next_seq)
        if self.live_from is not None and self.next_seq >= self.live_from:
            self.close_lane()

    def settled(self, through: int, now: float) -> None:
        """The lake has advanced to `through`."""
        if done := [seq for seq in self._sent if seq <= through]:
            for seq in [*takewhile(lambda seq: seq != done[-1], self._sent), done[-1]]:
                self._arrived[seq] = self._sent.pop(seq)
                self._bytes -= self._arrived[seq].size
        for seq in [seq for seq in self._arrived if seq <= through]:
            del self._arrived[seq]
        for loss in [loss for loss in self._declared if loss[1] <= through]:
            del self._declared[loss]
        self._moved_at = now
        self._patience = STALLED_AFTER_S
        if self._probed is not None and through <= self._probed:
            # Nothing but what was probed has come: all that was sent with it may be lost.
            self.restart()
        self._probed = None
        self._advance(through + 1)

    def must_declare(self, first: int, last: int, now: float) -> bool:
        """Whether to declare this loss now: the first time, then again with patience."""
        known = self._declared.get((first, last), _Declared(now, STALLED_AFTER_S / 2))
        if now < known.again_at:
            return False
        patience = min(2 * known.patience, _MAX_STALLED_AFTER_S)
        self._declared[first, last] = _Declared(now + patience, patience)
        return True

    def due(self, missing: Sequence[tuple[int, int]], now: float) -> list[tuple[int, int]]:
        """The named ranges as runs of batches whose turn has come and that are not on their way.

        Those in flight and those that need new credit are in runs of their own.
        """
        seqs = sorted({*self._arrived, *self._sent})
        named = {
            seq
            for first, last in missing
            for seq in seqs[bisect_left(seqs, first) : bisect_right(seqs, last)]
        }
        overtaken = self._overtaken(missing, named) if named else set()
        ripe = sorted(seq for seq in named if self._is_ripe(seq, now, seq in overtaken))
        in_flight = [seq for seq in ripe if seq in self._sent]
        arrived = [seq for seq in ripe if seq not in self._sent]
        return sorted([*_runs(in_flight), *_runs(arrived), *self._passed_over(missing, seqs, now)])

    def _overtaken(self, missing: Sequence[tuple[int, int]], named: set[int]) -> set[int]:
        """What was sent before a batch that has arrived.

        Up to the end of the last gap every batch that is not named has; beyond it nobody says.
        """
        order = list(self._sent)
        start, end = missing[0][0], missing[-1][1] + 1
        places = range(len(order) - 1, -1, -1)
        arrived = (n for n in places if start <= order[n] <= end and order[n] not in named)
        return {*self._arrived, *order[: next(arrived, 0)]}

    def _is_ripe(self, seq: int, now: float, is_overtaken: bool) -> bool:
        sent = self._sent.get(seq) or self._arrived[seq]
        if is_overtaken:
            return now - sent.at >= _RESEND_AFTER_S
        return sent.is_again and now - sent.at >= _RESEND_AGAIN_AFTER_S

    def _passed_over(
        self, missing: Sequence[tuple[int, int]], seqs: list[int], now: float
    ) -> list[tuple[int, int]]:
        """What is missing before `next_seq` and not among `seqs`, those once sent.

        Nothing of it should be held: it is declared lost. Asking once in a while makes sure.
        """
        if now - self._asked_at < _RESEND_AFTER_S:
            return []
        end = self.next_seq - 1
        found = [gap for first, last in missing for gap in _gaps(seqs, first, min(last, end))]
        if found:
            self._asked_at = now
        return found

    def probe(self, now: float) -> int | None:
        """The batch to send again because nothing has moved for too long; None: not yet.

        One batch is enough to be answered, and does not fill the broker's queue while
        ingestion is away; when nothing but it is settled, all the others are sent again.
        """
        waiting = self._sent or self._arrived
        if not waiting or now - self._moved_at < self._patience:
            return None
        self._moved_at = now
        self._patience = min(2 * self._patience, _MAX_STALLED_AFTER_S)
        self._probed = min(waiting)
        return self._probed


def _runs(seqs: list[int]) -> Iterable[tuple[int, int]]:
    """Sorted seqs as ranges without a gap."""
    start = 0
    for end in range(1, len(seqs) + 1):
        if end == len(seqs) or seqs[end] != seqs[end - 1] + 1:
            yield seqs[start], seqs[end - 1]
            start = end


def _gaps(seqs: list[int], first: int, last: int) -> Iterable[tuple[int, int]]:
    """What of a range is not among sorted seqs."""
    for seq in seqs[bisect_left(seqs, first) : bisect_right(seqs, last)]:
        if first < seq:
            yield first, seq - 1
        first = seq + 1
    if first <= last:
        yield first, last
