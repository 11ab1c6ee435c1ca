"""A large works in a lake: its business data, and telemetry made by one statement a day.

Belongs here: what a hundred work units say, one state or count a second each, written straight
to the lake since only the transformations are measured. Edge and ingestion have benchmarks of
their own.
"""

import csv
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import lake
from ingestion import reference
from takt.settings import Settings

Rows = Sequence[Mapping[str, object]]

_SITE: dict[str, object] = {"site_id": "works"}
COST_VERSION = "standard"
_UNITS_OF_A_LINE = 10
_SHIFTS = (("early", "06:00", "14:00"), ("late", "14:00", "22:00"), ("night", "22:00", "06:00"))
_STATES = (("4", "execute"), ("5", "suspended"), ("11", "held"), ("20", "setup"), ("9", "aborted"))
# Of ten samples one tells the state, the others the count; heartbeats come besides, every 5 s.
# A unit is set up ten minutes every four hours, held 90 s every half an hour, starved 40 s every
# ten minutes, aborted for eight minutes every six hours; each at a moment of its own.
_TELEMETRY = """
insert into raw.telemetry
select
    'works', 'edge', 'e', (epoch($day::timestamp)::bigint - $origin) * 1000 + row_number() over (),
    unit, signal, observed_at, number, text, 0, observed_at, false, observed_at::date
from (
    select
        printf('area/line%02d/unit%02d', u // 10, u % 10) as unit,
        if(t // $every_s % 10 = u % 10, 'State', 'Good') as signal,
        $day::timestamp + to_seconds(t) as observed_at,
        if(
            t // $every_s % 10 = u % 10,
            case
                when (t + u * 131) % 14400 < 600 then 20
                when (t + u * 57) % 21600 < 480 then 9
                when (t + u * 17) % 1800 < 90 then 11
                when (t + u * 29) % 600 < 40 then 5
                else 4
            end,
            epoch($day::timestamp)::bigint - $origin + t
        )::double as number,
        null as text
    from range($units::bigint) as units (u),
        range($from_s::bigint, $to_s::bigint, $every_s::bigint) as seconds (t)
    union all
    select
        printf('area/line%02d/unit%02d', u // 10, u % 10), '$heartbeat',
        $day::timestamp + to_seconds(t), 1, 'line'
    from range($units::bigint) as units (u), range($from_s::bigint, $to_s::bigint, 5) as seconds (t)
    where $every_s < 5
)
order by unit, signal, observed_at
"""


@dataclass(frozen=True)
class Order:
    """An order of one operation: of what, where and when it ran."""

    order_id: str
    item_id: str
    operation_id: str
    work_unit_id: str
    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True)
class Works:
    """A lake with the business data of `units` work units over `days` UTC days before `end`.

    Each makes `orders_a_day` one after the other, each for as long, and tells something every
    `every_s` seconds; where that is seldom, without heartbeats.
    """

    settings: Settings
    units: int
    days: int
    end: datetime
    every_s: int = 1
    orders_a_day: int = 1

    @classmethod
    def until_yesterday(cls, home: Path, units: int, days: int, every_s: int = 1) -> Self:
        """Made and filled with its business data; its history ends with yesterday."""
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return cls.in_home(home, units=units, days=days, end=today, every_s=every_s)

    @classmethod
    def in_home(
        cls,
        home: Path,
        *,
        units: int,
        days: int,
        end: datetime,
        every_s: int = 1,
        orders_a_day: int = 1,
    ) -> Self:
        """Made in a home and filled with its business data."""
        settings = Settings(home=home, catalog=None, data=None, site="works")
        works = cls(settings, units, days, end, every_s, orders_a_day)
        works.prepare()
        return works

    def run_all_days(self) -> int:
        """Let all machines tell what they do, day by day; how many samples the lake has."""
        days = [self.start + timedelta(days=day) for day in range(self.days)]
        return max(self.run(day, day + timedelta(days=1)) for day in days)

    def refresh(self, *options: str) -> "subprocess.Popen[bytes]":
        """Start `takt refresh` as a person or a schedule does."""
        return subprocess.Popen(
            [sys.executable, "-m", "takt", "refresh", *options],
            env={**os.environ, "TAKT_HOME": str(self.settings.home), "TAKT_SITE": "works"},
            stdout=subprocess.DEVNULL,
        )

    def load(self, files: Mapping[str, Rows]) -> float:
        """Load more business files as a person does; the seconds that it took."""
        folder = self.settings.home / "more"
        folder.mkdir()
        for table, rows in files.items():
            write(folder / f"{table}.csv", rows)
        started = time.monotonic()
        report = reference.load(self.settings, folder)
        assert report.load_id is not None, str(report)
        return time.monotonic() - started

    @property
    def start(self) -> datetime:
        """The first moment of the history."""
        return self.end - timedelta(days=self.days)

    def prepare(self) -> None:
        """Make the lake and load the business data."""
        lake.schema.create(self.settings)
        folder = self.settings.home / "business_data"
        folder.mkdir()
        for table, rows in self._business_data().items():
            write(folder / f"{table}.csv", rows)
        report = reference.load(self.settings, folder)
        assert report.load_id is not None, str(report)

    def run(self, begin: datetime, end: datetime) -> int:
        """Let all machines tell what they do within one day; how many samples the lake has now."""
        day = begin.replace(hour=0, minute=0, second=0, microsecond=0)
        values = {
            "day": day.date(),
            "origin": int(self.start.timestamp()),
            "units": self.units,
            "every_s": self.every_s,
            "from_s": int((begin - day).total_seconds()),
            "to_s": int((end - day).total_seconds()),
        }
        with closing(lake.open(self.settings)) as con:
            con.execute(_TELEMETRY, values)
            row = con.execute("select count(*) from raw.telemetry").fetchone()
        assert row is not None
        return int(row[0])

    def _business_data(self) -> dict[str, Rows]:
        return {
            "equipment": self._equipment(),
            "shift_pattern": _shift_pattern(),
            "signal_map": self._signal_map(),
            "value_map": [
                {"value_map_id": "works", "raw_value": raw, "mapped_value": mapped}
                for raw, mapped in _STATES
            ],
            "item": [{"item_id": item, "name": item, "unit": "pcs"} for item in self.items],
            "routing_operation": self._routing(),
            "production_order": self._orders(),
            "order_operation": self._order_operations(),
        }

    @property
    def names(self) -> list[str]:
        """The work units, in the order of their numbers."""
        return [
            f"area/line{number // _UNITS_OF_A_LINE:02d}/unit{number % _UNITS_OF_A_LINE:02d}"
            for number in range(self.units)
        ]

    @property
    def items(self) -> list[str]:
        """What each work unit makes, in one operation."""
        return [f"cup{number:02d}" for number in range(self.units)]

    def _equipment(self) -> Rows:
        lines = dict.fromkeys(name.rpartition("/")[0] for name in self.names)
        nodes: Rows = [
            {"equipment_id": "works", "level": "site", "time_zone": "Europe/Copenhagen"},
            {"equipment_id": "area", "parent_id": "works", "level": "area"},
            *(
                {"equipment_id": line, "parent_id": "area", "level": "work_center"}
                for line in lines
            ),
            *(
                {"equipment_id": name, "parent_id": name.rpartition("/")[0], "level": "work_unit"}
                for name in self.names
            ),
        ]
        return [{**_SITE, "name": node["equipment_id"], **node} for node in nodes]

    def _signal_map(self) -> Rows:
        signals: Rows = [
            {"signal": "State", "role": "state", "value_map_id": "works"},
            {"signal": "Good", "role": "good_count"},
        ]
        return [
            {**_SITE, "equipment_id": name, **signal} for name in self.names for signal in signals
        ]

    def _routing(self) -> Rows:
        return [
            {
                "item_id": item,
                "route_version": "1",
                "operation_id": _operation(number),
                "sequence": number,
                "work_unit_id": name,
                "planned_run_s_per_unit": "0.9",
                "planned_setup_s": 600,
            }
            for number, (name, item) in enumerate(zip(self.names, self.items, strict=True), start=1)
        ]

    @property
    def orders(self) -> Iterator[Order]:
        """Those of each work unit, also on the days beside the history."""
        length = timedelta(days=1) / self.orders_a_day
        for day in range(-1, self.days + 1):
            for number, (name, item) in enumerate(
                zip(self.names, self.items, strict=True), start=1
            ):
                for place in range(self.orders_a_day):
                    began = self.start + timedelta(days=day) + place * length
                    order_id = _order(name, day * self.orders_a_day + place)
                    yield Order(order_id, item, _operation(number), name, began, began + length)

    def _orders(self) -> Rows:
        return [
            {
                **_SITE,
                "production_order_id": order.order_id,
                "item_id": order.item_id,
                "route_version": "1",
                "order_quantity": 80_000 // self.orders_a_day,
                "mode": "discrete",
                "strategy": "MTS",
                "status": "started",
                "released_at": iso(order.began_at),
                "ended_at": iso(order.ended_at) if self.orders_a_day > 1 else None,
            }
            for order in self.orders
        ]

    def _order_operations(self) -> Rows:
        return [
            {
                "production_order_id": order.order_id,
                "operation_id": order.operation_id,
                "work_unit_id": order.work_unit_id,
                "started_at": iso(order.began_at),
                "finished_at": iso(order.ended_at),
            }
            for order in self.orders
        ]


def _shift_pattern() -> Rows:
    return [
        {**_SITE, "equipment_id": "works", "shift_id": shift, "weekday": weekday, **span}
        for weekday in range(1, 8)
        for shift, starts, ends in _SHIFTS
        for span in (_span("shift", starts, ends), _break(starts))
    ]


def _order(name: str, day: int) -> str:
    return f"{name.removeprefix('area/').replace('/', '-')}-{day:03d}"


def _operation(number: int) -> str:
    return str(10 * number)


def _span(kind: str, starts: str, ends: str) -> dict[str, object]:
    return {"kind": kind, "starts_local": starts, "ends_local": ends}


def _break(shift_starts: str) -> dict[str, object]:
    hour = (int(shift_starts[:2]) + 4) % 24
    return _span("break", f"{hour:02d}:00", f"{hour:02d}:30")


def costing() -> dict[str, Rows]:
    """One active costing version: machine and labour by the hour, and an overhead on the hours."""
    version = {"cost_version_id": COST_VERSION}
    return {
        "cost_version": [
            {
                **version,
                **_SITE,
                "type": "standard",
                "valid_from": "2020-01-01",
                "status": "active",
                "currency": "EUR",
            }
        ],
        "cost_rate": [
            {**version, "cost_category_id": category, "kind": kind, "rate": rate}
            for category, rate in (("machine", "48.50"), ("labour", "39.20"))
            for kind in ("setup", "run")
        ],
        "overhead_formula": [
            {**version, "overhead_id": "factory", "kind": "per_hour", "rate": "21"}
        ],
    }


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def write(file: Path, rows: Rows) -> None:
    """A business file of rows, which may have different columns."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
