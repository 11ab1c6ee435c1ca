"""The ledger of one epoch in memory: which batches are settled, and with which bytes.

Belongs here: the laws of the ledger (no hole, no overlap, one content per seq). Storage is
in `lake`; what becomes of a batch is decided in `judgement`.
"""

from bisect import bisect_right, insort
from dataclasses import dataclass
from enum import Enum, auto

DIGEST_SIZE = 16
DIGESTS_KEPT = 4_096
"""Settled batches whose digest is remembered; far more than credit allows in flight."""
_BEYOND_ALL_ROWS = 2**63


class Standing(Enum):
    """How a batch that arrives stands to the ledger."""

    NEW = auto()
    REPEAT = auto()
    CONFLICT = auto()


@dataclass(frozen=True, order=True)
class Span:
    """Settled batches without a gap; row numbers as far as they are known.

    Attributes:
        first_seq: First batch.
        last_seq: Last batch, inclusive.
        first_row: Row number of the first row; None: the first batch did not say.
        last_row: Row number of the last row, inclusive; None: the last batch did not say.
        least_row: The least row number that any of them is known to hold.
        greatest_row: The greatest one.
    """

    first_seq: int
    last_seq: int
    first_row: int | None = None
    last_row: int | None = None
    least_row: int = _BEYOND_ALL_ROWS
    greatest_row: int = 0

    @classmethod
    def of(cls, first_seq: int, last_seq: int, first_row: int, rows: int) -> "Span":
        """Batches as the lake's ledger has them; `rows` 0: they did not say which they held."""
        if rows == 0:
            return cls(first_seq, last_seq)
        last_row = first_row + rows - 1
        return cls(first_seq, last_seq, first_row, last_row, first_row, last_row)

    @property
    def rows(self) -> int:
        """How many rows; 0 where that is not known."""
        if self.first_row is None or self.last_row is None:
            return 0
        return self.last_row - self.first_row + 1

    def joined(self, right: "Span") -> "Span":
        """This span and the one that follows it."""
        return Span(
            self.first_seq,
            right.last_seq,
            self.first_row,
            right.last_row,
            min(self.least_row, right.least_row),
            max(self.greatest_row, right.greatest_row),
        )

    def may_precede(self, later: "Span") -> bool:
        """Whether the rows of a later span leave neither hole nor overlap after these."""
        if later.least_row <= self.greatest_row:
            return False
        if self.last_row is None or later.first_row is None:
            return True
        skipped_batches = later.first_seq - self.last_seq - 1
        skipped_rows = later.first_row - self.last_row - 1
        # Each skipped batch holds at least one row.
        return skipped_rows >= skipped_batches if skipped_batches else skipped_rows == 0


# Before the first batch there is nothing, so the first row of an epoch is row 1.
_ORIGIN = Span(0, 0, 1, 0)


class EpochLedger:
    """Settled batches of one epoch of one collector.

    Attributes:
        has_conflict: Other bytes came under a settled seq; the collector must leave the epoch.
    """

    def __init__(self) -> None:
        self.has_conflict = False
        self._spans: list[Span] = [_ORIGIN]
        self._digests: dict[int, bytes] = {}

    @property
    def settled_through(self) -> int:
        """The highest seq up to which every batch is settled; 0: none."""
        return self._spans[0].last_seq

    @property
    def spans(self) -> tuple[Span, ...]:
        """What is settled, in order; the first span starts at the origin, seq 0."""
        return tuple(self._spans)

    def missing(self, limit: int) -> tuple[tuple[int, int], ...]:
        """The first `limit` ranges, inclusive, that are not settled while later ones are."""
        pairs = zip(self._spans[:limit], self._spans[1 : limit + 1], strict=False)
        return tuple((left.last_seq + 1, right.first_seq - 1) for left, right in pairs)

    def standing(self, seq: int, digest: bytes) -> Standing:
        """How a batch with these bytes stands to what is settled.

        A settled seq whose digest is not known (folded, long ago, declared lost) counts as
        a repeat.
        """
        if not self.is_any_settled(seq, seq):
            return Standing.NEW
        known = self._digests.get(seq, digest)
        return Standing.REPEAT if known == digest else Standing.CONFLICT

    def fits(self, span: Span) -> bool:
        """Whether rows so numbered leave neither hole nor overlap beside what is settled."""
        place = self._place(span.first_seq)
        is_after_left = self._spans[place].may_precede(span)
        is_last = place + 1 == len(self._spans)
        return is_after_left and (is_last or span.may_precede(self._spans[place + 1]))

    def settle(self, span: Span, digests: bytes = b"") -> None:
        """Record batches as settled; none of them may be settled already.

        Args:
            span: Which.
            digests: `DIGEST_SIZE` bytes per batch in seq order, or nothing.
        """
        assert not self.is_any_settled(span.first_seq, span.last_seq), span
        insort(self._spans, span)
        place = self._place(span.first_seq)
        self._join(place)
        self._join(place - 1)
        for start in range(0, len(digests), DIGEST_SIZE):
            seq = span.first_seq + start // DIGEST_SIZE
            self._digests[seq] = digests[start : start + DIGEST_SIZE]
        self._forget_old_digests()

    def is_any_settled(self, first_seq: int, last_seq: int) -> bool:
        """Whether any batch of a range is settled."""
        return self._spans[self._place(last_seq)].last_seq >= first_seq

    def unsettled_within(self, loss: Span) -> list[Span]:
        """The parts of a declared loss that are not settled yet, with their row numbers."""
        parts = []
        for place in range(self._place(loss.first_seq), len(self._spans)):
            left = self._spans[place]
            right = self._spans[place + 1] if place + 1 < len(self._spans) else None
            if left.first_seq > loss.last_seq:
                break
            first_seq = max(loss.first_seq, left.last_seq + 1)
            last_seq = min(loss.last_seq, right.first_seq - 1 if right else loss.last_seq)
            if first_seq <= last_seq:
                parts.append(self._part(loss, first_seq, last_seq, left, right))
        return parts

    def _part(
        self, loss: Span, first_seq: int, last_seq: int, left: Span, right: Span | None
    ) -> Span:
        """A part of a loss; its rows follow from its settled neighbours, else from the loss."""
        first_row = loss.first_row if first_seq == loss.first_seq else None
        last_row = loss.last_row if last_seq == loss.last_seq else None
        if left.last_seq + 1 == first_seq and left.last_row is not None:
            first_row = left.last_row + 1
        if right and last_seq + 1 == right.first_seq and right.first_row is not None:
            last_row = right.first_row - 1
        if first_row is None or last_row is None or last_row < first_row:
            return Span(first_seq, last_seq)
        part = Span.of(first_seq, last_seq, first_row, last_row - first_row + 1)
        return part if self.fits(part) else Span(first_seq, last_seq)

    def _place(self, seq: int) -> int:
        """Index of the last span that starts at or before `seq`."""
        return bisect_right(self._spans, seq, key=lambda span: span.first_seq) - 1

    def _join(self, place: int) -> None:
        """Join a span and its right neighbour when no batch is missing between them."""
        if place < 0 or place + 1 >= len(self._spans):
            return
        left, right = self._spans[place : place + 2]
        if left.last_seq + 1 == right.first_seq:
            self._spans[place : place + 2] = [left.joined(right)]

    def _forget_old_digests(self) -> None:
        if len(self._digests) > 2 * DIGESTS_KEPT:
            newest = sorted(self._digests)[-DIGESTS_KEPT:]
            self._digests = {seq: self._digests[seq] for seq in newest}
