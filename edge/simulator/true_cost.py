"""What orders that are over really cost, as the plant itself knows it.

Belongs here: money of what `consumption` and the machines' weeks tell, by the plant's own prices.
Nothing of it has gone through a signal, a file or a calendar of Takt's, so that costs there can be
checked against it. Amounts are exact fractions of the plant's currency; times are ms.

The rules are those that docs/costs.md states: material at the standard by which its order was
released, without one at what was paid; an hour of a machine that produces or is set up, and of one
that is stopped while it should work, by the standard of the time; workers as they booked, else as
long as the machine; vendors at their price. Of material that nobody booked and no meter measured
nothing is said.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import time, timedelta
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from edge.simulator import consumption, periods
from edge.simulator.consumption import METER, Booking, Movement, Receipt
from edge.simulator.cost_data import (
    COMPONENTS,
    FIRST_STANDARD,
    HANDLING_RATE,
    LOT,
    MATERIALS,
    REVISED_STANDARD,
    Component,
    Standard,
    components,
    revised_at,
)
from edge.simulator.order_data import released_at
from edge.simulator.plant import CURRENCY, LABOUR_RATES, LINES, Item, Line
from edge.simulator.production import LineWeek, Order, Plant, UnitWeek
from edge.simulator.shifts import Span, local_ms, to_datetime, working_time

_HOUR_MS = 3_600_000
_HOUR_S = 3_600
_MATERIALS = {material.item_id: material for material in MATERIALS}
_WORKING = {"execute", "running", "setup"}


class Part(NamedTuple):
    """Of what a cost is a part: material, machine, labour, subcontract or overhead."""

    production_order_id: str
    operation_id: str | None
    kind: str


Amounts = defaultdict[Part, Fraction]


def costs(plant: Plant, week: LineWeek, until: int) -> Amounts:
    """What the orders of a line's week cost that ended by `until`."""
    orders = {o.production_order_id: o for o in week.orders if o.ended_at <= until}
    amounts: Amounts = defaultdict(Fraction)
    for order in orders.values():
        for moved in consumption.movements(plant, order):
            _charge_material(amounts, moved, _costed_by(plant, order))
        for receipt in consumption.receipts(plant, order):
            part = Part(receipt.production_order_id, receipt.operation_id, "subcontract")
            amounts[part] += _paid(plant, receipt)
    for order_id, quantity in consumption.measured(plant, week, until).items():
        if order_id in orders:
            part = Part(order_id, METER.unit.operation_id, "material")
            amounts[part] += Fraction(quantity) * standard(
                METER.item_id, _costed_by(plant, orders[order_id])
            )
    booked = _charge_bookings(amounts, plant, week, orders)
    for unit in week.units:
        for order_id, span in _charged(plant, week, unit):
            if order_id in orders:
                place = order_id, unit.unit.operation_id
                _charge_hours(amounts, plant, place, unit, span)
                if place not in booked:
                    amounts[Part(*place, "labour")] += _labour(plant, span)
    return amounts


def _costed_by(plant: Plant, order: Order) -> Standard:
    is_revised = released_at(plant, order) >= revised_at(plant.start)
    return REVISED_STANDARD if is_revised else FIRST_STANDARD


def _charge_hours(
    amounts: Amounts, plant: Plant, place: tuple[str, str], unit: UnitWeek, span: Span
) -> None:
    """Charge a machine's hours, by the standard that held."""
    changed_at = min(max(span[0], revised_at(plant.start)), span[1])
    parts = (FIRST_STANDARD, changed_at - span[0]), (REVISED_STANDARD, span[1] - changed_at)
    for held, time_ms in parts:
        hours = Fraction(time_ms, _HOUR_MS)
        rate = Fraction(str(held.machine_rates[unit.unit.equipment_id]))
        amounts[Part(*place, "machine")] += hours * rate
        amounts[Part(*place, "overhead")] += hours * Fraction(str(held.factory_rate))


def _charge_material(amounts: Amounts, moved: Movement, costed_by: Standard) -> None:
    quantity = Fraction(-moved.quantity if moved.is_return else moved.quantity)
    amount = quantity * _unit_cost(moved, costed_by)
    place = moved.production_order_id, moved.operation_id
    amounts[Part(*place, "material")] += amount
    if _is_steel(moved.item_id):
        amounts[Part(*place, "overhead")] += amount * Fraction(str(HANDLING_RATE))


def _is_steel(item_id: str) -> bool:
    return item_id in _MATERIALS and _MATERIALS[item_id].cost_group_id == "steel"


def _unit_cost(moved: Movement, costed_by: Standard) -> Fraction:
    material = _MATERIALS.get(moved.item_id)
    if material is None or material.has_standard:
        return standard(moved.item_id, costed_by)
    assert moved.unit_price is not None
    return Fraction(moved.unit_price)


@cache
def standard(item_id: str, by: Standard) -> Fraction:
    """What a unit of a material, a component or a product should cost, by one of the standards.

    Rounded to six places part by part, as standard costs are.
    """
    if item_id in _MATERIALS:
        return Fraction(str(by.prices[item_id]))
    made, lot = _made(item_id)
    started = _pieces_started(made)
    total = Fraction(0)
    for part in components(item_id):
        spoilt = started.get(part.operation_id or "", Fraction(1))
        per = Fraction(str(part.quantity_per)) * (1 + Fraction(str(part.scrap_ratio))) * spoilt
        quantity = per + Fraction(str(part.constant_quantity)) / lot
        amount = _rounded(quantity * standard(part.component_id, by))
        total += amount
        if _is_steel(part.component_id):
            total += _rounded(amount * Fraction(str(HANDLING_RATE)))
    for operation_id, unit, run_s, setup_s, _ in made:
        hours = (run_s * started[operation_id] + setup_s / lot) / _HOUR_S
        rates = by.machine_rates[unit], LABOUR_RATES[0], by.factory_rate
        total += _rounded(hours * sum(Fraction(str(rate)) for rate in rates))
    return total


_Made = list[tuple[str, str, Fraction, Fraction, Fraction]]
"""Of each operation: its name, work unit, seconds per piece and of setup, and planned scrap."""


def _made(item_id: str) -> tuple[_Made, int]:
    """What is done to make an item, and in lots of how many."""
    for component in COMPONENTS:
        if component.item_id == item_id:
            return _made_component(component), component.lot
    return next(
        (_made_product(line, item), LOT)
        for line in LINES
        for item in line.items
        if item.item_id == item_id
    )


def _made_component(component: Component) -> _Made:
    return [
        (f"{place * 10}", unit, Fraction(str(run_s)), Fraction(str(setup_s)), Fraction(0))
        for place, (unit, run_s, setup_s) in enumerate(component.operations, start=1)
    ]


def _made_product(line: Line, item: Item) -> _Made:
    return [
        (
            unit.operation_id,
            unit.equipment_id,
            Fraction(str(run_s)),
            Fraction(str(setup_s)),
            Fraction(str(unit.scrap_ratio)),
        )
        for unit, run_s, setup_s in zip(line.work_units, item.cycle_s, item.setup_s, strict=True)
    ]


def _pieces_started(made: _Made) -> dict[str, Fraction]:
    """For one good piece at the end, at each operation."""
    started, found = Fraction(1), {}
    for operation_id, *_, scrap_ratio in reversed(made):
        started *= 1 + scrap_ratio
        found[operation_id] = started
    return found


def _rounded(amount: Fraction) -> Fraction:
    return Fraction(int(amount * 1_000_000 + Fraction(1, 2)), 1_000_000)


def _paid(plant: Plant, receipt: Receipt) -> Fraction:
    worth = Fraction(0)
    received_at = to_datetime(receipt.received_at)
    for row in periods.exchange_rates(plant.first_monday, received_at):
        if row["currency"] == receipt.vendor.currency:
            worth = Fraction(str(row["rate"]))  # the last is that of the month
    assert worth or receipt.vendor.currency == CURRENCY
    return receipt.quantity * Fraction(receipt.unit_price) * worth


def _charge_bookings(
    amounts: Amounts, plant: Plant, week: LineWeek, orders: dict[str, Order]
) -> set[tuple[str, str]]:
    """Charge what workers booked; the operations at which they did."""
    workers: defaultdict[str, list[Booking]] = defaultdict(list)
    for booking in consumption.bookings(plant, week):
        workers[booking.worker_id].append(booking)
    booked = set()
    for own in workers.values():
        cuts = {at for each in own for at in (each.started_at, each.finished_at)}
        for span in pairwise(sorted(cuts)):
            tended = [each for each in own if each.started_at <= span[0] < each.finished_at]
            for each in tended:
                if each.production_order_id in orders:
                    place = each.production_order_id, each.operation_id
                    amounts[Part(*place, "labour")] += _labour(plant, span) / len(tended)
                    booked.add(place)
    return booked


def _labour(plant: Plant, span: Span) -> Fraction:
    """What a person's hours cost, before the raise and after it."""
    raised_at = local_ms(plant.first_monday + timedelta(days=10), time(0))
    before = max(0, min(span[1], raised_at) - span[0])
    after = span[1] - span[0] - before
    first, raised = (Fraction(str(rate)) for rate in LABOUR_RATES)
    return (before * first + after * raised) / _HOUR_MS


def _charged(plant: Plant, week: LineWeek, unit: UnitWeek) -> Iterator[tuple[str, Span]]:
    """Each stretch of a machine's week that an order is charged: work always, a stop in work time.

    In a break a machine that goes on works; one that stops then is nobody's.
    """
    resting = replace(unit.unit, runs_through_breaks=False)
    planned = working_time(resting, week.monday, plant.first_monday).spans
    ends = [*(change.at for change in unit.changes[1:]), unit.end]
    for change, end in zip(unit.changes, ends, strict=True):
        if change.production_order_id is not None:
            whole = (change.at, end)
            for span in [whole] if change.state in _WORKING else _within(whole, planned):
                yield change.production_order_id, span


def _within(span: Span, spans: Iterable[Span]) -> Iterator[Span]:
    for start, end in spans:
        if start < span[1] and span[0] < end:
            yield max(start, span[0]), min(end, span[1])
