"""What orders really cost before overheads, by the rules in README.md."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq

from tests.oracle import times
from tests.oracle.figures import ShiftFigures
from tests.oracle.shift_calendar import Row, instant, rows

OrderPart = tuple[str, str]
"""An order and its operation, or a cost group."""
Amounts = dict[OrderPart, Fraction]
_HOUR_US = 3_600_000_000


def ended_orders(business_folder: Path, begin: int) -> set[str]:
    """Orders that began after `begin` (µs) and are over, so that the truth knows all of them."""
    begun = {
        row["production_order_id"]: instant(row["started_at"])
        for row in rows(business_folder, "order_operation")
        if row["operation_id"] == "10" and row["started_at"]
    }
    return {
        row["production_order_id"]
        for row in rows(business_folder, "production_order")
        if row["ended_at"] and begun.get(row["production_order_id"], 0) > begin
    }


def material(truth_folder: Path, business_folder: Path, made: Mapping[str, Fraction]) -> Amounts:
    """By order and cost group, of orders to which material was booked.

    `made` are standard costs of what is made; what has no standard costs what was paid for it.
    """
    standards = dict(made) | {
        row["item_id"]: Fraction(row["unit_cost"])
        for row in _of_standard(business_folder, "item_cost")
        if row["unit_cost"]
    }
    groups = {row["item_id"]: row["cost_group_id"] for row in rows(business_folder, "item")}
    found: defaultdict[OrderPart, Fraction] = defaultdict(Fraction)
    for row in pq.read_table(truth_folder / "material.parquet").to_pylist():
        price = standards.get(row["item_id"]) or Fraction(row["unit_price"])
        group = groups[row["item_id"]] or "material"
        found[row["production_order_id"], group] += Fraction(row["quantity"]) * price
    return dict(found)


def _of_standard(business_folder: Path, table: str) -> Iterator[Row]:
    """Rows of the version by which orders are costed; a planned one costs nothing."""
    return (row for row in rows(business_folder, table) if row["cost_version_id"] == "standard")


def booked_labour(business_folder: Path) -> Amounts:
    """By order and operation: workers' time, divided by what they tend, at the rate of the time."""
    workers = defaultdict(list)
    for row in rows(business_folder, "labour_booking"):
        if row["finished_at"] and row["kind"] in ("run", "setup"):
            span = instant(row["started_at"]), instant(row["finished_at"])
            order = row["production_order_id"], row["operation_id"]
            workers[row["worker_id"]].append((*span, row["kind"], order))
    rates = _Rates(business_folder, "labour")
    found: defaultdict[OrderPart, Fraction] = defaultdict(Fraction)
    for bookings in workers.values():
        cuts = {at for booking in bookings for at in booking[:2]} | rates.changes
        for start, end in pairwise(sorted(cuts)):
            tended = [each for each in bookings if each[0] <= start < each[1]]
            for _, _, kind, order in tended:
                hours = Fraction(end - start, _HOUR_US * len(tended))
                found[order] += hours * rates.at(order, kind, start)
    return dict(found)


def machine(
    truth_folder: Path, business_folder: Path, shifts: list[ShiftFigures]
) -> Iterator[tuple[OrderPart, str, Fraction]]:
    """Order and operation, work unit, amount: work at any time and delay in planned busy time."""
    used: defaultdict[OrderPart, int] = defaultdict(int)
    for unit, record in times.read(truth_folder).items():
        for state in record.states:
            if state.production_order_id and state.category in ("production", "setup"):
                used[state.production_order_id, unit] += state.ended_at - state.started_at
    for each in shifts:
        for order, figure in each.by_order.items():
            if order is not None:
                used[order, each.shift.work_unit_id] += figure.actual_delay_time_us
    operations = {
        (row["production_order_id"], row["work_unit_id"]): row["operation_id"]
        for row in rows(business_folder, "order_operation")
    }
    rates = _Rates(business_folder, "machine")
    for (order, unit), time_us in used.items():
        part = order, operations[order, unit]
        yield part, unit, Fraction(time_us, _HOUR_US) * rates.at(part, "run", 0)


def subcontract(business_folder: Path) -> Amounts:
    """By order and operation: all that was received, at its price in the common currency."""
    worth: defaultdict[str, list[tuple[int, Fraction]]] = defaultdict(list)
    for row in rows(business_folder, "exchange_rate"):
        begins = instant(row["valid_from"]) if row["valid_from"] else 0
        worth[row["currency"]].append((begins, Fraction(row["rate"])))
    found: defaultdict[OrderPart, Fraction] = defaultdict(Fraction)
    for row in rows(business_folder, "subcontract_receipt"):
        received_at = instant(row["received_at"])
        rate = max(each for each in worth[row["currency"]] if each[0] <= received_at)[1]
        amount = Fraction(row["quantity"]) * Fraction(row["unit_price"]) * rate
        found[row["production_order_id"], row["operation_id"]] += amount
    return dict(found)


class _Rates:
    """Rates of a cost category per hour, as they hold at a moment."""

    def __init__(self, business_folder: Path, category: str) -> None:
        self._units = {
            (row["production_order_id"], row["operation_id"]): row["work_unit_id"]
            for row in rows(business_folder, "order_operation")
        }
        self._rates: defaultdict[OrderPart, list[tuple[int, Fraction]]] = defaultdict(list)
        for row in _of_standard(business_folder, "cost_rate"):
            if row["cost_category_id"] == category:
                begins = instant(row["valid_from"]) if row["valid_from"] else 0
                rate = begins, Fraction(row["rate"])
                self._rates[row["work_unit_id"], row["kind"]].append(rate)
        self.changes = {begins for rates in self._rates.values() for begins, _ in rates}

    def at(self, order: OrderPart, kind: str, moment: int) -> Fraction:
        """The rate of an order's operation, set-up or run, at a moment (µs)."""
        rates = self._rates[self._units[order], kind]
        return max(rate for rate in rates if rate[0] <= moment)[1]
