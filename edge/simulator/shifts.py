"""When the plant works: its weekly pattern, its exceptions, and the spans that follow.

Times inside the simulator are integer milliseconds since 1970 UTC. A plant week runs from
Monday 06:00, local time, to the next.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from edge.simulator.plant import LINE1, LINE2, TIME_ZONE, WorkUnit

Span = tuple[int, int]
"""Start and end in ms; the end is not part of it."""

_WEEK_BEGINS = time(6)


@dataclass(frozen=True)
class PatternRow:
    """One weekly span; `weekdays` are those of the production date, 1 is Monday."""

    equipment_id: str
    shift_id: str
    weekdays: tuple[int, ...]
    starts_local: time
    ends_local: time
    kind: str


@dataclass(frozen=True)
class ExceptionRow:
    """One departure from the pattern; times in ms UTC."""

    equipment_id: str
    production_date: date
    shift_id: str | None
    kind: str
    starts_at: int | None = None
    ends_at: int | None = None


def _row(line: str, shift: str, days: Iterable[int], span: str, kind: str) -> PatternRow:
    begin, end = map(time.fromisoformat, span.split("-"))
    return PatternRow(line, shift, tuple(days), begin, end, kind)


_WORKDAYS = range(1, 6)
_ALL_DAYS = range(1, 8)
_L1, _L2 = LINE1.equipment_id, LINE2.equipment_id
PATTERN = (
    _row(_L1, "early", _WORKDAYS, "06:00-14:00", "shift"),
    _row(_L1, "early", _WORKDAYS, "09:00-09:15", "break"),
    _row(_L1, "early", _WORKDAYS, "12:00-12:30", "break"),
    _row(_L1, "late", _WORKDAYS, "14:00-22:00", "shift"),
    _row(_L1, "late", _WORKDAYS, "17:00-17:15", "break"),
    _row(_L1, "late", _WORKDAYS, "19:30-20:00", "break"),
    _row(_L2, "day", _ALL_DAYS, "06:00-18:00", "shift"),
    _row(_L2, "day", _ALL_DAYS, "09:30-09:45", "break"),
    _row(_L2, "day", _ALL_DAYS, "13:00-13:30", "break"),
    _row(_L2, "night", _ALL_DAYS, "18:00-06:00", "shift"),
    _row(_L2, "night", _ALL_DAYS, "22:30-23:00", "break"),
    _row(_L2, "night", _ALL_DAYS, "02:15-02:30", "break"),
    _row(_L2, "day", (1,), "06:00-07:00", "planned_downtime"),
)


def local_ms(day: date, at: time) -> int:
    """The instant of a local time of day."""
    return to_ms(datetime.combine(day, at, TIME_ZONE))


def to_ms(moment: datetime) -> int:
    """Milliseconds of an aware datetime."""
    return round(moment.timestamp() * 1000)


def to_datetime(ms: int) -> datetime:
    """The UTC datetime of milliseconds, exactly."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


def local_date(ms: int) -> date:
    """The plant's date at an instant."""
    return to_datetime(ms).astimezone(TIME_ZONE).date()


def week_monday(ms: int) -> date:
    """The Monday on which the plant week of an instant began."""
    day = local_date(ms)
    monday = day - timedelta(days=day.weekday())
    return monday if ms >= week_start(monday) else monday - timedelta(days=7)


def week_start(monday: date) -> int:
    """First instant of the plant week of a Monday."""
    return local_ms(monday, _WEEK_BEGINS)


def exceptions(first_monday: date) -> tuple[ExceptionRow, ...]:
    """All departures from the pattern of a plant that starts in the week of `first_monday`."""

    def day(number: int) -> date:
        return first_monday + timedelta(days=number)

    def timed(line: str, on: date, shift: str, kind: str, hours: Span) -> ExceptionRow:
        span = local_ms(on, time(hours[0])), local_ms(on, time(hours[1]))
        return ExceptionRow(line, on, shift, kind, *span)

    mill = LINE2.work_units[2].equipment_id
    return (
        timed(mill, day(8), "day", "planned_downtime", (8, 10)),
        ExceptionRow(_L1, day(10), None, "holiday"),
        timed(_L1, day(11), "late", "changed_shift", (14, 20)),
        timed(_L1, day(12), "early", "overtime", (6, 12)),
        timed(_L2, day(24), "day", "planned_downtime", (8, 10)),
        timed(_L1, day(26), "early", "overtime", (6, 12)),
    )


class WorkingTime:
    """The spans of one plant week in which a work unit is to produce.

    Attributes:
        spans: In order, apart from each other.
        shift_starts: When shifts start, in order.
        handovers: Those of them at which work goes on.
    """

    def __init__(self, spans: list[Span], shift_starts: list[int]) -> None:
        self.spans = spans
        self.shift_starts = sorted(shift_starts)
        self.handovers = [each for each in self.shift_starts if any(s < each < e for s, e in spans)]
        self._starts = [start for start, _ in spans]

    def span_at(self, at: int) -> Span | None:
        """The working span that contains `at`."""
        place = bisect_right(self._starts, at) - 1
        return self.spans[place] if place >= 0 and at < self.spans[place][1] else None

    def next_start(self, at: int) -> int | None:
        """`at` when it is working time, else the next start; None: not this week."""
        if self.span_at(at):
            return at
        place = bisect_right(self._starts, at)
        return self._starts[place] if place < len(self.spans) else None

    def next_handover(self, at: int) -> int | None:
        """The first change of shifts not before `at` at which work goes on."""
        return next((each for each in self.handovers if each >= at), None)

    def left(self, at: int) -> int:
        """Working milliseconds from `at` to the end of the week."""
        return sum(end - max(start, at) for start, end in self.spans if end > at)


def working_time(unit: WorkUnit, monday: date, first_monday: date) -> WorkingTime:
    """Working spans of `unit` in the plant week of `monday`."""
    shifts: list[Span] = []
    pauses: list[Span] = []
    days = (monday + timedelta(days=number) for number in range(7))
    for day in days:
        own = [row for row in exceptions(first_monday) if row.production_date == day]
        own = [row for row in own if unit.equipment_id.startswith(row.equipment_id)]
        for shift_id, shift in _shifts_of(unit, day, own):
            shifts.append(shift)
            pauses += _pauses_of(unit, day, shift_id, own)
    spans = _subtract(_union(shifts), _union(pauses))
    return WorkingTime(spans, [start for start, _ in shifts])


def _rows(unit: WorkUnit, day: date) -> Iterator[PatternRow]:
    for row in PATTERN:
        if unit.equipment_id.startswith(row.equipment_id) and day.isoweekday() in row.weekdays:
            yield row


def _shifts_of(unit: WorkUnit, day: date, own: list[ExceptionRow]) -> Iterator[tuple[str, Span]]:
    if not any(row.kind == "holiday" for row in own):
        changed = {row.shift_id: _timed(row) for row in own if row.kind == "changed_shift"}
        for row in _rows(unit, day):
            if row.kind == "shift":
                yield row.shift_id, changed.get(row.shift_id) or _pattern_span(row, row, day)
    for extra in own:
        if extra.kind == "overtime":
            yield extra.shift_id or "overtime", _timed(extra)


def _pauses_of(unit: WorkUnit, day: date, shift_id: str, own: list[ExceptionRow]) -> Iterator[Span]:
    rows = [row for row in _rows(unit, day) if row.shift_id == shift_id]
    shift = next((row for row in rows if row.kind == "shift"), None)
    for row in rows:
        if row.kind == "planned_downtime" or (row.kind == "break" and not unit.runs_through_breaks):
            yield _pattern_span(row, shift or row, day)
    for extra in own:
        if extra.kind == "planned_downtime" and extra.shift_id in (None, shift_id):
            yield _timed(extra)


def _pattern_span(row: PatternRow, shift: PatternRow, day: date) -> Span:
    begins = day if row.starts_local >= shift.starts_local else day + timedelta(days=1)
    ends = begins if row.ends_local > row.starts_local else begins + timedelta(days=1)
    return local_ms(begins, row.starts_local), local_ms(ends, row.ends_local)


def _timed(row: ExceptionRow) -> Span:
    assert row.starts_at is not None
    assert row.ends_at is not None
    return row.starts_at, row.ends_at


def _union(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _subtract(spans: list[Span], holes: list[Span]) -> list[Span]:
    result = []
    for start, end in spans:
        for hole_start, hole_end in holes:
            if hole_end <= start or hole_start >= end:
                continue
            if hole_start > start:
                result.append((start, hole_start))
            start = hole_end  # noqa: PLW2901 - what is left of the span
        if start < end:
            result.append((start, end))
    return result
