"""Every time element, quantity and ratio of a work unit's shift, by the rules in README.md."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path

from tests.oracle import times
from tests.oracle.pulses import told_by_pulses
from tests.oracle.shift_calendar import Day, Shift, Span, cut, instant, rows, shifts
from tests.oracle.times import Piece, Record, State

_ELEMENT = {
    "production": "actual_production_time_us",
    "setup": "actual_setup_time_us",
    "delay": "actual_delay_time_us",
    "down": "actual_down_time_us",
}
_QUANTITY = {"good": "good_quantity", "scrap": "scrap_quantity", "rework": "rework_quantity"}


@dataclass
class Figures:
    """What adds up: times in integer µs, quantities in pieces; and the ratios of it.

    `ideal_time_us` is planned run time times produced, `good_ideal_time_us` times good.
    """

    calendar_time_us: int = 0
    not_scheduled_time_us: int = 0
    planned_downtime_us: int = 0
    planned_busy_time_us: int = 0
    actual_production_time_us: int = 0
    actual_setup_time_us: int = 0
    actual_delay_time_us: int = 0
    actual_down_time_us: int = 0
    unknown_time_us: int = 0
    minor_stop_time_us: int = 0
    ideal_time_us: int = 0
    good_ideal_time_us: int = 0
    produced_quantity: int = 0
    good_quantity: int = 0
    scrap_quantity: int = 0
    rework_quantity: int = 0

    def add(self, element: str, amount: int) -> None:
        """Add `amount` to one element."""
        setattr(self, element, getattr(self, element) + amount)

    def __add__(self, other: "Figures") -> "Figures":
        names = [field.name for field in fields(Figures)]
        return Figures(**{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def availability(self) -> Fraction | None:
        return _ratio(self.actual_production_time_us, self.planned_busy_time_us)

    @property
    def effectiveness(self) -> Fraction | None:
        return _ratio(self.ideal_time_us, self.actual_production_time_us)

    @property
    def quality_ratio(self) -> Fraction | None:
        if self.ideal_time_us:
            return _ratio(self.good_ideal_time_us, self.ideal_time_us)
        return _ratio(self.good_quantity, self.produced_quantity)

    @property
    def oee_index(self) -> Fraction | None:
        return _ratio(self.good_ideal_time_us, self.planned_busy_time_us)

    @property
    def nee_index(self) -> Fraction | None:
        processing = self.actual_production_time_us + self.actual_setup_time_us
        share = _ratio(processing, self.actual_production_time_us)
        oee = self.oee_index
        return None if share is None or oee is None else share * oee

    @property
    def teep_index(self) -> Fraction | None:
        return _ratio(self.good_ideal_time_us, self.calendar_time_us)


@dataclass(frozen=True)
class ShiftFigures:
    """A work unit's shift: the whole, and its parts by order (None: without an order)."""

    shift: Shift
    whole: Figures
    by_order: dict[str | None, Figures]

    @property
    def key(self) -> tuple[str, date, str]:
        return self.shift.work_unit_id, self.shift.production_date, self.shift.shift_id


def compute(truth_folder: Path, business_folder: Path) -> list[ShiftFigures]:
    """The figures of every shift that the truth touches; what it does not cover is unknown."""
    run_times = RunTimes(business_folder)
    records = _as_told(times.read(truth_folder), business_folder, run_times)
    begin = min(record.states[0].started_at for record in records.values())
    end = max(record.states[-1].ended_at for record in records.values())
    return evaluate(records, shifts(business_folder, begin, end), run_times)


def _as_told(
    records: dict[str, Record], business_folder: Path, run_times: "RunTimes"
) -> dict[str, Record]:
    """The records; of work units whose state no signal tells, as their pulses tell them."""
    signal_map = rows(business_folder, "signal_map")
    roles = {(row["equipment_id"], row["role"]) for row in signal_map}
    return {
        unit: record
        if (unit, "state") in roles
        else told_by_pulses(
            record,
            partial(_ideal_cycle, run_times, unit),
            set(_QUANTITY) if (unit, "total_count") in roles else {"good"},
        )
        for unit, record in records.items()
    }


def _ideal_cycle(run_times: "RunTimes", unit: str, piece: Piece) -> int:
    return run_times.at(piece.production_order_id, unit, piece.produced_at)


def evaluate(
    records: dict[str, Record], calendar: Iterable[Shift], run_times: "RunTimes"
) -> list[ShiftFigures]:
    """The figures of each shift in `calendar`."""
    units = {unit: _Unit(unit, record, run_times) for unit, record in records.items()}
    return [units[shift.work_unit_id].figures(shift) for shift in calendar]


def of_days(found: Iterable[ShiftFigures], days: Iterable[Day]) -> Iterator[tuple[Day, Figures]]:
    """Each day's shifts together, and the time between them as not scheduled."""
    shifts_of = defaultdict(list)
    for each in found:
        shifts_of[each.shift.work_unit_id, each.shift.production_date].append(each.whole)
    for day in days:
        total = sum(shifts_of[day.work_unit_id, day.production_date], Figures())
        between = day.ended_at - day.started_at - total.calendar_time_us
        yield day, total + Figures(calendar_time_us=between, not_scheduled_time_us=between)


class RunTimes:
    """Planned run times per unit of the orders, in µs, as they hold at a moment."""

    def __init__(self, folder: Path) -> None:
        self._orders = {
            row["production_order_id"]: (row["item_id"], row["route_version"])
            for row in rows(folder, "production_order")
        }
        self._operations = {
            (row["production_order_id"], row["work_unit_id"]): row["operation_id"]
            for row in rows(folder, "order_operation")
        }
        self._routing = defaultdict(list)
        for row in rows(folder, "routing_operation"):
            key = row["item_id"], row["route_version"], row["operation_id"]
            self._routing[key].append(row)

    def at(self, order: str | None, unit: str, moment: int) -> int:
        """Planned µs per piece of `order` at `unit`; 0 without an order or a route."""
        operation = self._operations.get((order, unit))
        item, version = self._orders.get(order, ("", ""))
        for row in self._routing.get((item, version, operation), []):
            if _holds(row, moment) and row["work_unit_id"] in ("", unit):
                return int(Decimal(row["planned_run_s_per_unit"]) * 1_000_000)
        return 0


class _Unit:
    """One work unit's record, ready to be cut at shifts."""

    def __init__(self, unit: str, record: Record, run_times: RunTimes) -> None:
        self._unit = unit
        self._states = record.states
        self._state_ends = [state.ended_at for state in record.states]
        self._pieces = record.pieces
        self._piece_times = [piece.produced_at for piece in record.pieces]
        self._minor = [stop[:2] for stop in times.stops(record.states) if stop.is_minor]
        self._run_times = run_times

    def figures(self, shift: Shift) -> ShiftFigures:
        parts: dict[str | None, Figures] = defaultdict(Figures)
        known = 0
        for state, (start, end) in self._within(shift):
            known += end - start
            self._add_time(parts[state.production_order_id], state, shift, (start, end))
        self._add_unknown(parts, shift, known)
        for piece in self._pieces_of(shift):
            self._add_piece(parts[piece.production_order_id], piece)
        return ShiftFigures(shift, sum(parts.values(), Figures()), dict(parts))

    def _within(self, shift: Shift) -> Iterator[tuple[State, Span]]:
        first = bisect_right(self._state_ends, shift.started_at)
        for state in self._states[first:]:
            if state.started_at >= shift.ended_at:
                return
            yield (
                state,
                (max(state.started_at, shift.started_at), min(state.ended_at, shift.ended_at)),
            )

    def _pieces_of(self, shift: Shift) -> list[Piece]:
        first = bisect_left(self._piece_times, shift.started_at)
        return self._pieces[first : bisect_left(self._piece_times, shift.ended_at)]

    def _add_time(self, part: Figures, state: State, shift: Shift, span: Span) -> None:
        start, end = span
        paused = _length(cut(shift.pauses, start, end))
        part.calendar_time_us += end - start
        part.planned_downtime_us += paused
        part.planned_busy_time_us += end - start - paused
        part.add(_ELEMENT[state.category], end - start - paused)
        if state.category == "delay":
            part.minor_stop_time_us += self._minor_time(shift, span)

    def _minor_time(self, shift: Shift, span: Span) -> int:
        minor = cut(self._minor_between(*span), *span)
        return sum(end - start - _length(cut(shift.pauses, start, end)) for start, end in minor)

    def _minor_between(self, start: int, end: int) -> list[Span]:
        first = max(bisect_left(self._minor, (start, 0)) - 1, 0)
        return self._minor[first : bisect_left(self._minor, (end, 0))]

    def _add_unknown(self, parts: dict[str | None, Figures], shift: Shift, known: int) -> None:
        length = shift.ended_at - shift.started_at
        if known == length:
            return
        part = parts[None]
        paused = _length(shift.pauses) - sum(each.planned_downtime_us for each in parts.values())
        part.calendar_time_us += length - known
        part.planned_downtime_us += paused
        part.planned_busy_time_us += length - known - paused
        part.unknown_time_us += length - known - paused

    def _add_piece(self, part: Figures, piece: Piece) -> None:
        run_us = self._run_times.at(piece.production_order_id, self._unit, piece.produced_at)
        part.produced_quantity += 1
        part.add(_QUANTITY[piece.result], 1)
        part.ideal_time_us += run_us
        if piece.result == "good":
            part.good_ideal_time_us += run_us


def _length(spans: Iterable[Span]) -> int:
    return sum(end - start for start, end in spans)


def _ratio(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None


def _holds(row: dict[str, str], moment: int) -> bool:
    begin, end = row["valid_from"], row["valid_to"]
    return (not begin or instant(begin) <= moment) and (not end or moment < instant(end))
