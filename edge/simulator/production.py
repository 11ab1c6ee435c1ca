"""What the plant does: a pure function of seed and start, computed one line and week at a time.

Every week begins with empty lines, so that any week can be computed by itself. Orders pass
the work units of their line in turn, part by part: who gets no parts, waits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from random import Random

import numpy as np
from numpy.typing import NDArray

from edge.simulator.machine import Change, Job, Machine
from edge.simulator.plant import LINES, Item, Line, WorkUnit
from edge.simulator.shifts import week_monday, week_start, working_time

_TRANSPORT_MS = 30_000
_SETUP_LAG_MS = 60_000
_LOAD = 0.62
"""Share of the remaining week that the last order may take ideally, so that it gets finished."""
_SMALLEST_ORDER = 60
_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Operation:
    """What became of an order at one work unit; times in ms.

    Attributes:
        started_at: When its changeover began; None when the week was over before.
        finished_at: When the work unit was free again, or the week over.
        pieces: How many were good, scrap, and in need of rework.
    """

    started_at: int | None
    finished_at: int | None
    pieces: tuple[int, ...]


@dataclass(frozen=True)
class Order:
    """A production order; times in ms.

    Attributes:
        operations: One for each work unit of its line.
        ended_at: When its last operation was done, or the week over.
    """

    production_order_id: str
    line: Line
    item: Item
    quantity: int
    operations: tuple[Operation, ...]
    ended_at: int


@dataclass(frozen=True)
class UnitWeek:
    """What one work unit did in one plant week, from `begin` to `end`.

    Attributes:
        changes: States, reasons and orders; the first at `begin`, each until the next.
        piece_at: When each piece was finished, ascending.
        piece_result: What became of it, see `edge.simulator.machine.Result`.
    """

    unit: WorkUnit
    begin: int
    end: int
    changes: tuple[Change, ...]
    piece_at: NDArray[np.int64]
    piece_result: NDArray[np.int8]


@dataclass(frozen=True)
class LineWeek:
    """What one line did in one plant week."""

    line: Line
    monday: date
    orders: tuple[Order, ...]
    units: tuple[UnitWeek, ...]

    @cached_property
    def items(self) -> dict[str, Item]:
        """The item of each order."""
        return {order.production_order_id: order.item for order in self.orders}


class Plant:
    """The plant of one seed and start; weeks are computed when asked for and kept.

    Attributes:
        seed: Decides what happens.
        start: First moment that anything is told about, in ms.
        first_monday: Of the week of `start`; exceptions of the calendar count from it.
    """

    def __init__(self, seed: int, start: int) -> None:
        self.seed = seed
        self.start = start
        self.first_monday = week_monday(start)
        self._weeks: dict[tuple[int, date], LineWeek] = {}

    def mondays(self, begin: int, end: int) -> list[date]:
        """The plant weeks that [begin, end) touches, none before the first."""
        monday = max(week_monday(begin), self.first_monday)
        found = []
        while week_start(monday) < end:
            found.append(monday)
            monday += _WEEK
        return found

    def week(self, line: Line, monday: date) -> LineWeek:
        """What `line` does in the plant week of `monday`."""
        key = line.number, monday
        if key not in self._weeks:
            self._weeks[key] = _LineWeekWalk(self, line, monday).result()
        return self._weeks[key]

    def line_weeks(self, begin: int, end: int) -> list[LineWeek]:
        """Every line's weeks that [begin, end) touches, by week."""
        mondays = self.mondays(begin, end)
        return [self.week(line, monday) for monday in mondays for line in LINES]

    def random(self, *of_what: object) -> Random:
        """A random stream of its own for each thing of this plant."""
        return Random("/".join(map(str, (self.seed, *of_what))))


class _LineWeekWalk:
    """Lets the machines of a line go through a week, from the first to the last."""

    def __init__(self, plant: Plant, line: Line, monday: date) -> None:
        self._plant = plant
        self._line = line
        self._monday = monday
        self._begin = week_start(monday)
        self._end = week_start(monday + _WEEK)
        self._rng = plant.random(line.number, monday, "orders")
        self._items: list[Item] = []
        self._quantities: list[int] = []

    def result(self) -> LineWeek:
        machines = [self._machine(unit) for unit in self._line.work_units]
        jobs: list[list[Job]] = [[]]
        machines[0].work(self._released(machines[0], jobs[0]))
        for place, machine in enumerate(machines[1:], start=1):
            jobs.append(
                [self._following(place, number, job) for number, job in enumerate(jobs[-1])]
            )
            machine.work(jobs[-1])
        return LineWeek(
            self._line, self._monday, self._orders(jobs), tuple(map(self._unit_week, machines))
        )

    def _machine(self, unit: WorkUnit) -> Machine:
        calendar = working_time(unit, self._monday, self._plant.first_monday)
        rng = self._plant.random(unit.equipment_id, self._monday)
        return Machine(unit, calendar, self._begin, self._end, rng)

    def _released(self, first: Machine, jobs: list[Job]) -> Iterator[Job]:
        """Orders for the first machine, one when it is free, while the week has room."""
        while (quantity := self._next_order(first)) is not None:
            item = self._items[-1]
            wait_s = self._rng.uniform(300, 1_800) if self._rng.random() < 0.15 else 0
            job = self._job(0, len(jobs), item, first.now + int(wait_s * 1_000))
            job.goal = quantity
            jobs.append(job)
            yield job

    def _next_order(self, first: Machine) -> int | None:
        others = [item for item in self._line.items if item not in self._items[-1:]]
        item = self._rng.choice(others)
        hours = self._rng.uniform(*self._line.order_hours)
        room_s = min(hours * 3_600 / 1.3, first.working_ms_left / 1_000 * _LOAD)
        quantity = int(room_s / max(item.cycle_s)) // 20 * 20
        if quantity < _SMALLEST_ORDER:
            return None
        self._items.append(item)
        self._quantities.append(quantity)
        return quantity

    def _following(self, place: int, number: int, before: Job) -> Job:
        available_at = (before.started_at or self._end) + _SETUP_LAG_MS
        job = self._job(place, number, self._items[number], available_at)
        job.arrivals = [at + _TRANSPORT_MS for at in before.passed_on_at]
        return job

    def _job(self, place: int, number: int, item: Item, available_at: int) -> Job:
        year, week, _ = self._monday.isocalendar()
        return Job(
            f"PO-{year % 100:02}{week:02}-{self._line.number}{number + 1:02}",
            int(item.cycle_s[place] * 1_000 * self._line.work_units[place].pieces_per_cycle),
            int(item.setup_s[place] * 1_000),
            available_at,
        )

    def _orders(self, jobs: list[list[Job]]) -> tuple[Order, ...]:
        rows = zip(self._items, self._quantities, zip(*jobs, strict=True), strict=False)
        return tuple(self._order(*row) for row in rows)

    def _order(self, item: Item, quantity: int, jobs: tuple[Job, ...]) -> Order:
        return Order(
            jobs[0].production_order_id,
            self._line,
            item,
            quantity,
            tuple(Operation(job.started_at, job.finished_at, tuple(job.pieces)) for job in jobs),
            max(job.finished_at or self._end for job in jobs),
        )

    def _unit_week(self, machine: Machine) -> UnitWeek:
        return UnitWeek(
            machine.unit,
            self._begin,
            self._end,
            tuple(machine.changes),
            np.array(machine.piece_at, dtype=np.int64),
            np.array(machine.piece_result, dtype=np.int8),
        )
