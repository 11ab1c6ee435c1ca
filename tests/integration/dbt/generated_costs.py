"""Works whose orders cost something, from a seed; hard cases are the rule.

Belongs here: items, routes, costing versions, orders and what was used of them, as business files;
what machines say, and the truth of what they did. What it must cost is in `tests.oracle`; the
tests compare. Times are integer µs.
"""

import csv
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pyarrow as pa

import lake
from lake.schema import TELEMETRY
from takt.settings import Settings
from tests.oracle.order_costs import Count, Period, Use
from tests.oracle.shift_calendar import microseconds

Row = dict[str, object]

SECOND, MINUTE, HOUR = 1_000_000, 60_000_000, 3_600_000_000
START = datetime(2026, 3, 30, 4, tzinfo=UTC)
"""The first shift's start, a Monday, two days before a month's end."""
NOW = datetime(2026, 4, 2, 10, tzinfo=UTC)
UNITS = tuple(f"line/unit{number}" for number in range(1, 7))
BARE_UNIT = "line/bare1"
"""Of a site without a costing version."""
CURRENCIES = ("EUR", "DKK")
REASONS = {"jam": "availability", "slow": "performance", "change": "setup", "untold": None}
STOPS = {"held": "internal", "stopped": "internal", "aborted": "internal", "idle": "external",
         "suspended": "external"}  # fmt: skip
CATEGORIES = ("machine", "labour", "energy")
WORKERS = tuple(f"worker{number}" for number in range(1, 6))
_VERSION_STARTS = {
    "base": "2025-01-01T00:00:00Z",
    "spring": "2026-03-10T00:00:00Z",
    "shift": "2026-03-31T09:17:23.123457Z",
    "late": "2026-04-01T15:00:00.5Z",
}
_RATE_CHANGE = "2026-04-01T03:33:33.333333Z"
_ROUTE_CHANGE = "2026-03-20T00:00:00Z"
_FUTURE = "2026-06-01T00:00:00Z"


@dataclass(frozen=True)
class Phase:
    """A state of a work unit from when to when; what is told of it."""

    state: str
    started_at: int
    ended_at: int
    reason: str | None = None


@dataclass
class GeneratedCosts:
    """Everything, made by `make`."""

    rng: Random
    files: dict[str, list[Row]] = field(default_factory=dict)
    samples: list[tuple[object, ...]] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
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

    def tell(self, settings: Settings) -> None:
        """Put what the machines say into the lake."""
        told = [
            dict(zip(TELEMETRY.columns, sample, strict=True))
            for sample in sorted(self.samples, key=lambda sample: (str(sample[4]), sample[3]))
        ]
        with closing(lake.open(settings)) as con:
            con.register("told", pa.Table.from_pylist(told, schema=TELEMETRY.arrow_schema))
            con.execute("insert into raw.telemetry from told")


def make(seed: int, orders: int) -> GeneratedCosts:
    """Works by a seed, with so many orders beside the few that are always there."""
    works = GeneratedCosts(Random(seed))
    _Plant(works, has_periods=seed % 2 == 1).make()
    products = _Products(works)
    products.make()
    _Costs(works, products).make()
    _Orders(works, products).make(orders)
    return works


def text(moment: int) -> str:
    """A moment as business files write it."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)).isoformat()


class _Plant:
    """Equipment, calendar, signals, periods."""

    def __init__(self, works: GeneratedCosts, *, has_periods: bool) -> None:
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
_EDGES = sorted({at for span in BUSY for at in span})


def _node(site: str, equipment_id: str, parent_id: str | None, level: str) -> Row:
    own: Row = {"site_id": site, "equipment_id": equipment_id, "parent_id": parent_id}
    return own | {"level": level, "name": equipment_id}


class _Products:
    """Items, what they are made of, and how."""

    def __init__(self, works: GeneratedCosts) -> None:
        self._works = works
        self._rng = works.rng
        self.bought = [f"raw{number}" for number in range(10)]
        self.substitutes = ["other0", "other1"]
        self.phantoms = ["set0", "set1"]
        self.made: dict[str, int] = {
            f"{'abcd'[level]}{number}": level for level in range(4) for number in range(3)
        }
        self.operations: dict[str, list[Row]] = {}
        self.lines: dict[str, list[Row]] = {}

    def make(self) -> None:
        files, rng = self._works.files, self._rng
        groups = {item: rng.choice(("resin", "steel", None)) for item in self.bought}
        files["item"] = [
            {
                "item_id": item,
                "name": item,
                "unit": "pcs",
                "item_group_id": rng.choice(("goods", "parts", None)),
                "cost_group_id": groups.get(item, "semi" if item in ("a0", "b1") else None),
                "is_phantom": "true" if item in (*self.phantoms, "empty_set") else None,
            }
            for item in (*self.bought, *self.substitutes, *self.phantoms, "empty_set", *self.made)
        ]
        for item, level in self.made.items():
            # One is bought complete and worked on, one is only put together.
            self.operations[item] = [] if item == "b2" else list(self._route(item))
            self.lines[item] = [] if item == "a2" else list(self._bom(item, level))
        for phantom in self.phantoms:
            self.lines[phantom] = list(self._bom(phantom, 0))
        files["bom_line"] = [row for lines in self.lines.values() for row in lines]
        files["routing_operation"] = [row for rows in self.operations.values() for row in rows]

    def _bom(self, item: str, level: int) -> Iterator[Row]:
        rng = self._rng
        below = [each for each, of_level in self.made.items() if of_level < level]
        parts = rng.sample(self.bought, rng.randint(1, 3)) + rng.sample(below, min(len(below), 2))
        if item == "set0":
            parts.append("set1")
        elif item != "set1":
            parts += rng.choice((["set0"], ["set1"], ["empty_set"], []))
        operations = [str(row["operation_id"]) for row in self.operations.get(item, [])]
        for number, part in enumerate(parts):
            per_lot = rng.random() < 0.25
            row: Row = {
                "item_id": item,
                "bom_version": "1",
                "line_id": str(number),
                "component_item_id": part,
                "operation_id": rng.choice([*operations, None, "elsewhere" if level == 3 else None]),
                "quantity_per": None if per_lot else decimal(rng, 0.01, 4),
                "constant_quantity": decimal(rng, 0.5, 9) if per_lot or rng.random() < 0.1 else None,
                "scrap_ratio": decimal(rng, 0, 0.1) if rng.random() < 0.4 else None,
                "constant_scrap_quantity": decimal(rng, 0, 1) if per_lot else None,
                "is_phantom": "true" if part == "a1" and level == 2 else None,
            }
            is_changed = number == 0 and level in (0, 2)
            yield row | {"valid_to": _ROUTE_CHANGE if is_changed else None}
            if is_changed:
                changed = {"bom_version": "2", "quantity_per": decimal(rng, 0.01, 4)}
                yield row | changed | {"valid_from": _ROUTE_CHANGE}

    def _route(self, item: str) -> Iterator[Row]:
        rng = self._rng
        for number in range(rng.randint(1, 3)):
            is_vendors = number > 0 and rng.random() < 0.3
            row: Row = {
                "item_id": item,
                "route_version": "1",
                "operation_id": f"op{number}",
                "sequence": number * 10,
                "work_unit_id": rng.choice((None, *UNITS)),
                "planned_run_s_per_unit": decimal(rng, 5, 200) if rng.random() < 0.95 else None,
                "planned_setup_s": decimal(rng, 60, 2000) if rng.random() < 0.7 else None,
                "crew_size": rng.choice((None, None, "1", "2", "1.5")),
                "scrap_ratio": decimal(rng, 0, 0.08) if rng.random() < 0.4 else None,
                "cost_category_id": rng.choice(("machine", "machine", None, "labour", "nothing")),
                "is_subcontract": "true" if is_vendors else None,
                "valid_to": _FUTURE if rng.random() < 0.2 else None,
            }
            yield row
            if row["valid_to"]:
                # What will be so does not change what has been.
                later = {"route_version": "2", "cost_category_id": "energy", "crew_size": "3"}
                yield row | later | {"valid_from": _FUTURE, "valid_to": None}
            if row["work_unit_id"] and rng.random() < 0.4:
                other = rng.choice([unit for unit in UNITS if unit != row["work_unit_id"]])
                category = rng.choice((row["cost_category_id"], "energy"))
                yield row | {
                    "work_unit_id": other,
                    "cost_category_id": category,
                    "planned_run_s_per_unit": decimal(rng, 5, 200),
                }


def decimal(rng: Random, low: float, high: float) -> str:
    """A number with up to six places."""
    return f"{rng.uniform(low, high):.{rng.choice((1, 2, 3, 6))}f}"


class _Costs:
    """Costing versions and all that they state."""

    def __init__(self, works: GeneratedCosts, products: _Products) -> None:
        self._works = works
        self._rng = works.rng
        self._products = products

    def make(self) -> None:
        files = self._works.files
        files["cost_version"] = list(self._versions())
        files["cost_rate"] = list(self._rates())
        files["item_cost"] = list(self._items())
        files["overhead_formula"] = list(self._overheads())
        files["exchange_rate"] = [
            {"currency": "EUR", "rate": "1"},
            {"currency": "DKK", "rate": "0.134"},
            {"currency": "USD", "rate": "0.9"},
            {"currency": "USD", "rate": "0.93125", "valid_from": "2026-03-31T11:00:00Z"},
            {"currency": "SEK", "rate": "0.087123"},
        ]

    def _versions(self) -> Iterator[Row]:
        currency = self._rng.choice(CURRENCIES)
        before = None
        for name, valid_from in _VERSION_STARTS.items():
            yield {
                "cost_version_id": name,
                "type": "standard",
                "site_id": "demo",
                "valid_from": valid_from,
                "status": "active",
                "fallback_version_id": before,
                "currency": currency,
            }
            before = self._rng.choice((name, before)) if before else name
        planned = {"type": "planned", "site_id": "demo", "status": "pending", "currency": currency}
        yield planned | {"cost_version_id": "plan", "fallback_version_id": "shift"}

    def _rates(self) -> Iterator[Row]:
        rng = self._rng
        for version in _VERSION_STARTS:
            for category in (*CATEGORIES, None):
                for kind in ("setup", "run", "quantity"):
                    for unit in (None, *UNITS[:2]):
                        # Hours of machines cost something anywhere.
                        is_needed = (version, unit, category) == ("base", None, "machine")
                        is_stated = rng.random() < (0.5 if unit is None else 0.2)
                        if not (is_needed and kind != "quantity") and not is_stated:
                            continue
                        row: Row = {
                            "cost_version_id": version,
                            "cost_category_id": category,
                            "work_unit_id": unit,
                            "kind": kind,
                        }
                        high = 3 if kind == "quantity" else 90
                        yield row | {"rate": decimal(rng, 0.5, high)}
                        if rng.random() < 0.3:
                            changed = {"rate": decimal(rng, 0.5, high), "valid_from": _RATE_CHANGE}
                            yield row | changed

    def _items(self) -> Iterator[Row]:
        rng = self._rng
        bought = (*self._products.bought, "other0", "empty_set")
        for version in _VERSION_STARTS:
            for item in bought:
                is_stated = version == "base" or rng.random() < 0.3
                if is_stated and item != "raw9":
                    yield {
                        "cost_version_id": version,
                        "item_id": item,
                        "unit_cost": decimal(rng, 0.05, 30),
                    }
            for item in self._products.made:
                if rng.random() < 0.4:
                    lot = rng.choice(("10", "100", "7", "0.5", "1234.5"))
                    yield {
                        "cost_version_id": version,
                        "item_id": item,
                        "costing_lot_quantity": lot,
                    }

    def _overheads(self) -> Iterator[Row]:
        rng = self._rng
        formulas = (
            ("factory", "per_hour", "machine"),
            ("factory", "per_hour", "labour"),
            ("rent", "per_hour", None),
            ("store", "surcharge", "resin"),
            ("office", "surcharge", None),
            ("freight", "surcharge", "subcontract"),
            ("sales", "per_unit", "goods"),
            ("label", "per_unit", None),
        )
        for version in _VERSION_STARTS:
            for overhead, kind, base in formulas:
                if version == "base" or rng.random() < 0.3:
                    rate = decimal(rng, 0.01, 0.3 if kind == "surcharge" else 12)
                    yield {
                        "cost_version_id": version,
                        "overhead_id": overhead,
                        "kind": kind,
                        "base": base,
                        "rate": rate,
                    }


@dataclass
class _Unit:
    """A work unit: until when it is taken, what its counters say, which epoch speaks."""

    name: str
    free_from: int
    epoch: int = 0
    row_number: int = 0
    total: int = 0
    rejects: int = 0


class _Orders:
    """Orders, what they used, and what machines did and said of them."""

    def __init__(self, works: GeneratedCosts, products: _Products) -> None:
        self._works = works
        self._rng = works.rng
        self._products = products
        self._now = microseconds(NOW)
        begin = microseconds(START)
        self._units = {
            name: _Unit(name, begin + works.rng.randrange(HOUR)) for name in (*UNITS, BARE_UNIT)
        }

    def make(self, count: int) -> None:
        names = (
            "production_order",
            "order_operation",
            "material_movement",
            "labour_booking",
            "subcontract_receipt",
        )
        self._works.files.update({name: [] for name in names})
        for unit in self._units.values():
            for signal in ("Total", "Rejects"):
                self._say(unit, signal, microseconds(START), value=0)
        items = [item for item in self._products.made if self._products.operations[item]]
        for number in range(count):
            site = "bare" if number % 20 == 19 else "demo"
            self._order(f"{number:03d}", site, self._rng.choice(items))
        self._old_order()
        for unit in self._units.values():
            if unit.free_from < self._now - HOUR:
                self._say(unit, "State", self._now - HOUR, text_="idle")

    def _old_order(self) -> None:
        """One that had ended before the first period began; nothing but movements tells of it."""
        self._works.files["production_order"].append(
            {
                "production_order_id": "old",
                "site_id": "demo",
                "item_id": "a0",
                "order_quantity": "10",
                "ended_at": "2026-01-10T00:00:00Z",
            }
        )
        self._works.files["material_movement"].append(
            {
                "movement_id": "old",
                "production_order_id": "old",
                "item_id": "raw1",
                "quantity": "3",
                "moved_at": "2026-01-09T00:00:00Z",
            }
        )

    # ---------- an order

    def _order(self, order: str, site: str, item: str) -> None:
        rng = self._rng
        operations = list(
            dict.fromkeys(
                str(row["operation_id"])
                for row in self._products.operations[item]
                if not row["is_subcontract"]
            )
        )
        spans = [span for operation in operations for span in self._run(order, site, operation)]
        is_over = all(end is not None for _, end in spans)
        first = min((start for start, _ in spans), default=microseconds(START))
        last = max(
            (end or self._now for _, end in spans), default=first + rng.randrange(HOUR, 60 * HOUR)
        )
        ended = None
        if is_over and rng.random() < 0.8:
            # Booked late, on the stroke, early, or not yet.
            ended = last + rng.choice((rng.randrange(HOUR), 0, -9 * MINUTE, 300 * HOUR))
            ended = max(ended, first + 1)
        names_version = rng.random() < 0.2
        self._works.files["production_order"].append(
            {
                "production_order_id": order,
                "site_id": site,
                "item_id": item,
                "route_version": rng.choice((None, "1")),
                "order_quantity": str(rng.choice((1, 20, 100, 800))),
                "cost_version_id": rng.choice(("base", "plan", "shift")) if names_version else None,
                "released_at": text(first - rng.randrange(40 * HOUR)) if rng.random() < 0.6 else None,
                "ended_at": text(ended) if ended is not None else None,
            }
        )
        if site == "bare":
            self._works.files["production_order"][-1]["cost_version_id"] = None
        self._move(order, item, first, last)
        self._book(order, operations, first, last)
        self._receive(order, item, first, last)

    def _run(self, order: str, site: str, operation: str) -> Iterator[tuple[int, int | None]]:
        """Start and end of what machines did for an operation; nothing of many."""
        rng = self._rng
        row: Row = {"production_order_id": order, "operation_id": operation}
        if rng.random() < 0.25:
            # No machine tells; somebody may report.
            if rng.random() < 0.6:
                good = str(rng.randrange(90)) if rng.random() < 0.6 else None
                self._report(row | {"work_unit_id": rng.choice(UNITS), "good_quantity": good})
            return
        units = [BARE_UNIT] if site == "bare" else rng.sample(UNITS, rng.choice((1, 1, 1, 2)))
        for name in units:
            unit = self._units[name]
            start = unit.free_from + rng.choice((0, rng.randrange(8 * HOUR)))
            if start + HOUR > self._now:
                continue
            phases = self._phases(start)
            end = phases[-1].ended_at
            is_running = end == self._now - 1
            self._do(unit, order, operation, phases)
            good = str(rng.randrange(200)) if rng.random() < 0.35 and not is_running else None
            self._report(
                row
                | {
                    "work_unit_id": name,
                    "started_at": text(start),
                    "finished_at": None if is_running else text(end),
                    "good_quantity": good,
                    "scrap_quantity": str(rng.randrange(9)) if good and rng.random() < 0.5 else None,
                }
            )
            yield start, None if is_running else end

    def _report(self, row: Row) -> None:
        self._works.files["order_operation"].append(row)

    # ---------- machines

    def _phases(self, start: int) -> list[Phase]:
        """States of a run: it begins and ends with work, up to the present at most."""
        rng = self._rng
        states = [rng.choice(("setup", "execute"))]
        for _ in range(rng.choice((1, 3, 6))):
            states += rng.choices((*STOPS, "bad", "silent"), k=rng.choice((0, 1, 1, 2)))
            states.append(rng.choice(("execute", "execute", "execute", "setup")))
        phases, at = [], start
        for state in states:
            if state in ("execute", "setup"):
                length = rng.randrange(5 * MINUTE, rng.choice((50 * MINUTE, 5 * HOUR)))
            else:
                length = rng.randrange(20 * SECOND, rng.choice((3 * MINUTE, 25 * MINUTE, 2 * HOUR)))
            end = min(at + length, self._now - 1)
            if end > at:
                reason = rng.choice((None, *REASONS)) if state in STOPS else None
                phases.append(Phase(state, at, end, reason))
            at = end
        if at == self._now - 1:
            # What the present cuts off is work: a silence that goes on would be no silence yet.
            phases[-1] = Phase("execute", phases[-1].started_at, at)
        return phases

    def _do(self, unit: _Unit, order: str, operation: str, phases: list[Phase]) -> None:
        for place, phase in enumerate(phases):
            self._tell(unit, phase, phases[place - 1].state if place else "idle")
            if phase.state != "silent":
                self._count(unit, order, operation, phases, place)
        end = phases[-1].ended_at
        unit.free_from = end
        self._say(unit, "State", end, text_="execute" if end == self._now - 1 else "idle")
        part = order, operation, unit.name
        for phase in phases:
            self._works.uses += _charged(part, phase, phases)

    def _tell(self, unit: _Unit, phase: Phase, before: str) -> None:
        if phase.state == "silent":
            # The last word of one epoch; the next one begins with the state after the silence.
            self._say(unit, "State", phase.started_at, text_=before)
            unit.epoch += 1
            unit.row_number = 0
        elif phase.state == "bad":
            self._say(unit, "State", phase.started_at, text_="execute", quality=2)
        else:
            self._say(unit, "State", phase.started_at, text_=phase.state)
        if phase.reason:
            self._say(unit, "Reason", phase.started_at, text_=phase.reason)

    def _count(
        self, unit: _Unit, order: str, operation: str, phases: list[Phase], place: int
    ) -> None:
        rng, phase = self._rng, phases[place]
        is_likely = phase.state == "execute" or rng.random() < 0.15
        is_likely = is_likely and phase.ended_at > phase.started_at + SECOND
        for at in sorted(
            rng.randrange(phase.started_at + 1, phase.ended_at - 1)
            for _ in range(rng.randint(0, 4) if is_likely else 0)
        ):
            made = rng.randint(1, 30)
            scrap = rng.choice((0, 0, rng.randint(0, made)))
            unit.total += made
            unit.rejects += scrap
            self._say(unit, "Total", at, value=unit.total)
            self._say(unit, "Rejects", at, value=unit.rejects)
            began = _interval_start(phases, place, at)
            self._works.counts.append(Count(order, operation, unit.name, began, made, scrap))

    def _say(
        self,
        unit: _Unit,
        signal: str,
        at: int,
        *,
        value: float | None = None,
        text_: str | None = None,
        quality: int = 0,
    ) -> None:
        moment = datetime(1970, 1, 1) + timedelta(microseconds=at)  # noqa: DTZ001 - naive is UTC
        unit.row_number += 1
        self._works.samples.append(
            (
                "bare" if unit.name == BARE_UNIT else "demo",
                "import",
                f"{unit.name}-{unit.epoch:03d}",
                unit.row_number,
                unit.name,
                signal,
                moment,
                value,
                text_,
                quality,
                moment,
                True,
                moment.date(),
            )
        )

    # ---------- what it used

    def _move(self, order: str, item: str, first: int, last: int) -> None:
        rng = self._rng
        if rng.random() < 0.3:
            return
        for line in self._products.lines[item]:
            if rng.random() < 0.2:
                continue
            part = str(line["component_item_id"])
            instead = rng.random() < 0.2
            self._moved(
                order,
                first,
                last,
                item_id=rng.choice(self._products.substitutes) if instead else part,
                replaces_item_id=part if instead else None,
                operation_id=rng.choice((line["operation_id"], None, "op0")),
            )
        if rng.random() < 0.3:
            self._moved(order, first, last, item_id=rng.choice(("raw9", "raw1", "other1")))
        if rng.random() < 0.3:
            part = str(rng.choice(self._products.lines[item] or [{"component_item_id": "raw2"}])[
                "component_item_id"])  # fmt: skip
            self._moved(order, first, last, item_id=part, is_return="true")

    def _moved(self, order: str, first: int, last: int, **told: object) -> None:
        rng = self._rng
        moved = self._works.files["material_movement"]
        moved.append(
            {
                "movement_id": str(len(moved)),
                "production_order_id": order,
                "operation_id": None,
                "replaces_item_id": None,
                "is_return": None,
                "quantity": decimal(rng, 0.2, 300),
                "unit_price": decimal(rng, 0.05, 30) if rng.random() < 0.6 else None,
                "currency": rng.choice((None, "USD", "SEK", "EUR", "DKK")),
                "moved_at": text(rng.randrange(first - HOUR, last + 2 * HOUR)),
            }
            | told
        )

    def _book(self, order: str, operations: list[str], first: int, last: int) -> None:
        rng = self._rng
        booked = self._works.files["labour_booking"]
        for operation in operations:
            if rng.random() < 0.6:
                continue
            # Where no machine tells, whose kind counts of several at a time is nobody's promise.
            is_told = any(
                (use.order, use.operation) == (order, operation) for use in self._works.uses
            )
            kinds = (None, "run", "setup") if is_told else (rng.choice((None, "setup")),)
            for _ in range(rng.randint(1, 4)):
                start = rng.randrange(first, max(last, first + 1) + HOUR)
                end = start + rng.randrange(HOUR * 3)
                booked.append(
                    {
                        "booking_id": str(len(booked)),
                        "production_order_id": order,
                        "operation_id": operation,
                        "worker_id": rng.choice(WORKERS),
                        "kind": rng.choice(kinds),
                        "cost_category_id": rng.choice((None, None, "labour", "energy")),
                        "started_at": text(start),
                        "finished_at": text(end) if rng.random() < 0.9 else None,
                    }
                )

    def _receive(self, order: str, item: str, first: int, last: int) -> None:
        rng = self._rng
        received = self._works.files["subcontract_receipt"]
        for row in self._products.operations[item]:
            for _ in range(rng.choice((0, 1, 2)) if row["is_subcontract"] else 0):
                quantity = rng.randint(1, 200)
                received.append(
                    {
                        "receipt_id": str(len(received)),
                        "production_order_id": order,
                        "operation_id": row["operation_id"],
                        "vendor_id": "vendor",
                        "quantity": str(quantity),
                        "rejected_quantity": rng.choice((None, str(rng.randint(0, quantity)))),
                        "unit_price": decimal(rng, 0.5, 9) if rng.random() < 0.6 else None,
                        "currency": rng.choice((None, "USD", "SEK")),
                        "received_at": text(rng.randrange(first, last + HOUR)),
                    }
                )


# ---------- the truth


def _charged(part: tuple[str, str, str], phase: Phase, phases: list[Phase]) -> Iterator[Use]:
    """What of a phase is charged to its order: work at any time, else planned busy time."""
    span = phase.started_at, phase.ended_at
    if phase.state in ("execute", "setup"):
        category = "setup" if phase.state == "setup" else "production"
        yield Use(*part, category, *span)
        return
    for start, end in ((max(span[0], a), min(span[1], b)) for a, b in BUSY):
        if start >= end:
            continue
        if phase.state in ("bad", "silent"):
            yield Use(*part, "unknown", start, end)
            continue
        reason, is_minor = _of_stop(phase, phases)
        loss = REASONS.get(reason or "") or ("performance" if is_minor else "availability")
        yield Use(
            *part, "delay", start, end, loss, STOPS[phase.state], reason, is_minor
        )


def _of_stop(phase: Phase, phases: list[Phase]) -> tuple[str | None, bool]:
    """The last reason of the unbroken run of stops of one cause, and whether it is short."""
    place = phases.index(phase)
    cause = STOPS[phase.state]
    first = last = place
    while first > 0 and STOPS.get(phases[first - 1].state) == cause:
        first -= 1
    while last + 1 < len(phases) and STOPS.get(phases[last + 1].state) == cause:
        last += 1
    stop = phases[first : last + 1]
    reasons = [each.reason for each in stop if each.reason]
    length = stop[-1].ended_at - stop[0].started_at
    return reasons[-1] if reasons else None, length < 120 * SECOND


def _interval_start(phases: list[Phase], place: int, at: int) -> int:
    """Where the unbroken time of one state begins in which a moment lies; the calendar cuts it."""
    first = place
    while first > 0 and _known(phases[first - 1]) == _known(phases[place]):
        first -= 1
    started = phases[first].started_at
    return max([started, *(edge for edge in _EDGES if edge <= at)])


def _known(phase: Phase) -> str:
    return "unknown" if phase.state in ("bad", "silent") else phase.state
