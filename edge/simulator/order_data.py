"""Orders and what they took, as an ERP knows them at a moment.

Belongs here: what has ended, what runs, and what is released or planned for the next days, as rows
of `takt.contracts`. What orders take is in `production` and `consumption`.
"""

from collections.abc import Iterator
from datetime import datetime

from edge.simulator import consumption, cost_data
from edge.simulator.cost_data import Row
from edge.simulator.plant import CURRENCY
from edge.simulator.production import Operation, Order, Plant
from edge.simulator.shifts import to_datetime

_HORIZON_MS = 3 * 86_400_000
_HOUR_MS = 3_600_000
_MODES = {"HN-35": "lean", "SH-20": "process", "SP-45": "project"}
"""How items are made; the others in discrete orders."""
_FLOWS = {"HN-35": "hinges"}
"""Items whose orders are jobs of a lean flow."""
_PROJECT_ITEM = "SP-45"
"""Spindles are made for a customer's machines, those of a week for one."""
_SENT_BACK = 0.2
"""Share of orders of which a customer sends pieces back."""


def production_orders(site: str, plant: Plant, now: int) -> Iterator[Row]:
    """Rows of `production_order`."""
    for order in _known_orders(plant, now):
        started_at = _started_at(order)
        released_at, due_at = _order_desk(plant, order)
        yield {
            "production_order_id": order.production_order_id,
            "site_id": site,
            "item_id": order.item.item_id,
            "bom_version": cost_data.BOM_VERSION,
            "route_version": cost_data.ROUTE_VERSION,
            "order_quantity": order.quantity,
            "production_flow_id": _FLOWS.get(order.item.item_id),
            "project_id": _project(order),
            "mode": _MODES.get(order.item.item_id, "discrete"),
            "strategy": "MTS",
            "released_at": past(released_at, now),
            "ended_at": past(order.ended_at, now),
            "due_at": to_datetime(due_at),
            "status": _status(released_at, started_at, order.ended_at, now),
        }


def released_at(plant: Plant, order: Order) -> int:
    """When the order desk releases an order (ms): it is costed by the standard of then."""
    return _order_desk(plant, order)[0]


def _order_desk(plant: Plant, order: Order) -> tuple[int, int]:
    """When an order is released and when it is due, in ms."""
    rng = plant.random(order.production_order_id, "order desk")
    released_at = _started_at(order) - int(rng.uniform(4, 20) * _HOUR_MS)
    due_at = (order.ended_at + int(rng.uniform(-3, 20) * _HOUR_MS)) // _HOUR_MS * _HOUR_MS
    return released_at, due_at


def _project(order: Order) -> str | None:
    week = order.production_order_id.split("-")[1]
    return f"spindles-{week}" if order.item.item_id == _PROJECT_ITEM else None


def order_operations(_site: str, plant: Plant, now: int) -> Iterator[Row]:
    """Rows of `order_operation`."""
    for order in _known_orders(plant, now):
        for unit, operation in zip(order.line.work_units, order.operations, strict=True):
            yield {
                "production_order_id": order.production_order_id,
                "operation_id": unit.operation_id,
                "work_unit_id": unit.equipment_id,
                "started_at": past(operation.started_at, now),
                "finished_at": past(operation.finished_at, now),
                **_reported(operation, now),
            }


def _reported(operation: Operation, now: int) -> Row:
    if operation.finished_at is None or operation.finished_at > now:
        return {}
    names = ("good_quantity", "scrap_quantity", "rework_quantity")
    return dict(zip(names, operation.pieces, strict=True))


def material_movements(_site: str, plant: Plant, now: int) -> Iterator[Row]:
    """Rows of `material_movement`."""
    for order in _known_orders(plant, now):
        for movement in (*consumption.movements(plant, order), *consumption.outputs(plant, order)):
            if movement.moved_at <= now:
                yield {**vars(movement), "moved_at": to_datetime(movement.moved_at)}


def labour_bookings(_site: str, plant: Plant, now: int) -> Iterator[Row]:
    """Rows of `labour_booking`; who is still at work has not booked the end."""
    known = {order.production_order_id for order in _known_orders(plant, now)}
    for week in plant.line_weeks(plant.start, now + 1):
        told = *consumption.bookings(plant, week), *consumption.quality_bookings(plant, week)
        for booking in told:
            if booking.production_order_id in known and booking.started_at <= now:
                yield {
                    **vars(booking),
                    "started_at": to_datetime(booking.started_at),
                    "finished_at": past(booking.finished_at, now),
                }


def subcontract_receipts(_site: str, plant: Plant, now: int) -> Iterator[Row]:
    """Rows of `subcontract_receipt`."""
    for order in _known_orders(plant, now):
        for receipt in consumption.receipts(plant, order):
            if receipt.received_at <= now:
                yield {
                    "receipt_id": receipt.receipt_id,
                    "production_order_id": receipt.production_order_id,
                    "operation_id": receipt.operation_id,
                    "vendor_id": receipt.vendor.vendor_id,
                    "quantity": receipt.quantity,
                    "rejected_quantity": receipt.rejected_quantity,
                    "unit_price": receipt.unit_price,
                    "currency": receipt.vendor.currency,
                    "received_at": to_datetime(receipt.received_at),
                }


def customer_returns(site: str, plant: Plant, now: int) -> Iterator[Row]:
    """Rows of `customer_return`: a few pieces, days after their order; now and then nobody's."""
    for order in _known_orders(plant, now):
        rng = plant.random(order.production_order_id, "customer")
        returned_at = order.ended_at + int(rng.uniform(20, 140) * _HOUR_MS)
        if rng.random() < _SENT_BACK and returned_at <= now:
            yield {
                "return_id": f"CR-{order.production_order_id[3:]}",
                "site_id": site,
                "item_id": order.item.item_id,
                "production_order_id": order.production_order_id if rng.random() < 0.8 else None,
                "quantity": rng.randint(1, 12),
                "returned_at": to_datetime(returned_at),
                "reason_id": rng.choice(("surface", "dimension")),
                "amount": round(rng.uniform(12, 60), 2),
                "currency": CURRENCY,
            }


def _known_orders(plant: Plant, now: int) -> Iterator[Order]:
    """Orders that run after the plant's start and begin within the next days."""
    for week in plant.line_weeks(plant.start, now + _HORIZON_MS):
        for order in week.orders:
            if order.ended_at > plant.start and _started_at(order) < now + _HORIZON_MS:
                yield order


def _started_at(order: Order) -> int:
    started_at = order.operations[0].started_at
    return order.ended_at if started_at is None else started_at


def _status(released_at: int, started_at: int, ended_at: int, now: int) -> str:
    if ended_at <= now:
        return "ended"
    if started_at <= now:
        return "started"
    return "released" if released_at <= now else "created"


def past(at: int | None, now: int) -> datetime | None:
    """The moment, unless it is still to come."""
    return to_datetime(at) if at is not None and at <= now else None
