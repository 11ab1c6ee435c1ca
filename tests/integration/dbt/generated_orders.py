"""Orders, what they used, what machines did for them, and what these said of it, from a seed.

Belongs here: reports, movements, bookings and receipts as business files; samples; the truth.
Times are integer µs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from random import Random

from tests.integration.dbt.generated_plant import (
    BARE_UNIT,
    BUSY,
    EDGES,
    HOUR,
    METERED,
    MINUTE,
    NOW,
    REASONS,
    SECOND,
    START,
    UNITS,
    Generated,
    Row,
    Sample,
    decimal,
    text,
)
from tests.integration.dbt.generated_products import JOINT, Products
from tests.oracle.cost_facts import Count, Measure, Use
from tests.oracle.shift_calendar import microseconds

STOPS = {
    "held": "internal",
    "stopped": "internal",
    "aborted": "internal",
    "idle": "external",
    "suspended": "external",
}
"""States in which an order waits, and their cause."""
QUARTER = 15 * MINUTE
WORKERS = tuple(f"worker{number}" for number in range(1, 6))


@dataclass(frozen=True)
class Phase:
    """A state of a work unit from when to when; what is told of it."""

    state: str
    started_at: int
    ended_at: int
    reason: str | None = None


@dataclass
class _Unit:
    """A work unit: until when it is taken, what its counters say, which epoch speaks."""

    name: str
    free_from: int
    epoch: int = 0
    row_number: int = 0
    total: int = 0
    rejects: int = 0


class Orders:
    """Orders, what they used, and what machines did and said of them."""

    def __init__(self, works: Generated, products: Products) -> None:
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
        routes = {str(row["route_version"]) for row in self._products.operations[item]}
        other_route = "2" if "2" in routes and Random(f"route of {order}").random() < 0.6 else None
        self._works.files["production_order"].append(
            {
                "production_order_id": order,
                "site_id": site,
                "item_id": item,
                "bom_version": rng.choice((None, "1", "2", "unknown")),
                "route_version": rng.choice((other_route, "1")),
                "mode": rng.choice((None, "discrete", "process")),
                "order_quantity": str(rng.choice((1, 20, 100, 800))),
                "cost_version_id": rng.choice(("base", "plan", "shift")) if names_version else None,
                "released_at": text(first - rng.randrange(40 * HOUR))
                if rng.random() < 0.6
                else None,
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
                    "scrap_quantity": str(rng.randrange(9))
                    if good and rng.random() < 0.5
                    else None,
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
                self._measure(unit, order, operation, phases, place)
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
            told = _quarter_of(phases, place, at)
            self._works.counts.append(Count(order, operation, unit.name, told, made, scrap))

    def _measure(
        self, unit: _Unit, order: str, operation: str, phases: list[Phase], place: int
    ) -> None:
        """Of a third of the orders material is measured, in whatever state."""
        phase, rng = phases[place], Random(f"meter of {order} {operation} {unit.name} {place}")
        if int(order) % 3 or phase.ended_at <= phase.started_at + SECOND:
            return
        for at in sorted(
            rng.randrange(phase.started_at + 1, phase.ended_at - 1)
            for _ in range(rng.randint(0, 2))
        ):
            taken = rng.randint(1, 999)
            self._say(unit, "Meter", at, value=taken / 8)
            told = _quarter_of(phases, place, at)
            self._works.measures.append(
                Measure(order, operation, METERED, told, Fraction(taken, 8))
            )

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
        moment = datetime(1970, 1, 1) + timedelta(microseconds=at)  # naive is UTC
        unit.row_number += 1
        self._works.samples.append(
            Sample(
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
        for product in JOINT.get(item, ()):
            for is_return in (None, None, "true")[: int(order) % 4]:
                told = {"item_id": product, "is_output": "true", "is_return": is_return}
                self._moved(order, first, last, **told)

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
            quality = Random(f"{order}/{operation}")
            for _ in range(rng.randint(1, 4)):
                kind = rng.choice(kinds)
                if quality.random() < 0.2 and (is_told or kind is None):
                    kind = quality.choice(("inspection", "inspection", "prevention"))
                start = rng.randrange(first, max(last, first + 1) + HOUR)
                end = start + rng.randrange(HOUR * 3)
                booked.append(
                    {
                        "booking_id": str(len(booked)),
                        "production_order_id": order,
                        "operation_id": operation,
                        "worker_id": rng.choice(WORKERS),
                        "kind": kind,
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
        yield Use(*part, "delay", start, end, loss, STOPS[phase.state], reason, is_minor)


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


def _quarter_of(phases: list[Phase], place: int, at: int) -> int:
    """Where the quarter of an hour of a moment begins within its unbroken state."""
    return max(_interval_start(phases, place, at), at // QUARTER * QUARTER)


def _interval_start(phases: list[Phase], place: int, at: int) -> int:
    """Where the unbroken time of one state begins in which a moment lies; the calendar cuts it."""
    first = place
    while first > 0 and _known(phases[first - 1]) == _known(phases[place]):
        first -= 1
    started = phases[first].started_at
    return max([started, *(edge for edge in EDGES if edge <= at)])


def _known(phase: Phase) -> str:
    return "unknown" if phase.state in ("bad", "silent") else phase.state
