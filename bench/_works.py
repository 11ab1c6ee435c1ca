"""A large works in a lake: its business data, and telemetry made by one statement a day.

Belongs here: what a hundred work units say, one state or count a second each, written straight
to the lake since only the transformations are measured. Edge and ingestion have benchmarks of
their own.
"""

import csv
import os
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import lake
from ingestion import reference
from takt.settings import Settings

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
class Works:
    """A lake with the business data of `units` work units over `days` UTC days before `end`.

    Each tells something every `every_s` seconds; where that is seldom, without heartbeats.
    """

    settings: Settings
    units: int
    days: int
    end: datetime
    every_s: int = 1

    @classmethod
    def until_yesterday(cls, home: Path, units: int, days: int, every_s: int = 1) -> Self:
        """Made and filled with its business data; its history ends with yesterday."""
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        settings = Settings(home=home, catalog=None, data=None, site="works")
        works = cls(settings, units, days, today, every_s)
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
            _write(folder / f"{table}.csv", rows)
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

    def _business_data(self) -> dict[str, list[dict[str, object]]]:
        units = [(line, unit) for line in range(self.units // 10) for unit in range(10)]
        names = {pair: f"area/line{pair[0]:02d}/unit{pair[1]:02d}" for pair in units}
        site = {"site_id": "works"}
        nodes = [
            {"equipment_id": "works", "level": "site", "time_zone": "Europe/Copenhagen"},
            {"equipment_id": "area", "parent_id": "works", "level": "area"},
            *(
                {
                    "equipment_id": f"area/line{line:02d}",
                    "parent_id": "area",
                    "level": "work_center",
                }
                for line in range(self.units // _UNITS_OF_A_LINE)
            ),
            *(
                {"equipment_id": name, "parent_id": name.rpartition("/")[0], "level": "work_unit"}
                for name in names.values()
            ),
        ]
        orders = [
            (day, name, f"{name[5:].replace('/', '-')}-{day:03d}")
            for day in range(-1, self.days + 1)
            for name in names.values()
        ]
        return {
            "equipment": [{**site, "name": node["equipment_id"], **node} for node in nodes],
            "shift_pattern": [
                {**site, "equipment_id": "works", "shift_id": shift, "weekday": weekday, **span}
                for weekday in range(1, 8)
                for shift, starts, ends in _SHIFTS
                for span in (_span("shift", starts, ends), _break(starts))
            ],
            "signal_map": [
                {**site, "equipment_id": name, **signal}
                for name in names.values()
                for signal in (
                    {"signal": "State", "role": "state", "value_map_id": "works"},
                    {"signal": "Good", "role": "good_count"},
                )
            ],
            "value_map": [
                {"value_map_id": "works", "raw_value": raw, "mapped_value": mapped}
                for raw, mapped in _STATES
            ],
            "item": [{"item_id": "cup", "name": "Cup", "unit": "pcs"}],
            "routing_operation": [
                {
                    "item_id": "cup",
                    "route_version": "1",
                    "operation_id": str(10 * number),
                    "sequence": number,
                    "work_unit_id": name,
                    "planned_run_s_per_unit": "0.9",
                    "planned_setup_s": 600,
                }
                for number, name in enumerate(names.values(), start=1)
            ],
            "production_order": [
                {
                    **site,
                    "production_order_id": order,
                    "item_id": "cup",
                    "route_version": "1",
                    "order_quantity": 80_000,
                    "mode": "discrete",
                    "strategy": "MTS",
                    "status": "started",
                }
                for _, _, order in orders
            ],
            "order_operation": [
                {
                    "production_order_id": order,
                    "operation_id": str(10 * (list(names.values()).index(name) + 1)),
                    "work_unit_id": name,
                    "started_at": _iso(self.start + timedelta(days=day)),
                    "finished_at": _iso(self.start + timedelta(days=day + 1)),
                }
                for day, name, order in orders
            ],
        }


def _span(kind: str, starts: str, ends: str) -> dict[str, object]:
    return {"kind": kind, "starts_local": starts, "ends_local": ends}


def _break(shift_starts: str) -> dict[str, object]:
    hour = (int(shift_starts[:2]) + 4) % 24
    return _span("break", f"{hour:02d}:00", f"{hour:02d}:30")


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _write(file: Path, rows: list[dict[str, object]]) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
