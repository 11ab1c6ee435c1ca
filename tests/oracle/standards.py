"""Changeovers and cycles as they really were, from the truth. Times are integer µs."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from tests.oracle import times
from tests.oracle.shift_calendar import Span, days, rows
from tests.oracle.times import Record, State

_MARGIN = 5 * 86_400_000_000


class Changeover(NamedTuple):
    """All setup between two times of production."""

    work_unit_id: str
    started_at: int
    ended_at: int
    duration: int
    from_item_id: str | None
    to_item_id: str | None
    is_complete: bool


class Cycle(NamedTuple):
    """Of an item at a work unit: what was measured, and µs per piece in percentiles of pieces."""

    observations: int
    pieces: int
    production_time: int
    p10: Fraction
    p50: Fraction
    p90: Fraction


def changeovers(truth_folder: Path, business_folder: Path) -> list[Changeover]:
    """Every changeover, by work unit and start."""
    items = _items(business_folder)
    return [
        each
        for unit, record in sorted(times.read(truth_folder).items())
        for each in _changeovers(unit, record.states, items)
    ]


def _changeovers(
    unit: str, states: list[State], items: dict[str | None, str]
) -> Iterator[Changeover]:
    before: str | None = None
    setups: list[State] = []
    for state in states:
        if state.category == "setup":
            setups.append(state)
        if state.category == "production":
            if setups:
                yield _changeover(unit, setups, before, items.get(state.production_order_id), True)
            before, setups = items.get(state.production_order_id), []
    if setups:
        yield _changeover(unit, setups, before, items.get(setups[-1].production_order_id), False)


def _changeover(
    unit: str, setups: list[State], before: str | None, after: str | None, is_complete: bool
) -> Changeover:
    length = sum(each.ended_at - each.started_at for each in setups)
    start, end = setups[0].started_at, setups[-1].ended_at
    return Changeover(unit, start, end, length, before, after, is_complete)


def cycles(truth_folder: Path, business_folder: Path) -> dict[tuple[str, str], Cycle]:
    """The measured cycle of each item at each work unit, over all the truth."""
    items = _items(business_folder)
    records = times.read(truth_folder)
    first = min(record.states[0].started_at for record in records.values())
    last = max(record.states[-1].ended_at for record in records.values())
    day_starts: defaultdict[str, list[tuple[int, date]]] = defaultdict(list)
    for day in days(business_folder, first - _MARGIN, last + _MARGIN):
        day_starts[day.work_unit_id].append((day.started_at, day.production_date))
    found: defaultdict[tuple[str, str], list[tuple[Fraction, int, int]]] = defaultdict(list)
    for unit, record in records.items():
        for order, time, pieces in _observations(record, sorted(day_starts[unit])):
            if order in items and time and pieces:
                found[unit, items[order]].append((Fraction(time, pieces), pieces, time))
    return {key: _cycle(sorted(observed)) for key, observed in found.items()}


def _observations(
    record: Record, day_starts: list[tuple[int, date]]
) -> Iterator[tuple[str | None, int, int]]:
    """By order and production date: order, production time, pieces."""
    starts = [start for start, _ in day_starts]
    produced: defaultdict[tuple[str | None, int], list[int]] = defaultdict(lambda: [0, 0])
    for state in record.states:
        if state.category == "production":
            for day, (start, end) in _cut_at_days(state, starts):
                produced[state.production_order_id, day][0] += end - start
    for piece in record.pieces:
        day = bisect_right(starts, piece.produced_at)
        produced[piece.production_order_id, day][1] += 1
    for (order, _), (time, pieces) in produced.items():
        yield order, time, pieces


def _cut_at_days(state: State, starts: list[int]) -> Iterator[tuple[int, Span]]:
    at = state.started_at
    while at < state.ended_at:
        day = bisect_right(starts, at)
        end = min(state.ended_at, starts[day])
        yield day, (at, end)
        at = end


def _cycle(observed: list[tuple[Fraction, int, int]]) -> Cycle:
    pieces = sum(number for _, number, _ in observed)
    return Cycle(
        len(observed),
        pieces,
        sum(time for *_, time in observed),
        *(_percentile(observed, Fraction(n, 10) * pieces) for n in (1, 5, 9)),
    )


def _percentile(observed: list[tuple[Fraction, int, int]], wanted: Fraction) -> Fraction:
    so_far = 0
    for cycle, pieces, _ in observed:
        so_far += pieces
        if so_far >= wanted:
            return cycle
    raise AssertionError("no piece is beyond the last")


def _items(folder: Path) -> dict[str | None, str]:
    return {row["production_order_id"]: row["item_id"] for row in rows(folder, "production_order")}
