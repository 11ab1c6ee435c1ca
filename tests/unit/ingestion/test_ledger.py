"""The laws of the ledger, in any order of arrival."""

import hypothesis.strategies as st
from hypothesis import given
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ingestion.ledger import DIGESTS_KEPT, EpochLedger, Span, Standing

LAST_SEQ = 40


def rows_of(seq: int) -> Span:
    """Batch `seq` holds `seq % 3 + 1` rows; all before it are counted."""
    first_row = 1 + sum(each % 3 + 1 for each in range(1, seq))
    return Span.of(seq, seq, first_row, seq % 3 + 1)


def digest_of(seq: int) -> bytes:
    return seq.to_bytes(16, "big")


class BatchesArriveInAnyOrder(RuleBasedStateMachine):
    """A ledger beside a plain set of settled seqs."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = EpochLedger()
        self.settled: set[int] = set()
        self.committed: set[int] = set()

    @rule(seq=st.integers(1, LAST_SEQ))
    def arrive(self, seq: int) -> None:
        standing = self.ledger.standing(seq, digest_of(seq))
        assert (standing is Standing.NEW) == (seq not in self.settled)
        if standing is Standing.NEW:
            assert self.ledger.fits(rows_of(seq))
            self.ledger.settle(rows_of(seq), digest_of(seq))
            self.settled.add(seq)
            self.committed.add(seq)

    @rule(seq=st.integers(1, LAST_SEQ))
    def arrive_unreadable(self, seq: int) -> None:
        if self.ledger.standing(seq, b"x" * 16) is Standing.NEW:
            self.ledger.settle(Span(seq, seq), b"x" * 16)
            self.settled.add(seq)

    @rule(first=st.integers(1, LAST_SEQ), length=st.integers(0, 10))
    def declare_lost(self, first: int, length: int) -> None:
        last = min(LAST_SEQ, first + length)
        span = Span.of(
            first, last, rows_of(first).first_row or 0,
            sum(rows_of(seq).rows for seq in range(first, last + 1)),
        )  # fmt: skip
        parts = self.ledger.unsettled_within(span)
        new = {seq for part in parts for seq in range(part.first_seq, part.last_seq + 1)}
        assert new == set(range(first, last + 1)) - self.settled
        for part in parts:
            if part.rows:
                assert part.first_row == rows_of(part.first_seq).first_row
                assert part.last_row == rows_of(part.last_seq).last_row
            self.ledger.settle(part)
        self.settled |= new

    @precondition(lambda self: self.committed)
    @rule(data=st.data())
    def arrive_with_other_bytes(self, data: st.DataObject) -> None:
        seq = data.draw(st.sampled_from(sorted(self.committed)))
        assert self.ledger.standing(seq, b"other bytes here") is Standing.CONFLICT

    @rule(seq=st.integers(1, LAST_SEQ))
    def arrive_with_rows_of_another(self, seq: int) -> None:
        other = rows_of(seq)
        if seq - 1 in self.committed and seq not in self.settled and other.first_row:
            assert not self.ledger.fits(Span.of(seq, seq, other.first_row + 1, other.rows))
            assert not self.ledger.fits(Span.of(seq, seq, other.first_row - 1, other.rows))

    @invariant()
    def settled_through_ends_before_the_first_gap(self) -> None:
        expected = 0
        while expected + 1 in self.settled:
            expected += 1
        assert self.ledger.settled_through == expected

    @invariant()
    def missing_names_exactly_the_gaps(self) -> None:
        highest = max(self.settled, default=0)
        missing = self.ledger.missing(100)
        named = {seq for first, last in missing for seq in range(first, last + 1)}
        assert named == set(range(1, highest + 1)) - self.settled


TestBatchesArriveInAnyOrder = BatchesArriveInAnyOrder.TestCase


@given(st.permutations(range(1, 13)))
def test_batches_in_any_order_end_as_one_span(order: list[int]) -> None:
    ledger = EpochLedger()
    for seq in order:
        ledger.settle(rows_of(seq), digest_of(seq))

    assert ledger.spans == (Span(0, 12, 1, rows_of(12).last_row, 1, rows_of(12).last_row or 0),)
    assert ledger.missing(100) == ()


def test_no_more_gaps_are_named_than_asked_for() -> None:
    ledger = EpochLedger()
    for seq in range(2, 400, 2):
        ledger.settle(rows_of(seq))

    assert ledger.missing(100) == tuple((seq, seq) for seq in range(1, 200, 2))


def test_a_seq_far_beyond_costs_one_span() -> None:
    ledger = EpochLedger()
    ledger.settle(Span.of(10**17, 10**17, 10**18, 1))

    assert len(ledger.spans) == 2
    assert ledger.missing(100) == ((1, 10**17 - 1),)


def test_rows_after_an_unread_batch_may_not_overlap_those_before_it() -> None:
    ledger = EpochLedger()
    ledger.settle(Span.of(1, 1, 1, 500))
    ledger.settle(Span(2, 2))

    assert not ledger.fits(Span.of(3, 3, 500, 10))
    assert ledger.fits(Span.of(3, 3, 900, 10))


def test_old_digests_are_forgotten_and_then_count_as_repeats() -> None:
    ledger = EpochLedger()
    for seq in range(1, 3 * DIGESTS_KEPT):
        ledger.settle(Span.of(seq, seq, seq, 1), digest_of(seq))

    assert ledger.standing(1, b"other bytes here") is Standing.REPEAT
    assert ledger.standing(3 * DIGESTS_KEPT - 1, b"other bytes here") is Standing.CONFLICT
