"""What orders took beside machine time and what they made beside their item.

Material from stock or through a meter, workers' hours, a vendor's work, further products.

Belongs here: a pure function of plant and order. Who tells it, and how much of it is known at a
moment, is in `business_data` and `truth`. Times are in ms.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edge.simulator import cost_data
from edge.simulator.cost_data import MATERIALS, PRODUCTS, SUBCONTRACT, Part, Product, Vendor
from edge.simulator.plant import LINE1, TIME_ZONE, WORK_UNITS, WorkUnit
from edge.simulator.production import LineWeek, Operation, Order, Plant, UnitWeek
from edge.simulator.shifts import Span, WorkingTime, to_datetime, week_monday, working_time

_BACKFLUSHED = 0.08
"""Share of orders to which nobody books material."""
_SUBSTITUTED = 0.15
"""Share of orders for which the sheet steel is not at hand."""
_RETURNED = 0.2
"""Share of orders from which material goes back to stock."""
_SUBSTITUTES = {"ST-2": ("ST-25", 1.2)}
"""What is used instead, and how much of it for one of the other."""
_NOT_TOLD = 0.1
"""Share of orders of whose further products nobody tells anything."""
_BOUGHT = {material.item_id: material for material in MATERIALS}
_BOOKED_LINE = LINE1
"""The one line whose workers book their time; elsewhere a machine's time is its crew's."""
_TEAMS = (("W-11", "W-12"), ("W-21", "W-22"))
"""Of the early and the late shift: who tends the first two work units, and who the others."""
_INSPECTOR = "Q-1"
_PREVENTING = 0.15
"""Share of lots after which the inspector teaches instead of examining."""
_LATE_FROM_H = 14
_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Meter:
    """What measures the material that a work unit takes; nobody books that.

    Attributes:
        unit: The work unit.
        item_id: The material.
        scale: Of a count to the material's unit.
        spread: Relative spread of what a piece takes around what it needs.
    """

    unit: WorkUnit
    item_id: str
    scale: float
    spread: float


METER = Meter(
    next(unit for unit in WORK_UNITS if unit.equipment_id == "machining/line2/wash01"),
    "CL-1",
    scale=0.001,
    spread=0.2,
)


@dataclass(frozen=True)
class Movement:
    """Material issued to an order, or gone back; without a price it costs the standard."""

    movement_id: str
    production_order_id: str
    operation_id: str | None
    item_id: str
    replaces_item_id: str | None
    lot_id: str
    quantity: Decimal
    unit_price: Decimal | None
    is_return: bool
    moved_at: int
    is_output: bool = False


@dataclass(frozen=True)
class Booking:
    """A span of a worker's time at an operation of an order."""

    booking_id: str
    production_order_id: str
    operation_id: str
    worker_id: str
    kind: str
    started_at: int
    finished_at: int


@dataclass(frozen=True)
class Receipt:
    """A vendor's delivery for an order; what was rejected is part of `quantity`."""

    receipt_id: str
    production_order_id: str
    operation_id: str
    vendor: Vendor
    quantity: int
    rejected_quantity: int
    unit_price: Decimal
    received_at: int


def movements(plant: Plant, order: Order) -> list[Movement]:
    """The material that an order took; none where it is back-flushed."""
    found = _Stores(plant, order).moved()
    return [replace(each, movement_id=f"{each.movement_id}{n}") for n, each in enumerate(found, 1)]


def outputs(plant: Plant, order: Order) -> Iterator[Movement]:
    """What came into stock of the further products of an order, once its first work unit is done.

    Some of it is lost in the press; of some orders nobody tells any, and by plan it came.
    """
    pressed = order.operations[0]
    rng = plant.random(order.production_order_id, "further products")
    if pressed.finished_at is None or not sum(pressed.pieces) or rng.random() < _NOT_TOLD:
        return
    of_item = [each for each in PRODUCTS if each.made_of == order.item.item_id]
    for number, product in enumerate(of_item, 1):
        yield Movement(
            movement_id=f"OP-{order.production_order_id[3:]}-{number}",
            production_order_id=order.production_order_id,
            operation_id=order.line.work_units[0].operation_id,
            item_id=product.item_id,
            replaces_item_id=None,
            lot_id=f"{product.item_id}/{order.production_order_id[3:]}",
            quantity=_quantity(product, sum(pressed.pieces) * rng.uniform(0.93, 1)),
            unit_price=None,
            is_return=False,
            moved_at=pressed.finished_at,
            is_output=True,
        )


def _quantity(product: Product, pieces: float) -> Decimal:
    quantity = pieces * product.quantity_per
    return Decimal(round(quantity)) if product.unit == "pcs" else Decimal(f"{quantity:.3f}")


class _Stores:
    """The store keeper, for one order."""

    def __init__(self, plant: Plant, order: Order) -> None:
        self._plant = plant
        self._order = order
        self._rng = plant.random(order.production_order_id, "stores")
        units = order.line.work_units
        self._work: dict[str | None, tuple[WorkUnit, Operation]] = {
            unit.operation_id: (unit, operation)
            for unit, operation in zip(units, order.operations, strict=True)
        }

    def moved(self) -> Iterator[Movement]:
        draws = [self._rng.random() for _ in range(3)]
        is_backflushed, is_substituted, is_returned = (
            draw < share
            for draw, share in zip(draws, (_BACKFLUSHED, _SUBSTITUTED, _RETURNED), strict=True)
        )
        for part in () if is_backflushed else self._booked():
            issues = [*self._issue(part, is_substituted=is_substituted), *self._more(part)]
            yield from issues
            if is_returned and issues and part.component_id in _SUBSTITUTES:
                yield self._back(issues[0])

    def _booked(self) -> Iterator[Part]:
        for part in cost_data.components(self._order.item.item_id):
            if part.component_id != METER.item_id:
                yield part

    def _issue(self, part: Part, *, is_substituted: bool) -> Iterator[Movement]:
        """What is planned, or a little more or less, when its operation begins; else the first."""
        operation = self._work.get(part.operation_id, (None, self._order.operations[0]))[1]
        needed = self._order.quantity * part.quantity_per * (1 + part.scrap_ratio)
        needed = needed * self._rng.uniform(0.99, 1.02) + part.constant_quantity
        if operation.started_at is None:
            return
        if is_substituted and part.component_id in _SUBSTITUTES:
            item_id, factor = _SUBSTITUTES[part.component_id]
            issue = self._movement(part, item_id, needed * factor, operation.started_at)
            yield replace(issue, replaces_item_id=part.component_id)
        else:
            yield self._movement(part, part.component_id, needed, operation.started_at)

    def _more(self, part: Part) -> Iterator[Movement]:
        """More is fetched for what its operation spoilt beyond plan."""
        unit, operation = self._work.get(part.operation_id, (None, self._order.operations[0]))
        if unit is None or operation.finished_at is None:
            return
        spoilt = operation.pieces[1] - sum(operation.pieces) * unit.scrap_ratio
        more = self._movement(
            part, part.component_id, spoilt * part.quantity_per, operation.finished_at
        )
        if more.quantity > 0:
            yield more

    def _back(self, issue: Movement) -> Movement:
        """A remainder goes back when the order is over, at the price of its lot."""
        quantity = (issue.quantity * Decimal("0.03")).quantize(Decimal("0.001"))
        return replace(issue, quantity=quantity, is_return=True, moved_at=self._order.ended_at)

    def _movement(self, part: Part, item_id: str, needed: float, at: int) -> Movement:
        monday = week_monday(at)
        year, week, _ = monday.isocalendar()
        material = _BOUGHT.get(item_id)
        unit_price = None
        if material is not None and material.is_bought_by_lot:
            trend = self._plant.random(item_id, monday, "price").uniform(-0.03, 0.06)
            unit_price = Decimal(f"{material.price * (1 + trend):.4f}")
        is_counted = material is None or material.unit == "pcs"
        return Movement(
            movement_id=f"MV-{self._order.production_order_id[3:]}-",
            production_order_id=self._order.production_order_id,
            operation_id=part.operation_id,
            item_id=item_id,
            replaces_item_id=None,
            lot_id=f"{item_id}/{year % 100:02}{week:02}",
            quantity=Decimal(round(needed)) if is_counted else Decimal(f"{needed:.3f}"),
            unit_price=unit_price,
            is_return=False,
            moved_at=at,
        )


def taken(plant: Plant, line_week: LineWeek, week: UnitWeek) -> NDArray[np.int64]:
    """Counts of the meter for each piece of its work unit's week."""
    needed = {
        order: sum(
            part.quantity_per
            for part in cost_data.components(item.item_id)
            if part.component_id == METER.item_id
        )
        for order, item in line_week.items.items()
    }
    seed = plant.random(METER.unit.equipment_id, week.begin, METER.item_id).getrandbits(64)
    noise = np.random.default_rng(seed).standard_normal(len(week.piece_at))
    per_piece = np.array([needed[order] if order else 0 for order in _orders_of_pieces(week)])
    return np.rint(per_piece / METER.scale * (1 + METER.spread * noise)).clip(0).astype(np.int64)


def measured(plant: Plant, line_week: LineWeek, until: int) -> dict[str, Decimal]:
    """What each order of a line's week took through the meter by `until`."""
    found: dict[str, Decimal] = {}
    for week in line_week.units:
        if week.unit == METER.unit:
            counts = taken(plant, line_week, week)
            for at, order, count in zip(
                week.piece_at, _orders_of_pieces(week), counts, strict=True
            ):
                if order is not None and at <= until:
                    found[order] = found.get(order, Decimal(0)) + int(count)
    return {order: count * Decimal(str(METER.scale)) for order, count in found.items()}


def _orders_of_pieces(week: UnitWeek) -> list[str | None]:
    starts = np.array([change.at for change in week.changes], dtype=np.int64)
    places = np.searchsorted(starts, week.piece_at, side="right") - 1
    return [week.changes[place].production_order_id for place in places]


def receipts(plant: Plant, order: Order) -> Iterator[Receipt]:
    """What vendors delivered for an order, in one or two parts before it began."""
    begun_at = order.operations[0].started_at
    if order.item.item_id != SUBCONTRACT.item_id or begun_at is None:
        return
    rng = plant.random(order.production_order_id, "vendor")
    vendor = rng.choice(SUBCONTRACT.vendors)
    price = Decimal(f"{vendor.price * rng.uniform(0.98, 1.05):.2f}")
    parts = rng.choice((1, 2))
    received_at = begun_at - 4 * _HOUR_MS
    for number in range(1, parts + 1):
        received_at += int(rng.uniform(0.1, 1.6) * _HOUR_MS)
        wanted = order.quantity // parts
        rejected = int(wanted * rng.uniform(0, 0.02))
        yield Receipt(
            receipt_id=f"RC-{order.production_order_id[3:]}-{number}",
            production_order_id=order.production_order_id,
            operation_id=SUBCONTRACT.operation_id,
            vendor=vendor,
            quantity=wanted + rejected,
            rejected_quantity=rejected,
            unit_price=price,
            received_at=received_at,
        )


def bookings(plant: Plant, week: LineWeek) -> Iterator[Booking]:
    """What workers booked on a line in a week: two a shift, each for two work units at a time."""
    if week.line != _BOOKED_LINE:
        return
    first = week.line.work_units[0]
    present = _by_team(working_time(first, week.monday, plant.first_monday))
    for place, unit in enumerate(week.units):
        numbers: dict[str, int] = {}
        for order, kind, span in _work(unit):
            for started_at, finished_at in _within(span, present):
                numbers[order] = numbers.get(order, 0) + 1
                yield Booking(
                    booking_id=f"LB-{order[3:]}-{unit.unit.operation_id}-{numbers[order]}",
                    production_order_id=order,
                    operation_id=unit.unit.operation_id,
                    worker_id=_team(started_at)[place // 2],
                    kind=kind,
                    started_at=started_at,
                    finished_at=finished_at,
                )


def quality_bookings(plant: Plant, week: LineWeek) -> Iterator[Booking]:
    """What the inspector booked: each lot at its last work unit, now and then to prevent."""
    last = week.line.work_units[-1]
    for order in week.orders:
        finished_at = order.operations[-1].finished_at
        rng = plant.random(order.production_order_id, "quality")
        if finished_at is None:
            continue
        kind = "prevention" if rng.random() < _PREVENTING else "inspection"
        yield Booking(
            booking_id=f"QB-{order.production_order_id[3:]}",
            production_order_id=order.production_order_id,
            operation_id=last.operation_id,
            worker_id=_INSPECTOR,
            kind=kind,
            started_at=finished_at - int(rng.uniform(0.1, 0.5) * _HOUR_MS),
            finished_at=finished_at,
        )


def _by_team(calendar: WorkingTime) -> list[Span]:
    """The working spans, cut where one shift hands over to the next."""
    cuts = {at for span in calendar.spans for at in span} | set(calendar.handovers)
    return [
        (start, end) for start, end in pairwise(sorted(cuts)) if calendar.span_at(start) is not None
    ]


def _team(at: int) -> tuple[str, str]:
    return _TEAMS[to_datetime(at).astimezone(TIME_ZONE).hour >= _LATE_FROM_H]


def _work(week: UnitWeek) -> Iterator[tuple[str, str, Span]]:
    """Each order's set-up and run at a work unit, one after the other."""
    begun: tuple[str | None, str, int] = (None, "", week.begin)
    for change in week.changes:
        kind = "setup" if change.state == "setup" else "run"
        order, last_kind, since = begun
        if (change.production_order_id, kind) != (order, last_kind):
            if order is not None and since < change.at:
                yield order, last_kind, (since, change.at)
            begun = change.production_order_id, kind, change.at
    order, last_kind, since = begun
    if order is not None:
        yield order, last_kind, (since, week.end)


def _within(span: Span, spans: Iterable[Span]) -> Iterator[Span]:
    for start, end in spans:
        if start < span[1] and span[0] < end:
            yield max(start, span[0]), min(end, span[1])
