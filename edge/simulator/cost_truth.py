"""What orders really took until a moment, for those who check Takt's costs.

`material`: site_id, production_order_id, operation_id, item_id, replaces_item_id, unit_price (null:
the standard), source (issued, measured), quantity (issued less returned).
`labour`: site_id, worker_id, production_order_id, operation_id, kind (setup, run), labour_s; who
tends several operations at a time divides it between them. What is booked for quality is not in it.
`subcontract`: site_id, production_order_id, operation_id, vendor_id, currency, unit_price,
quantity, rejected_quantity (part of it).
`cost`: site_id, production_order_id, operation_id, kind (material, machine, labour, subcontract,
overhead), amount in the plant's currency: of orders that are over, see `true_cost`.
`output`: site_id, production_order_id, item_id, quantity of what was made beside the order's item.
Of orders that end in the period or later, all that they took before its end.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import pairwise

import pyarrow as pa

from edge.simulator import consumption, true_cost
from edge.simulator.consumption import METER, Booking
from edge.simulator.production import LineWeek, Order, Plant

_TEXT = pa.string()
_NUMBER = pa.decimal128(18, 6)
_IDS = {"site_id": _TEXT, "production_order_id": _TEXT, "operation_id": _TEXT}
_MATERIAL = {
    **_IDS,
    "item_id": _TEXT,
    "replaces_item_id": _TEXT,
    "unit_price": _NUMBER,
    "source": _TEXT,
    "quantity": _NUMBER,
}
_LABOUR = {**_IDS, "worker_id": _TEXT, "kind": _TEXT, "labour_s": _NUMBER}
_SUBCONTRACT = {
    **_IDS,
    "vendor_id": _TEXT,
    "currency": _TEXT,
    "unit_price": _NUMBER,
    "quantity": _NUMBER,
    "rejected_quantity": _NUMBER,
}
_COST = {**_IDS, "kind": _TEXT, "amount": _NUMBER}
_OUTPUT = {
    "site_id": _TEXT,
    "production_order_id": _TEXT,
    "item_id": _TEXT,
    "quantity": _NUMBER,
}

Row = tuple[object, ...]


def tables(site: str, plant: Plant, begin: int, end: int) -> dict[str, pa.Table]:
    """Each table by name; `begin` and `end` in ms."""
    weeks = plant.line_weeks(begin, max(end, begin + 1))
    orders = [order for week in weeks for order in week.orders if order.ended_at > begin]
    return {
        "material": _table(site, _MATERIAL, _material(plant, weeks, orders, end)),
        "labour": _table(site, _LABOUR, _labour(plant, weeks, orders, end)),
        "subcontract": _table(site, _SUBCONTRACT, _subcontract(plant, orders, end)),
        "cost": _table(site, _COST, _costs(plant, weeks, begin, end)),
        "output": _table(site, _OUTPUT, _outputs(plant, orders, end)),
    }


def _table(site: str, columns: dict[str, pa.DataType], rows: Iterable[Row]) -> pa.Table:
    schema = pa.schema(columns.items())
    return pa.Table.from_pylist(
        [dict(zip(columns, (site, *row), strict=True)) for row in rows], schema=schema
    )


def _material(plant: Plant, weeks: list[LineWeek], orders: list[Order], end: int) -> Iterator[Row]:
    quantities: defaultdict[Row, Decimal] = defaultdict(Decimal)
    for order in orders:
        for each in consumption.movements(plant, order):
            if each.moved_at <= end:
                ids = each.production_order_id, each.operation_id, each.item_id
                key: Row = (*ids, each.replaces_item_id, each.unit_price, "issued")
                quantities[key] += -each.quantity if each.is_return else each.quantity
    known = {order.production_order_id for order in orders}
    for week in weeks:
        for order_id, quantity in consumption.measured(plant, week, end).items():
            if order_id in known:
                ids = order_id, METER.unit.operation_id, METER.item_id
                quantities[*ids, None, None, "measured"] += quantity
    for key, quantity in quantities.items():
        yield *key, quantity


def _labour(plant: Plant, weeks: list[LineWeek], orders: list[Order], end: int) -> Iterator[Row]:
    known = {order.production_order_id for order in orders}
    times: defaultdict[Row, Decimal] = defaultdict(Decimal)
    for week in weeks:
        told = [
            each for each in consumption.bookings(plant, week) if each.production_order_id in known
        ]
        for booking, share_s in _shares(told, end):
            ids = booking.production_order_id, booking.operation_id
            times[*ids, booking.worker_id, booking.kind] += share_s
    for key, labour_s in times.items():
        yield *key, labour_s


def _shares(bookings: list[Booking], end: int) -> Iterator[tuple[Booking, Decimal]]:
    """Each worker's time until `end`, cut where a booking begins or ends, shared by those open."""
    workers: defaultdict[str, list[Booking]] = defaultdict(list)
    for booking in bookings:
        workers[booking.worker_id].append(booking)
    for own in workers.values():
        cuts = {min(at, end) for each in own for at in (each.started_at, each.finished_at)}
        for start, stop in pairwise(sorted(cuts)):
            tended = [each for each in own if each.started_at <= start < each.finished_at]
            for booking in tended:
                yield booking, Decimal(stop - start) / 1_000 / len(tended)


def _subcontract(plant: Plant, orders: list[Order], end: int) -> Iterator[Row]:
    for order in orders:
        for each in consumption.receipts(plant, order):
            if each.received_at <= end:
                yield (
                    each.production_order_id,
                    each.operation_id,
                    each.vendor.vendor_id,
                    each.vendor.currency,
                    each.unit_price,
                    Decimal(each.quantity),
                    Decimal(each.rejected_quantity),
                )


def _costs(plant: Plant, weeks: list[LineWeek], begin: int, end: int) -> Iterator[Row]:
    for week in weeks:
        ended = {order.production_order_id for order in week.orders if order.ended_at > begin}
        for part, amount in true_cost.costs(plant, week, end).items():
            if part.production_order_id in ended:
                yield *part, Decimal(round(amount * 1_000_000)) / 1_000_000


def _outputs(plant: Plant, orders: list[Order], end: int) -> Iterator[Row]:
    for order in orders:
        for each in consumption.outputs(plant, order):
            if each.moved_at <= end:
                yield each.production_order_id, each.item_id, each.quantity
