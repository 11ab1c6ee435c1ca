"""Works of many work units in several time zones, from a seed; hard cases are the rule.

Belongs here: which sites, calendars, machines and orders there are, and their business files.
What the machines say is in `generated_samples`; what must hold of it in the tests.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from random import Random

Row = dict[str, object]


@dataclass(frozen=True)
class Site:
    """A site and its shifts: id, start, end, and where the break lies, in local time."""

    site_id: str
    time_zone: str
    shifts: tuple[tuple[str, str, str, str, str], ...]


SITES = (
    # Clocks go forward at 2:00 on 29 March 2026, in the break of the night shift.
    Site(
        "copenhagen",
        "Europe/Copenhagen",
        (
            ("early", "06:00", "14:00", "10:00", "10:30"),
            ("late", "14:00", "22:00", "18:00", "18:30"),
            ("night", "22:00", "06:00", "02:00", "02:30"),
        ),
    ),
    # Clocks go back from 3:00 to 2:00 on 5 April 2026: the break's time occurs twice.
    Site(
        "sydney",
        "Australia/Sydney",
        (
            ("day", "07:00", "19:00", "12:00", "12:45"),
            ("night", "19:00", "07:00", "02:15", "02:45"),
        ),
    ),
    # Clocks go back from 24:00 to 23:00 on 4 April 2026.
    Site(
        "santiago",
        "America/Santiago",
        (
            ("day", "06:00", "18:00", "12:00", "12:30"),
            ("night", "18:00", "06:00", "00:00", "00:40"),
        ),
    ),
    Site(
        "kolkata",
        "Asia/Kolkata",
        (
            ("first", "00:00", "08:00", "04:00", "04:20"),
            ("second", "08:00", "16:00", "11:30", "12:10"),
            ("third", "16:00", "00:00", "20:00", "20:20"),
        ),
    ),
    Site(
        "utc",
        "UTC",
        (
            ("day", "07:30", "19:30", "12:00", "12:30"),
            ("night", "19:30", "07:30", "01:00", "01:30"),
        ),
    ),
)
WINDOWS = (
    (datetime(2026, 3, 27, 12), datetime(2026, 3, 29, 20)),
    (datetime(2026, 4, 3, 12), datetime(2026, 4, 5, 10)),
)
"""When the machines speak, UTC; in the days between nobody does."""
LONG_AGO = datetime(2026, 3, 4, 8)
"""When those began that are silent for weeks: more than three weeks before every window's end."""
ITEMS = {"cup": "1.25", "lid": "0.4", "jar": "7.333333", "tray": "31.5", "plate": "2"}
"""Planned run time per unit, in seconds; one more item has no route."""
NO_ROUTE = "sample"
REASONS = ("jam", "no-material", "tool")
STATE_CODES = {
    "execute": "1",
    "held": "2",
    "suspended": "3",
    "setup": "4",
    "aborted": "5",
    "idle": "6",
    "stopped": "7",
}


class Told(StrEnum):
    """How a work unit tells its state."""

    CODE = "by a number that a map translates"
    NAME = "by PackML's names"
    MODE = "by on and off in an operation mode"
    PULSES = "by its counters only"


class OrderTold(StrEnum):
    """What says which order runs."""

    SIGNAL = "a signal"
    TIMES = "the reported times"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Counter:
    """A signal that counts."""

    signal: str
    role: str
    mode: str = "total"
    bits: int | None = None
    scale: str | None = None


COUNTERS = (
    (Counter("Total", "total_count"), Counter("Good", "good_count", bits=16)),
    (Counter("Total", "total_count", bits=8), Counter("Scrap", "reject_count", "increment")),
    (Counter("Good", "good_count"), Counter("Scrap", "reject_count")),
    (Counter("Good", "good_count", bits=10, scale="0.5"),),
    (Counter("Good", "good_count", "increment"), Counter("Rework", "rework_count", "increment")),
    (Counter("Cycle", "cycle", "cycle", scale="4"), Counter("Scrap", "reject_count", "increment")),
)


@dataclass(frozen=True)
class Run:
    """An order on a work unit: from its start until the next one's, or `ended_at`."""

    production_order_id: str
    item_id: str
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True)
class Unit:
    """A work unit and what is special about it.

    Attributes:
        is_silent: Its state was told weeks ago; what corrects that arrives only in a window.
        is_new: It speaks for the first time after a refresh.
        is_mute: It never speaks.
    """

    site: Site
    number: int
    told: Told
    counters: tuple[Counter, ...]
    order_told: OrderTold
    has_heartbeats: bool
    is_silent: bool
    is_new: bool
    is_mute: bool
    runs: tuple[Run, ...] = ()

    @property
    def work_unit_id(self) -> str:
        """Its path below the site."""
        return f"{self.line}/unit{self.number:03d}"

    @property
    def line(self) -> str:
        """The path of its line."""
        return f"{self.site.site_id}-line{self.number % 3}"


def make_units(rng: Random, count: int) -> list[Unit]:
    """So many work units, all sites and kinds among them."""
    return [_unit(rng, number) for number in range(count)]


def _unit(rng: Random, number: int) -> Unit:
    is_silent = number % 9 == 4 and number % 20 != 11 and number % 40 != 7
    order_told = rng.choice((OrderTold.SIGNAL, OrderTold.TIMES, OrderTold.TIMES, OrderTold.NOTHING))
    return Unit(
        site=SITES[number % len(SITES)],
        number=number,
        told=rng.choice(tuple(Told) if not is_silent else (Told.CODE, Told.NAME)),
        counters=rng.choice(COUNTERS),
        order_told=order_told,
        has_heartbeats=rng.random() < 0.3,
        is_silent=is_silent,
        is_new=number % 20 == 11,
        is_mute=number % 40 == 7,
        runs=tuple(_runs(rng, number)) if order_told is not OrderTold.NOTHING else (),
    )


def _runs(rng: Random, number: int) -> Iterator[Run]:
    for place, (start, end) in enumerate(WINDOWS):
        starts = [start - timedelta(hours=rng.uniform(0, 9))]
        while starts[-1] < end:
            starts.append(starts[-1] + timedelta(hours=rng.choice((0.4, 2, 5)) + rng.random()))
        for turn, (since, until) in enumerate(pairwise(starts)):
            item = rng.choice((*ITEMS, NO_ROUTE))
            # Some end before the next one begins: in between nobody knows of an order.
            pause = timedelta(minutes=rng.choice((0, 0, 0, 17)))
            yield Run(f"{number}-{place}-{turn}", item, since, max(until - pause, since))


@dataclass(frozen=True)
class BusinessFiles:
    """The business files of the works, in a folder."""

    folder: Path
    units: list[Unit]
    rng: Random = field(default_factory=lambda: Random(1))

    def write_master_data(self) -> Path:
        """All master data; the folder."""
        self._write("equipment", self._equipment())
        self._write("shift_pattern", self._shift_pattern())
        self._write("calendar_exception", self._calendar_exceptions())
        self._write("signal_map", self._signal_map())
        self._write("value_map", _value_map())
        self._write("reason_code", [_reason(each) for each in REASONS])
        items = (*ITEMS, NO_ROUTE)
        self._write("item", [{"item_id": i, "name": i.title(), "unit": "pcs"} for i in items])
        self._write("routing_operation", self._routes())
        return self.folder

    def write_orders(self, now: datetime) -> Path:
        """What has been reported of orders until `now`, in a folder of its own."""
        reported = [(unit, run) for unit in self.units for run in unit.runs if run.started_at < now]
        orders = [
            {
                "production_order_id": run.production_order_id,
                "site_id": unit.site.site_id,
                "item_id": run.item_id,
                "order_quantity": 10_000,
                "status": "started",
            }
            for unit, run in reported
        ]
        operations = [
            {
                "production_order_id": run.production_order_id,
                "operation_id": "10",
                "work_unit_id": unit.work_unit_id,
                "started_at": _iso(run.started_at),
                "finished_at": _iso(run.ended_at) if run.ended_at < now else None,
            }
            for unit, run in reported
            if run.ended_at > run.started_at
        ]
        folder = self.folder.with_name(f"orders-{now:%m%dT%H%M%S}")
        files = BusinessFiles(folder, self.units)
        files._write("production_order", orders)
        files._write("order_operation", operations)
        return folder

    def _equipment(self) -> Iterator[Row]:
        for site in dict.fromkeys(unit.site for unit in self.units):
            yield _node(site, site.site_id, None, "site") | {"time_zone": site.time_zone}
        for site, line in dict.fromkeys((unit.site, unit.line) for unit in self.units):
            yield _node(site, line, site.site_id, "work_center")
        for unit in self.units:
            yield _node(unit.site, unit.work_unit_id, unit.line, "work_unit")

    def _shift_pattern(self) -> Iterator[Row]:
        for site in dict.fromkeys(unit.site for unit in self.units):
            for weekday in range(1, 8):
                for shift_id, starts, ends, break_starts, break_ends in site.shifts:
                    own = {
                        "site_id": site.site_id,
                        "equipment_id": site.site_id,
                        "shift_id": shift_id,
                        "weekday": weekday,
                    }
                    yield own | {"kind": "shift", "starts_local": starts, "ends_local": ends}
                    rest = {"starts_local": break_starts, "ends_local": break_ends}
                    yield own | {"kind": "break"} | rest

    def _calendar_exceptions(self) -> Iterator[Row]:
        """Some machines are maintained for an hour on each production date of the windows."""
        for unit in self.units[3::8]:
            for start, end in WINDOWS:
                for day in range((end - start).days + 2):
                    since = start + timedelta(days=day, hours=self.rng.uniform(-12, 12))
                    yield {
                        "site_id": unit.site.site_id,
                        "equipment_id": unit.work_unit_id,
                        "production_date": since.date(),
                        "kind": "planned_downtime",
                        "starts_at": _iso(since),
                        "ends_at": _iso(since + timedelta(hours=1)),
                    }

    def _signal_map(self) -> Iterator[Row]:
        for unit in self.units:
            own = {"site_id": unit.site.site_id, "equipment_id": unit.work_unit_id}
            for signal, role, value_map in _told_signals(unit):
                yield own | {"signal": signal, "role": role, "value_map_id": value_map}
            for counter in unit.counters:
                yield own | {
                    "signal": counter.signal,
                    "role": counter.role,
                    "counter_mode": counter.mode,
                    "counter_bits": counter.bits,
                    "scale": counter.scale,
                }

    def _routes(self) -> Iterator[Row]:
        """One for any machine, and some machines' own, faster from the middle of a window on."""
        for item, seconds in ITEMS.items():
            route = {"item_id": item, "route_version": "1", "operation_id": "10", "sequence": 10}
            yield route | {"planned_run_s_per_unit": seconds}
            for unit in self.units[1::6]:
                own = route | {"work_unit_id": unit.work_unit_id}
                for start, end in WINDOWS[-1:]:
                    since = start + self.rng.random() * (end - start)
                    yield own | {"planned_run_s_per_unit": "3.21", "valid_to": _iso(since)}
                    yield own | {"planned_run_s_per_unit": "2.95", "valid_from": _iso(since)}

    def _write(self, table: str, rows: "Iterator[Row] | list[Row]") -> None:
        found = list(rows)
        columns = list(dict.fromkeys(name for row in found for name in row))
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"{table}.csv"
        with file.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(found)


def _told_signals(unit: Unit) -> Iterator[tuple[str, str, str | None]]:
    if unit.told is Told.MODE:
        yield "State", "state", "modal"
        yield "Mode", "operation_mode", None
    elif unit.told is not Told.PULSES:
        yield "State", "state", "plant"
    if unit.order_told is OrderTold.SIGNAL:
        yield "Order", "order", None
    yield "Reason", "reason", None


def _value_map() -> Iterator[Row]:
    for state, code in STATE_CODES.items():
        yield {"value_map_id": "plant", "raw_value": code, "mapped_value": state}
    for value, mode, state in (
        ("ON", "AUTO", "execute"),
        ("ON", "MANUAL", "setup"),
        ("OFF", None, "stopped"),
    ):
        row: Row = {"value_map_id": "modal", "raw_value": value, "mapped_value": state}
        yield row | {"operation_mode": mode}


def _reason(reason_id: str) -> Row:
    return {"reason_id": reason_id, "name": reason_id.title(), "loss_category": "availability"}


def _node(site: Site, equipment_id: str, parent_id: str | None, level: str) -> Row:
    own = {"site_id": site.site_id, "equipment_id": equipment_id, "parent_id": parent_id}
    return own | {"level": level, "name": equipment_id}


def _iso(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")
