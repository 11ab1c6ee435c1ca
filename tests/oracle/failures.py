"""Failures, and what a work unit operated between them, from the truth. Times are integer µs."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.oracle.shift_calendar import Span, cut, rows, shifts
from tests.oracle.times import MINOR_STOP_US, State

_ABORTED = {"aborting", "aborted", "clearing"}


class Failure(NamedTuple):
    """A failure; `between` and `to_failure` are None for the first of a work unit."""

    started_at: int
    ended_at: int
    reason_id: str | None
    repair_time: int
    operated_before: int
    between: int | None
    to_failure: int | None


@dataclass
class _Halt:
    """An unbroken stop of one cause, together with the time it stays aborted without an order."""

    cause: str
    states: list[tuple[State, str | None]]
    operated_before: int
    busy_before: int

    @property
    def span(self) -> Span:
        return self.states[0][0].started_at, self.states[-1][0].ended_at

    @property
    def reason_id(self) -> str | None:
        told = [reason for _, reason in self.states if reason]
        return told[-1] if told else None

    @property
    def delays(self) -> list[Span]:
        return [state[:2] for state, _ in self.states if state.category == "delay"]

    def is_failure(self, reasons: "_Reasons") -> bool:
        start, end = self.span
        if not self.delays or end - start < MINOR_STOP_US:
            return False
        judged = reasons.is_failure(self.reason_id)
        if judged is not None:
            return judged
        if self.cause == "external":
            return False
        if self.reason_id is not None:
            return reasons.loss_category(self.reason_id) == "availability"
        return any(s.category == "delay" and s.state in _ABORTED for s, _ in self.states)


class _Reasons:
    def __init__(self, folder: Path) -> None:
        self._rows = {row["reason_id"]: row for row in rows(folder, "reason_code")}

    def is_failure(self, reason: str | None) -> bool | None:
        """What the reason or the nearest wider one says."""
        while reason:
            told = self._rows[reason]["is_failure"]
            if told:
                return told == "true"
            reason = self._rows[reason]["parent_reason_id"]
        return None

    def loss_category(self, reason: str) -> str:
        return self._rows[reason]["loss_category"]


def of_work_units(truth_folder: Path, business_folder: Path) -> dict[str, list[Failure]]:
    """The failures of each work unit, in order of time."""
    told = _states(truth_folder)
    reasons = _Reasons(business_folder)
    begin = min(states[0][0].started_at for states in told.values())
    end = max(states[-1][0].ended_at for states in told.values())
    busy: dict[str, list[Span]] = {unit: [] for unit in told}
    for shift in shifts(business_folder, begin, end):
        busy[shift.work_unit_id] += _without(shift.pauses, shift.started_at, shift.ended_at)
    return {
        unit: list(_failures(states, sorted(busy[unit]), reasons)) for unit, states in told.items()
    }


def _failures(
    states: list[tuple[State, str | None]], busy: list[Span], reasons: _Reasons
) -> Iterator[Failure]:
    previous: Failure | None = None
    busy_through = 0
    failing = [halt for halt in _halts(states, busy) if halt.is_failure(reasons)]
    for operated in sorted({halt.operated_before for halt in failing}):
        # Without operating in between it is still the same failure.
        halts = [halt for halt in failing if halt.operated_before == operated]
        told = [halt.reason_id for halt in halts if halt.reason_id]
        failure = Failure(
            halts[0].span[0],
            halts[-1].span[1],
            told[-1] if told else None,
            sum(_within(busy, *halt.span) for halt in halts),
            operated,
            previous and operated - previous.operated_before,
            previous and halts[0].busy_before - busy_through,
        )
        last = halts[-1]
        busy_through = last.busy_before + sum(_within(busy, *span) for span in last.delays)
        yield failure
        previous = failure


def _halts(states: list[tuple[State, str | None]], busy: list[Span]) -> Iterator[_Halt]:
    operated = used = 0
    halt: _Halt | None = None
    for state, reason in states:
        if state.category == "delay" or (state.category == "down" and state.state in _ABORTED):
            cause = state.cause if state.category == "delay" else "internal"
            if halt is None or halt.cause != cause:
                if halt is not None:
                    yield halt
                halt = _Halt(cause, [], operated, operated + used)
            halt.states.append((state, reason))
        elif halt is not None:
            yield halt
            halt = None
        if state.category in ("production", "setup"):
            operated += state.ended_at - state.started_at
        if state.category == "delay":
            used += _within(busy, state.started_at, state.ended_at)
    if halt is not None:
        yield halt


def _states(folder: Path) -> dict[str, list[tuple[State, str | None]]]:
    table = pq.read_table(folder / "state.parquet")
    columns = [
        table["work_unit_id"],
        pc.cast(table["started_at"], "int64"),
        pc.cast(table["ended_at"], "int64"),
        *(table[name] for name in ("state", "production_order_id", "reported_reason_id")),
    ]
    found: dict[str, list[tuple[State, str | None]]] = {}
    for unit, start, end, state, order, reason in zip(
        *(column.to_pylist() for column in columns), strict=True
    ):
        found.setdefault(unit, []).append((State(start, end, state, order), reason))
    for states in found.values():
        states.sort()
    return found


def _without(pauses: tuple[Span, ...], start: int, end: int) -> Iterator[Span]:
    for pause_start, pause_end in cut(pauses, start, end):
        if start < pause_start:
            yield start, pause_start
        start = pause_end
    if start < end:
        yield start, end


def _within(busy: list[Span], start: int, end: int) -> int:
    """How much of a span is planned busy time."""
    first = max(bisect_left(busy, (start, start)) - 1, 0)
    return sum(b - a for a, b in cut(busy[first : bisect_left(busy, (end, end))], start, end))
