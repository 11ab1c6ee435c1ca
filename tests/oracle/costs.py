"""What orders really cost before overheads, by the rules in README.md."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq

from tests.oracle import times
from tests.oracle.cost_versions import CostVersions, begin
from tests.oracle.figures import ShiftFigures
from tests.oracle.shift_calendar import instant, rows

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


def material(
    truth_folder: Path, business_folder: Path, made: Mapping[tuple[str, str], Fraction]
) -> Amounts:
    """By order and cost group, of orders to which material was booked.

    `made` are standard costs of what is made, by costing version and item; what has no standard
    costs what was paid for it.
    """
    versions = CostVersions(business_folder, now=0)
    costed_by = {
        row["production_order_id"]: versions.site_version(
            row["site_id"], instant(row["released_at"])
        )
        for row in rows(business_folder, "production_order")
        if row["released_at"]
    }
    found: defaultdict[OrderPart, Fraction] = defaultdict(Fraction)
    for row in pq.read_table(truth_folder / "material.parquet").to_pylist():
        version = costed_by[row["production_order_id"]]
        assert version is not None
        standard = made.get((version, row["item_id"])) or versions.stated(
            version, row["item_id"], "unit_cost"
        )
        price = standard or Fraction(row["unit_price"])
        group = versions.items[row["item_id"]]["cost_group_id"] or "material"
        found[row["production_order_id"], group] += Fraction(row["quantity"]) * price
    return dict(found)


def booked_labour(business_folder: Path) -> Amounts:
    """By order and operation: workers' time, divided by what they tend, at the rate of the time."""
    workers = defaultdict(list)
    for row in rows(business_folder, "labour_booking"):
        if row["finished_at"] and row["kind"] in ("run", "setup"):
            span = instant(row["started_at"]), instant(row["finished_at"])
            order = row["production_order_id"], row["operation_id"]
            workers[row["worker_id"]].append((*span, row["kind"], order))
    units = {
        (row["production_order_id"], row["operation_id"]): row["work_unit_id"]
        for row in rows(business_folder, "order_operation")
    }
    rates = _Rates(business_folder, "labour")
    found: defaultdict[OrderPart, Fraction] = defaultdict(Fraction)
    for bookings in workers.values():
        cuts = {at for booking in bookings for at in booking[:2]} | rates.changes
        for start, end in pairwise(sorted(cuts)):
            tended = [each for each in bookings if each[0] <= start < each[1]]
            for _, _, kind, order in tended:
                hours = Fraction(end - start, _HOUR_US * len(tended))
                found[order] += hours * rates.at(units[order], kind, start)
    return dict(found)


def machine(
    truth_folder: Path, business_folder: Path, shifts: list[ShiftFigures]
) -> Iterator[tuple[OrderPart, str, Fraction]]:
    """Order and operation, work unit, amount: work at any time and delay in planned busy time."""
    rates = _Rates(business_folder, "machine")
    used: defaultdict[OrderPart, Fraction] = defaultdict(Fraction)
    for unit, record in times.read(truth_folder).items():
        for state in record.states:
            if state.production_order_id and state.category in ("production", "setup"):
                for start, end in rates.spans(state.started_at, state.ended_at):
                    amount = (end - start) * rates.at(unit, "run", start)
                    used[state.production_order_id, unit] += amount
    for each in shifts:
        # Machine rates change as shifts do.
        rate = rates.at(each.shift.work_unit_id, "run", each.shift.started_at)
        for order, figure in each.by_order.items():
            if order is not None:
                used[order, each.shift.work_unit_id] += figure.actual_delay_time_us * rate
    operations = {
        (row["production_order_id"], row["work_unit_id"]): row["operation_id"]
        for row in rows(business_folder, "order_operation")
    }
    for (order, unit), amount in used.items():
        yield (order, operations[order, unit]), unit, amount / _HOUR_US


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
    """Rates of a cost category per hour, by the costing version that holds at a moment (µs)."""

    def __init__(self, business_folder: Path, category: str) -> None:
        self._category = category
        self._versions = CostVersions(business_folder, now=0)
        self._known: dict[tuple[str, int], Mapping[tuple[str, str], Fraction]] = {}
        (self._site,) = {row["site_id"] for row in self._versions.versions.values()}
        self.changes = {
            begin(row)
            for table in ("cost_version", "cost_rate")
            for row in rows(business_folder, table)
            if row["valid_from"]
        }

    def spans(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """A span cut where a rate may change."""
        cuts = {start, end} | {each for each in self.changes if start < each < end}
        return pairwise(sorted(cuts))

    def at(self, unit: str, kind: str, moment: int) -> Fraction:
        """The rate of a work unit, set-up or run, at a moment."""
        since = max(each for each in self.changes if each <= moment)
        if (unit, since) not in self._known:
            version = self._versions.site_version(self._site, since)
            self._known[unit, since] = self._versions.rates(version, unit, since, self._category)
        return self._known[unit, since][self._category, kind]
