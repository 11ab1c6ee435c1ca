"""One machine for one week: a walk through its orders that notes every change and every piece.

Times are integer milliseconds. The walk draws from one random stream, so its result is a
function of that stream, the jobs and the calendar.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from random import Random
from typing import NamedTuple

from edge.simulator.plant import WorkUnit
from edge.simulator.shifts import WorkingTime

_PATIENCE_MS = 20_000
"""How long a machine waits for a part before it shows `suspended`."""
_BUFFER = 8
"""Parts that must have come before a starved machine goes on."""
_LONGEST_STOP_MS = 4 * 3_600_000
_STARTUP_PIECES = 12
_STARTUP_SCRAP = 0.15

_Steps = tuple[tuple[str, int], ...]
_WAYS: dict[str, tuple[_Steps, _Steps]] = {
    "held": ((("holding", 1_500),), (("unholding", 2_500),)),
    "suspended": ((("suspending", 1_500),), (("unsuspending", 2_500),)),
    "aborted": (
        (("aborting", 800),),
        (("clearing", 4_000), ("stopped", 3_000), ("resetting", 4_000), ("starting", 6_000)),
    ),
}
"""Into each wait state and out of it again: the acting states and how long they take, in ms."""

PLAIN = {
    "execute": "running",
    "setup": "setup",
    "idle": "idle",
    "suspending": "idle",
    "suspended": "idle",
    "unsuspending": "idle",
}
"""What a machine with four plain states shows; all else is `stopped`."""


class Result(IntEnum):
    """What became of a piece."""

    GOOD = 0
    SCRAP = 1
    REWORK = 2


class Change(NamedTuple):
    """From `at` on the machine is in `state`, for `reason_id`, on an order."""

    at: int
    state: str
    reason_id: str | None
    production_order_id: str | None


class _WeekOverError(Exception):
    """No working time is left this week."""


@dataclass
class Job:
    """One order at one machine.

    Attributes:
        production_order_id: The order.
        cycle_ms: Ideal time of one cycle.
        setup_ms: Planned time of the changeover.
        available_at: When the changeover may begin.
        goal: Pieces to pass on; None where `arrivals` say what there is to do.
        arrivals: When each part arrives from the operation before; None at the first one.
        started_at: When the changeover began.
        finished_at: When the machine was free again, or the week over.
        passed_on_at: When each piece that is no scrap was made.
        pieces: How many were good, scrap, and in need of rework.
    """

    production_order_id: str
    cycle_ms: int
    setup_ms: int
    available_at: int
    goal: int | None = None
    arrivals: list[int] | None = None
    started_at: int | None = None
    finished_at: int | None = None
    passed_on_at: list[int] = field(default_factory=list)
    pieces: list[int] = field(default_factory=lambda: [0, 0, 0])

    def part_at(self, number: int) -> int | None:
        """When part `number` is there; None when the order needs no more."""
        if self.arrivals is None:
            assert self.goal is not None
            return 0 if len(self.passed_on_at) < self.goal else None
        return self.arrivals[number] if number < len(self.arrivals) else None


class Machine:
    """A work unit on its way through a week.

    Attributes:
        unit: Which machine it is.
        now: How far it has come.
        changes: What it was doing, in order; each lasts until the next.
        piece_at: When each piece was finished, ascending.
        piece_result: What became of it.
    """

    def __init__(self, unit: WorkUnit, calendar: WorkingTime, begin: int, end: int, rng: Random):
        self.now = begin
        self.changes: list[Change] = []
        self.piece_at: list[int] = []
        self.piece_result: list[int] = []
        self.unit = unit
        self._calendar = calendar
        self._end = end
        self._rng = rng
        self._job: Job | None = None
        self._handover = calendar.next_handover(begin)
        self._stop_at = begin
        self._window_end = begin
        self._speed = 1.0
        self._speed_until = begin
        self._scrap_ratio = unit.scrap_ratio
        self._stoppage_rate = sum(1 / each.every_s for each in unit.stoppages)
        self._until_stop = 0
        self._plan_stoppage()

    @property
    def working_ms_left(self) -> int:
        """Working time from now to the end of the week."""
        return self._calendar.left(self.now)

    def work(self, jobs: Iterable[Job]) -> None:
        """Go through the week: the jobs in turn, then idle."""
        self._show("stopped")
        try:
            self._come_to_work()
            for job in jobs:
                self._make(job)
            while True:
                self._show("idle")
                self._go_to(self._window_end)
                self._rest()
        except _WeekOverError:
            self.now = self._end
            if self._job is not None:
                self._job.finished_at = self._end

    def _make(self, job: Job) -> None:
        while self.now < job.available_at:
            self._show("idle")
            self._go_to(min(job.available_at, self._window_end))
            if self.now >= self._window_end:
                self._rest()
        self._job = job
        job.started_at = self.now
        self._set_up(job)
        self._step("starting", 6_000)
        self._produce(job)
        self._step("completing", 3_000)
        self._step("complete", 2_000)
        self._step("resetting", 4_000)
        job.finished_at = self.now
        self._job = None
        self._show("idle")

    def _set_up(self, job: Job) -> None:
        left = int(job.setup_ms * self._rng.lognormvariate(0.05, 0.25))
        while left > 0:
            self._show("setup", "changeover")
            spent = min(left, self._window_end - self.now)
            self._go_to(self.now + spent)
            left -= spent
            if self.now >= self._window_end:
                self._rest()

    def _produce(self, job: Job) -> None:
        """Cycle after cycle until the order needs no more parts."""
        self._show("execute")
        number = 0
        while (ready := job.part_at(number)) is not None:
            if ready > self.now + _PATIENCE_MS:
                self._starve(job, number)
                continue
            end = self._cycle_end(max(self.now, ready), job.cycle_ms)
            if end > self._stop_at:
                self._pause()
                continue
            self._finish(end, job, number)
            number += self.unit.pieces_per_cycle
            if self._until_stop <= 0:
                self._break_down()

    def _cycle_end(self, start: int, cycle_ms: int) -> int:
        if start > self._speed_until:
            self._choose_speed()
        length = cycle_ms * self._speed * (0.99 + 0.03 * self._rng.random())
        end = start + int(length)
        if self._handover is not None and 2 * abs(end - self._handover) < length:
            # On the stroke of the handover: the piece that others count in both shifts.
            end = self._handover
        return end

    def _finish(self, end: int, job: Job, number: int) -> None:
        self._until_stop -= end - self.now
        self.now = end
        if self._handover is not None and end >= self._handover:
            self._handover = self._calendar.next_handover(end + 1)
        for _ in range(self.unit.pieces_per_cycle):
            result = self._inspect(number)
            job.pieces[result] += 1
            self.piece_at.append(end)
            self.piece_result.append(result)
            if result != Result.SCRAP:
                job.passed_on_at.append(end)

    def _inspect(self, number: int) -> int:
        chance = self._rng.random()
        scrap = _STARTUP_SCRAP if number < _STARTUP_PIECES else self._scrap_ratio
        if chance < scrap:
            return Result.SCRAP
        return Result.REWORK if chance > 1 - self.unit.rework_ratio else Result.GOOD

    def _choose_speed(self) -> None:
        """A while at about the ideal speed, or a slower and worse one."""
        draw = self._rng.random
        slow = draw() < 0.2
        self._speed = 1.1 + 0.35 * draw() if slow else 1.0 + 0.05 * draw()
        self._scrap_ratio = self.unit.scrap_ratio * (4 if slow else 1)
        self._speed_until = self.now + int((480 + 1_800 * draw()) * 1_000)

    def _plan_stoppage(self) -> None:
        self._until_stop = int(self._rng.expovariate(self._stoppage_rate) * 1_000)

    def _break_down(self) -> None:
        stoppages = self.unit.stoppages
        stoppage = self._rng.choices(stoppages, [1 / each.every_s for each in stoppages])[0]
        length = self._rng.lognormvariate(math.log(stoppage.typical_s), stoppage.spread)
        length_ms = min(int(length * 1_000), _LONGEST_STOP_MS)
        before, after = _WAYS[stoppage.state]
        for state, ms in (*before, (stoppage.state, length_ms), *after):
            self._step(state, ms, stoppage.reason_id)
        self._plan_stoppage()
        self._show("execute")

    def _starve(self, job: Job, number: int) -> None:
        """Wait for parts, until a few of them are there."""
        assert job.arrivals is not None
        self._go_to(self.now + _PATIENCE_MS // 2)
        self._step("suspending", 1_500, "no_parts")
        self._show("suspended", "no_parts")
        enough = job.arrivals[min(number + _BUFFER, len(job.arrivals) - 1)]
        self._go_to(max(enough, self.now))
        self._wait_for_work()
        self._step("unsuspending", 2_500, "no_parts")
        self._show("execute")

    def _pause(self) -> None:
        """Stop for a break or the end of work, some people a little early."""
        self._go_to(max(self.now, self._stop_at))
        self._show("stopping", "operator_absent")
        self._go_to(min(self.now + 3_000, self._window_end))
        self._show("stopped", "operator_absent")
        self._go_to(self._window_end)
        self._rest()
        self._step("resetting", 4_000)
        self._step("starting", 6_000)
        self._show("execute")

    def _rest(self) -> None:
        """Stopped until work goes on, and sometimes a little longer."""
        self._show("stopped")
        self._come_to_work()

    def _come_to_work(self) -> None:
        self._wait_for_work()
        if not self.unit.runs_through_breaks and self._rng.random() < 0.6:
            self._show("stopped", "operator_absent")
            self._go_to(min(self.now + int(self._rng.uniform(5, 260) * 1_000), self._window_end))

    def _wait_for_work(self) -> None:
        start = self._calendar.next_start(self.now)
        if start is None:
            raise _WeekOverError
        self._go_to(start)

    def _step(self, state: str, length_ms: int, reason_id: str | None = None) -> None:
        """Some time in a state, whatever the calendar says; then on, once it is working time."""
        self._show(state, reason_id)
        self._go_to(self.now + length_ms)
        self._wait_for_work()

    def _go_to(self, at: int) -> None:
        if at >= self._end:
            raise _WeekOverError
        self.now = at
        if at >= self._window_end and (span := self._calendar.span_at(at)):
            self._window_end = span[1]
            early = 0 if self.unit.runs_through_breaks else self._rng.uniform(-60, 100)
            self._stop_at = span[1] - max(0, int(early * 1_000))

    def _show(self, state: str, reason_id: str | None = None) -> None:
        order = self._job.production_order_id if self._job else None
        shown = state if self.unit.has_acting_states else PLAIN.get(state, "stopped")
        if self.changes and self.changes[-1].at == self.now:
            self.changes.pop()
        if not self.changes or self.changes[-1][1:] != (shown, reason_id, order):
            self.changes.append(Change(self.now, shown, reason_id, order))
