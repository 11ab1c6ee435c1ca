"""When a work unit ran that tells nothing but its pieces. Times are integer µs."""

from bisect import bisect_left
from collections.abc import Callable, Iterator

from tests.oracle.shift_calendar import Span, cut
from tests.oracle.times import MINOR_STOP_US, Piece, Record, State

GAP_CYCLES = 3
LONGEST_GAP_US = 12 * 3_600_000_000

IdealCycle = Callable[[Piece], int]
"""Planned µs per unit of a piece; 0 when it has none."""


def told_by_pulses(record: Record, ideal_cycle: IdealCycle, results: set[str]) -> Record:
    """The record as pulses tell it: running while they hold, else stopped, on the same orders.

    Args:
        record: What happened.
        ideal_cycle: Of its pieces.
        results: Of the pieces that a counter of the total or of good pieces tells.
    """
    counted = [piece for piece in record.pieces if piece.result in results]
    begin, end = record.states[0].started_at, record.states[-1].ended_at
    running = cut(_running(counted, ideal_cycle), begin, end)
    states = [part for each in record.states for part in _parts(each, running)]
    return Record(states, record.pieces)


def _parts(state: State, running: list[Span]) -> Iterator[State]:
    at = state.started_at
    first = max(bisect_left(running, (state.started_at, 0)) - 1, 0)
    near = running[first : bisect_left(running, (state.ended_at, 0))]
    for start, end in cut(near, state.started_at, state.ended_at):
        if at < start:
            yield state._replace(started_at=at, ended_at=start, state="stopped")
        yield state._replace(started_at=start, ended_at=end, state="running")
        at = end
    if at < state.ended_at:
        yield state._replace(started_at=at, state="stopped")


def _running(pieces: list[Piece], ideal_cycle: IdealCycle) -> Iterator[Span]:
    told: dict[int, list[Piece]] = {}
    for piece in pieces:
        told.setdefault(piece.produced_at, []).append(piece)
    for at, together in told.items():
        yield at, at + _holds(ideal_cycle(together[0]), len(together))


def _holds(cycle: int, pieces: int) -> int:
    if not cycle:
        return MINOR_STOP_US
    gap = GAP_CYCLES * cycle
    return min(LONGEST_GAP_US, max(gap, min(gap * pieces, MINOR_STOP_US)))
