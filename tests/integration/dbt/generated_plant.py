"""A plant of two sites around a month's end: equipment, calendar, signals, periods.

Belongs here: what stands there whatever is made, and the container of all that is generated. Times
are integer µs; `generated_costs` makes the rest.
"""

import csv
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple

import pyarrow as pa

import lake
from lake.schema import TELEMETRY
from takt.settings import Settings
from tests.oracle.cost_facts import Count, Measure, Period, Use
from tests.oracle.shift_calendar import microseconds

Row = dict[str, object]

SECOND, MINUTE, HOUR = 1_000_000, 60_000_000, 3_600_000_000
START = datetime(2026, 3, 30, 4, tzinfo=UTC)
"""The first shift's start, a Monday, two days before a month's end."""
NOW = datetime(2026, 4, 2, 10, tzinfo=UTC)
_EVER = datetime(2000, 1, 1, tzinfo=UTC)
UNITS = tuple(f"line/unit{number}" for number in range(1, 7))
BARE_UNIT = "line/bare1"
"""Of a site without a costing version."""
METERED = "raw1"
"""What each work unit measures of its material."""
REASONS = {"jam": "availability", "slow": "performance", "change": "setup", "untold": None}


class Sample(NamedTuple):
    """A row of the lake's telemetry."""

    site: str
    collector: str
    epoch: str
    row_number: int
    equipment: str
    signal: str
    observed_at: datetime
    value: float | None
    text: str | None
    quality: int
    received_at: datetime
    is_historical: bool
    observed_date: date


@dataclass
class Generated:
    """Everything, made by `make`."""

    rng: Random
    files: dict[str, list[Row]] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    measures: list[Measure] = field(default_factory=list)
    periods: list[Period] = field(default_factory=list)

    def write(self, folder: Path) -> Path:
        """Write the business files."""
        folder.mkdir(parents=True, exist_ok=True)
        for table, found in self.files.items():
            columns = list(dict.fromkeys(name for row in found for name in row))
            with (folder / f"{table}.csv").open("w", newline="", encoding="utf-8") as stream:
                writer = csv.DictWriter(stream, columns, lineterminator="\n")
                writer.writeheader()
                writer.writerows(found)
        return folder

    def tell(self, settings: Settings, since: datetime = _EVER, until: datetime = NOW) -> None:
        """Put what the machines say in [since, until) into the lake."""
        told = [
            sample._asdict()
            for sample in self.samples
            if since <= sample.observed_at.replace(tzinfo=UTC) < until
        ]
        with closing(lake.open(settings)) as con:
            con.register("told", pa.Table.from_pylist(told, schema=TELEMETRY.arrow_schema))
            con.execute("insert into raw.telemetry from told")


def text(moment: int) -> str:
    """A moment as business files write it."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)).isoformat()


def decimal(rng: Random, low: float, high: float) -> str:
    """A number with up to six places."""
    return f"{rng.uniform(low, high):.{rng.choice((1, 2, 3, 6))}f}"


class Plant:
    """Equipment, calendar, signals, periods."""

    def __init__(self, works: Generated, *, has_periods: bool) -> None:
        self._works = works
        self._has_periods = has_periods

    def make(self) -> None:
        files = self._works.files
        files["equipment"] = list(self._equipment())
        files["shift_pattern"] = list(self._shifts())
        files["signal_map"] = list(self._signals())
        files["reason_code"] = [
            {"reason_id": name, "name": name, "loss_category": category}
            for name, category in REASONS.items()
        ]
        starts = {
            "2026-02": datetime(2026, 1, 31, 23, tzinfo=UTC),
            "2026-03": datetime(2026, 2, 28, 23, tzinfo=UTC),
            "2026-04": datetime(2026, 3, 31, 22, tzinfo=UTC),
            "2026-05": datetime(2026, 4, 30, 22, tzinfo=UTC),
        }
        if self._has_periods:
            # Within the night shift, and within a morning's production.
            starts = {
                "first": datetime(2026, 3, 1, tzinfo=UTC),
                "second": datetime(2026, 3, 31, 1, 20, 10, 1, tzinfo=UTC),
                "third": datetime(2026, 4, 1, 6, 5, tzinfo=UTC),
            }
            ends = [*list(starts.values())[1:], datetime(2026, 5, 1, tzinfo=UTC)]
            files["period"] = [
                {"period_id": name, "starts_at": at.isoformat(), "ends_at": end.isoformat()}
                for (name, at), end in zip(starts.items(), ends, strict=True)
            ]
        self._works.periods = [Period(name, microseconds(at)) for name, at in starts.items()]

    def _equipment(self) -> Iterator[Row]:
        for site in ("demo", "bare"):
            zone = {"time_zone": "Europe/Copenhagen"}
            yield _node(site, site, None, "site") | zone
            yield _node(site, "line", site, "work_center")
        for unit in (*UNITS, BARE_UNIT):
            yield _node("bare" if unit == BARE_UNIT else "demo", unit, "line", "work_unit")

    def _shifts(self) -> Iterator[Row]:
        for site in ("demo", "bare"):
            for weekday, (shift, starts, ends, pause, resumes) in _pattern():
                own = {"site_id": site, "equipment_id": site, "shift_id": shift, "weekday": weekday}
                yield own | {"starts_local": starts, "ends_local": ends, "kind": "shift"}
                if pause:
                    yield own | {"starts_local": pause, "ends_local": resumes, "kind": "break"}

    def _signals(self) -> Iterator[Row]:
        for unit in (*UNITS, BARE_UNIT):
            own = {"site_id": "bare" if unit == BARE_UNIT else "demo", "equipment_id": unit}
            yield own | {"signal": "State", "role": "state"}
            yield own | {"signal": "Total", "role": "total_count", "counter_mode": "total"}
            yield own | {"signal": "Rejects", "role": "reject_count", "counter_mode": "total"}
            yield own | {"signal": "Reason", "role": "reason"}
            yield own | {
                "signal": "Meter",
                "role": "consumption",
                "counter_mode": "increment",
                "material_item_id": METERED,
            }


def _pattern() -> Iterator[tuple[int, tuple[str, str, str, str, str]]]:
    for weekday in range(1, 8):
        yield weekday, ("early", "06:00", "14:00", "09:00", "09:30")
        yield weekday, ("late", "14:00", "22:00", "", "")
        # Some nights nobody works.
        if weekday in (1, 3):
            yield weekday, ("night", "22:00", "06:00", "02:00", "02:40")


def _busy_spans() -> list[tuple[int, int]]:
    """Planned busy time, in pieces that no calendar segment cuts."""
    spans = []
    first = datetime(2026, 3, 29, 22, tzinfo=UTC)  # local midnight of the first Monday
    for day in range(6):
        midnight = microseconds(first) + day * 24 * HOUR
        for weekday, (_, starts, ends, pause, resumes) in _pattern():
            if weekday != day + 1:
                continue
            start, end = _at(midnight, starts), _at(midnight, ends)
            end += 24 * HOUR * (end <= start)
            cuts = [start, end]
            if pause:
                late = 24 * HOUR * (_at(midnight, pause) < start)
                cuts[1:1] = [_at(midnight, pause) + late, _at(midnight, resumes) + late]
            spans += list(pairwise(cuts))[::2]
    return sorted(spans)


def _at(midnight: int, clock: str) -> int:
    hours, minutes = map(int, clock.split(":"))
    return midnight + hours * HOUR + minutes * MINUTE


BUSY = _busy_spans()
EDGES = sorted({at for span in BUSY for at in span})


def _node(site: str, equipment_id: str, parent_id: str | None, level: str) -> Row:
    own: Row = {"site_id": site, "equipment_id": equipment_id, "parent_id": parent_id}
    return own | {"level": level, "name": equipment_id}
