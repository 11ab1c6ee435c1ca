"""The shifts of each work unit, from the business files. Times are integer µs UTC."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

Row = dict[str, str]
Span = tuple[int, int]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Shift:
    """One occurrence of a shift at one work unit; `pauses` are breaks and planned downtime."""

    work_unit_id: str
    production_date: date
    shift_id: str
    started_at: int
    ended_at: int
    pauses: tuple[Span, ...]


@dataclass(frozen=True)
class Day:
    """A production day of one work unit: up to the start of the next one."""

    work_unit_id: str
    production_date: date
    started_at: int
    ended_at: int


def rows(folder: Path, table: str) -> list[Row]:
    """The rows of a business file; none when there is no such file."""
    file = folder / f"{table}.csv"
    if not file.exists():
        return []
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def microseconds(moment: datetime) -> int:
    """µs since 1970 of an aware datetime."""
    return (moment - _EPOCH) // _MICROSECOND


def instant(text: str) -> int:
    """µs of an ISO 8601 timestamp; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    return microseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def shifts(folder: Path, begin: int, end: int) -> list[Shift]:
    """Every work unit's shifts that touch [begin, end), by work unit and start."""
    site_calendar = _SiteCalendar(folder)
    first = (_EPOCH + timedelta(microseconds=begin)).date() - 3 * _DAY
    last = (_EPOCH + timedelta(microseconds=end)).date() + 3 * _DAY
    found = []
    for unit in site_calendar.work_units:
        day = first
        while day <= last:
            found += site_calendar.of_day(unit, day)
            day += _DAY
    touching = (each for each in found if each.started_at < end and each.ended_at > begin)
    return sorted(touching, key=lambda shift: (shift.work_unit_id, shift.started_at))


def days(folder: Path, begin: int, end: int) -> list[Day]:
    """Every work unit's production days that lie inside [begin, end]."""
    site_calendar = _SiteCalendar(folder)
    first = (_EPOCH + timedelta(microseconds=begin)).date() - 3 * _DAY
    dates = [first + n * _DAY for n in range((end - begin) // (_DAY // _MICROSECOND) + 7)]
    found = []
    for unit in site_calendar.work_units:
        starts: list[int] = []
        over = 0
        for day in dates:
            own = site_calendar.of_day(unit, day)
            natural = min((shift.started_at for shift in own), default=site_calendar.midnight(day))
            starts.append(max(natural, over))
            over = max([over, *(shift.ended_at for shift in own)])
        found += [
            Day(unit, day, started_at, ended_at)
            for day, (started_at, ended_at) in zip(dates, pairwise(starts), strict=False)
        ]
    return [each for each in found if begin <= each.started_at and each.ended_at <= end]


def cut(spans: Iterable[Span], begin: int, end: int) -> list[Span]:
    """The union of `spans` inside [begin, end), in order."""
    merged: list[Span] = []
    for start, stop in sorted((max(s, begin), min(e, end)) for s, e in spans):
        if start >= stop:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


class _SiteCalendar:
    def __init__(self, folder: Path) -> None:
        equipment = rows(folder, "equipment")
        self._parents = {row["equipment_id"]: row["parent_id"] for row in equipment}
        self._zone = ZoneInfo(next(row["time_zone"] for row in equipment if row["time_zone"]))
        self._pattern = rows(folder, "shift_pattern")
        self._exceptions = rows(folder, "calendar_exception")
        self.work_units = [row["equipment_id"] for row in equipment if row["level"] == "work_unit"]

    def of_day(self, unit: str, day: date) -> list[Shift]:
        pattern = self._pattern_of(unit, day)
        chain = list(self._chain(unit))
        exceptions = [
            row
            for row in self._exceptions
            if row["equipment_id"] in chain and row["production_date"] == day.isoformat()
        ]
        return [
            Shift(
                unit,
                day,
                shift_id,
                *span,
                tuple(self._pauses(day, shift_id, span, pattern, exceptions)),
            )
            for shift_id, span in self._spans(day, pattern, exceptions)
        ]

    def midnight(self, day: date) -> int:
        return self._local(day, time())

    def _chain(self, equipment: str) -> Iterator[str]:
        """The equipment and all above it, nearest first."""
        while equipment:
            yield equipment
            equipment = self._parents[equipment]

    def _pattern_of(self, unit: str, day: date) -> list[Row]:
        valid = [row for row in self._pattern if _is_valid(row, day)]
        for equipment in self._chain(unit):
            own = [row for row in valid if row["equipment_id"] == equipment]
            if own:
                return [row for row in own if int(row["weekday"]) == day.isoweekday()]
        return []

    def _spans(
        self, day: date, pattern: list[Row], exceptions: list[Row]
    ) -> Iterator[tuple[str, Span]]:
        holidays = {row["shift_id"] for row in exceptions if row["kind"] == "holiday"}
        changed = {
            row["shift_id"]: _exception_span(row)
            for row in exceptions
            if row["kind"] == "changed_shift"
        }
        for row in pattern:
            if row["kind"] == "shift" and not holidays & {"", row["shift_id"]}:
                yield row["shift_id"], changed.get(row["shift_id"]) or self._span(day, row, row)
        for row in exceptions:
            if row["kind"] == "overtime":
                yield row["shift_id"], _exception_span(row)

    def _pauses(
        self, day: date, shift_id: str, span: Span, pattern: list[Row], exceptions: list[Row]
    ) -> list[Span]:
        own = [row for row in pattern if row["shift_id"] == shift_id]
        shift = next((row for row in own if row["kind"] == "shift"), None)
        pauses = [self._span(day, row, shift or row) for row in own if row["kind"] != "shift"]
        pauses += [
            _exception_span(row)
            for row in exceptions
            if row["kind"] == "planned_downtime" and row["shift_id"] in ("", shift_id)
        ]
        return cut(pauses, *span)

    def _span(self, day: date, row: Row, shift: Row) -> Span:
        start, end = time.fromisoformat(row["starts_local"]), time.fromisoformat(row["ends_local"])
        starts_on = day if start >= time.fromisoformat(shift["starts_local"]) else day + _DAY
        ends_on = starts_on if end > start else starts_on + _DAY
        return self._local(starts_on, start), self._local(ends_on, end)

    def _local(self, day: date, at: time) -> int:
        return microseconds(datetime.combine(day, at, self._zone))


def _is_valid(row: Row, day: date) -> bool:
    begin, end = row["valid_from"], row["valid_to"]
    return (not begin or begin <= day.isoformat()) and (not end or day.isoformat() < end)


def _exception_span(row: Row) -> Span:
    return instant(row["starts_at"]), instant(row["ends_at"])
