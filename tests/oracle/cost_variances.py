"""Why orders cost what they did, by the rules of docs/costs.md, in fractions. Times are µs.

Belongs here: bases, variances, losses and work in process of an order. What it used is in
`order_costs`.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TypeVar

from tests.oracle.cost_facts import BEFORE, SECOND_US, Count, Period, Use
from tests.oracle.cost_lines import LABOUR, TIMES, Line, Operation, amount, number, rounded
from tests.oracle.order_costs import Actual, Key, OrderCosts

Fact = TypeVar("Fact", Use, Count)
_EVER, _NEVER = -(10**18), 10**18
LossKey = tuple[str | None, ...]
"""Operation, work unit, category, detail, cause and reason."""


@dataclass
class Explained:
    """Why a line differs from what its pieces carry; amounts before rounding."""

    operation: str | None
    group: str
    driver: str
    line_id: str
    is_overhead: bool
    is_machine_time: bool = False
    actual: Fraction = Fraction(0)
    allowed: Fraction = Fraction(0)
    absorbed: Fraction = Fraction(0)
    lot_size: Fraction = Fraction(0)
    quantity: Fraction = Fraction(0)
    price: Fraction = Fraction(0)
    substitution: Fraction = Fraction(0)
    scrap: Fraction = Fraction(0)
    mix: Fraction | None = None
    """None: it is no part of a mixture."""
    mixed_quantity: Fraction = Fraction(0)
    allowed_quantity: Fraction = Fraction(0)
    line: Line | None = None

    def parts(self) -> Iterator[tuple[str, str, bool, Fraction]]:
        """Type, detail, whether it is machine time, and amount."""
        yield "lot_size", "lot_size", False, self.lot_size
        if self.mix is not None:
            yield "quantity", "material_mix", False, self.mix
            yield "quantity", "material_yield", False, self.quantity - self.mix
        else:
            yield "quantity", self._of_quantity(), self.is_machine_time, self.quantity - self.scrap
            yield "quantity", "material_scrap", False, self.scrap
        yield "price", self._of_price(), False, self.price
        yield "substitution", "substitution", False, self.substitution

    def _of_quantity(self) -> str:
        if self.is_overhead:
            return "overhead_efficiency" if self.driver in TIMES else "overhead_usage"
        if self.driver == "run_time":
            return "labour_efficiency" if self.group == LABOUR else "machine_efficiency"
        return {
            "subcontract": "subcontract_quantity",
            "material": "material_usage",
            "piece": "piece_quantity",
            "setup_time": "setup_efficiency",
        }[self.driver]

    def _of_price(self) -> str:
        if self.is_overhead:
            return "overhead_spending"
        if self.driver in ("subcontract", "material"):
            return f"{self.driver}_price"
        return "labour_rate" if self.group == LABOUR else "machine_rate"


@dataclass
class CostVariances:
    """One order."""

    order: OrderCosts

    @cached_property
    def explained(self) -> list[Explained]:
        """Each line of the card, and each thing used that it does not know."""
        used: defaultdict[Key, list[Actual]] = defaultdict(list)
        substitutes: defaultdict[Key, Fraction] = defaultdict(Fraction)
        for line in self.order.actual:
            used[line.key].append(line)
            if line.replaced is not None:
                item, group = line.replaced
                substitutes[line.operation, group, line.driver, item] += line.quantity
        begun = {line.operation for line in self.order.actual}
        found = [
            self._explain(line, used[line.key], substitutes[line.key])
            for line in self.order.card
            if self.order.is_final
            or line.operation in begun
            or self.order.basis(line.operation) > 0
        ]
        self._mix(found)
        known = {line.key for line in self.order.card}
        for key, lines in used.items():
            if key not in known and lines:
                cost = sum((line.amount for line in lines), Fraction(0))
                found.append(Explained(*key, lines[0].is_overhead, actual=cost, substitution=cost))
        return found

    def _mix(self, lines: list[Explained]) -> None:
        """Say of a process order how the materials of one unit were mixed."""
        mixtures: defaultdict[str, list[Explained]] = defaultdict(list)
        for each in lines if self.order.row.get("mode") == "process" else ():
            if each.driver == "material" and not each.is_overhead:
                mixtures[self.order.cards.items[each.line_id]["unit"]].append(each)
        for mixture in mixtures.values():
            used = sum((each.mixed_quantity for each in mixture), Fraction(0))
            allowed = sum((each.allowed_quantity for each in mixture), Fraction(0))
            for each in mixture if len(mixture) > 1 and allowed > 0 else ():
                assert each.line is not None, "a line of the card"
                share = each.allowed_quantity / allowed
                each.mix = (each.mixed_quantity - used * share) * each.line.price

    def _scrapped_from(self, operation: str | None) -> Fraction:
        """Pieces that were scrapped at an operation or later on; without one anywhere."""
        parts = self.order.pieces
        if operation is None:
            return sum((each.scrap for each in parts.values()), Fraction(0))
        own = parts[operation]
        if own.sequence < 0:
            return own.scrap
        return sum(
            (
                each.scrap
                for name, each in parts.items()
                if each.sequence >= 0 and (each.sequence, name) >= (own.sequence, operation)
            ),
            Fraction(0),
        )

    def _explain(self, line: Line, used: list[Actual], substitutes: Fraction) -> Explained:
        basis = self.order.basis(line.operation)
        lot = basis if self.order.is_final else max(number(self.order.row["order_quantity"]), basis)
        quantity = sum((each.quantity for each in used), Fraction(0))
        cost = sum((each.amount for each in used), Fraction(0))
        allowed = rounded(line.variable * basis, 9) + line.constant
        replaced = max(min(substitutes, allowed - quantity), Fraction(0))
        constant = line.constant_unit_cost
        standard = amount(quantity, line.price, line.driver)
        of_replaced = amount(replaced, line.price, line.driver)
        of_allowed = amount(allowed, line.price, line.driver)
        lot_size = amount(line.constant, line.price, line.driver) - lot * constant
        excess = standard + of_replaced - of_allowed
        scrap = Fraction(0)
        if line.driver == "material" and not line.is_overhead:
            bad = self._scrapped_from(line.operation)
            scrap = min(bad * line.variable * line.price, max(excess, Fraction(0)))
        return Explained(
            *line.key,
            line.is_overhead,
            is_machine_time=self._is_machine_time(line, quantity),
            actual=cost,
            allowed=of_allowed,
            absorbed=basis * (line.unit_cost - constant) + lot * constant,
            lot_size=lot_size if line.constant else Fraction(0),
            quantity=excess,
            price=cost - standard,
            substitution=-of_replaced,
            scrap=scrap,
            mixed_quantity=quantity + replaced,
            allowed_quantity=allowed,
            line=line,
        )

    def _is_machine_time(self, line: Line, quantity: Fraction) -> bool:
        """Whether all that the line used is what machines told of the operation."""
        told = [each for each in self.order.machine_time if each.operation == line.operation]
        booked = any(
            each.source == "booked"
            and (each.operation, each.group, each.line_id)
            == (line.operation, line.group, line.line_id)
            for each in self.order.actual
        )
        seconds = sum((each.seconds for each in told if each.driver == line.driver), Fraction(0))
        return line.driver in TIMES and bool(told) and not booked and quantity == seconds

    def costs(self) -> dict[tuple[str | None, str, str], Fraction]:
        """By operation, cost group and basis."""
        found: defaultdict[tuple[str | None, str, str], Fraction] = defaultdict(Fraction)
        for each in self.explained:
            found[each.operation, each.group, "actual"] += each.actual
            found[each.operation, each.group, "absorbed"] += each.absorbed
            found[each.operation, each.group, "standard"] += each.allowed
        for line in self.order.own_card:
            quantity = line.variable * number(self.order.row["order_quantity"]) + line.constant
            cost = amount(quantity, line.price, line.driver)
            found[line.operation, line.group, "estimate"] += cost
        return dict(found)

    def products(self) -> dict[tuple[str, str], Fraction]:
        """Actual cost by product and cost group, of an order that makes several."""
        delivered = self.order.delivered
        total = sum((share * quantity for share, quantity in delivered.values()), Fraction(0))
        found: defaultdict[tuple[str, str], Fraction] = defaultdict(Fraction)
        for (_, group, basis), cost in self.costs().items():
            for item, (share, quantity) in delivered.items() if basis == "actual" else ():
                of_all = share * quantity / total if total else item == self.order.row["item_id"]
                found[item, group] += cost * of_all
        return dict(found)

    def variances(self) -> dict[tuple[str | None, str, str, str, bool], Fraction]:
        """By operation, cost group, type, detail, and whether machine time tells it."""
        found: defaultdict[tuple[str | None, str, str, str, bool], Fraction] = defaultdict(Fraction)
        for each in self.explained:
            for kind, detail, is_machine_time, cost in each.parts():
                found[each.operation, each.group, kind, detail, is_machine_time] += cost
        return dict(found)

    def machine_rates(self) -> dict[tuple[str | None, ...], Fraction]:
        """What dearer hours of machines cost, by operation, cost group and work unit."""
        prices = {line.key: line.price for line in self.order.card if not line.is_overhead}
        spent: defaultdict[tuple[str, str], Fraction] = defaultdict(Fraction)
        for each in self.order.machine_time:
            spent[each.operation, each.work_unit or ""] += each.seconds
        found: defaultdict[tuple[str | None, ...], Fraction] = defaultdict(Fraction)
        for each, group, rate in self.order.charged:
            price = prices.get((each.operation, group, each.driver, group))
            if each.source != "machine" or price is None or group == LABOUR:
                continue
            units = {unit: spent[name, unit] for name, unit in spent if name == each.operation}
            place = each.work_unit if each.driver == "run_time" else _longest(units)
            found[each.operation, group, place] += amount(each.seconds, rate - price, each.driver)
        return dict(found)

    # ---------- losses

    def losses(self) -> dict[LossKey, tuple[Fraction, Fraction]]:
        """Seconds and money by operation, work unit, category, detail, cause and reason."""
        found: defaultdict[LossKey, Fraction] = defaultdict(Fraction)
        rates: dict[tuple[str, str], Fraction] = {}
        for name, planned in self.order.route.items():
            lines = [each for each in self.explained if each.operation == name]
            timed = [each.line for each in lines if each.is_machine_time and each.line]
            if not timed:
                continue
            for line in timed:
                rates[name, line.driver] = rates.get((name, line.driver), Fraction(0)) + line.price
            for key, seconds in self._lost(planned).items():
                found[key] += seconds
        priced = {}
        for key, seconds in found.items():
            driver = "setup_time" if key[3] == "setup" else "run_time"
            price = rates.get((str(key[0]), driver))
            if seconds and price is not None:
                priced[key] = seconds, amount(seconds, price, driver)
        return priced

    def _lost(self, planned: Operation) -> dict[LossKey, Fraction]:
        """Seconds of one operation."""
        name = planned.operation
        uses = [each for each in self.order.uses if each.operation == name]
        counts = [
            each for each in self._of_machines(self.order.works.counts_of) if each.operation == name
        ]
        found: defaultdict[LossKey, Fraction] = defaultdict(Fraction)
        spent: defaultdict[str, Fraction] = defaultdict(Fraction)
        setup = -planned.setup_s
        for use in uses:
            seconds = Fraction(use.ended_at - use.started_at, SECOND_US)
            spent[use.work_unit] += seconds
            if use.category == "setup":
                setup += seconds
            else:
                found[_loss_of(use)] += seconds
        missing = -self.order.basis(name) * planned.run_s
        for count in counts:
            spent[count.work_unit] += 0
            ideal = count.produced * planned.planned_run_s
            good = (count.produced - count.scrap) * planned.run_s
            missing += good
            found[name, count.work_unit, *_SLOW] -= ideal
            found[name, count.work_unit, "quality", "rejects", None, None] += ideal - good
        place = _longest(spent)
        found[name, place, "quality", "not_delivered", None, None] += missing
        found[name, place, "setup", "setup", None, None] += setup
        return found

    def _of_machines(self, facts: dict[str, list[Fact]]) -> list[Fact]:
        return facts.get(self.order.name, [])

    # ---------- work in process

    def work_in_process(self) -> dict[tuple[str, str], Fraction]:
        """By period and cost group what is in process at its end, before rounding."""
        if not self.order.actual:
            return {}
        edges = [Period(BEFORE, _EVER), *self.order.works.periods]
        starts = [period.starts_at for period in edges]
        first = bisect_right(starts, min(line.at for line in self.order.actual)) - 1
        last = bisect_right(starts, self.order.known_at) - 1
        last = max(last, bisect_right(starts, max(line.at for line in self.order.actual)) - 1)
        known = bisect_right(starts, self.order.known_at) - 1
        groups = {line.group for line in self.order.card} | {
            line.group for line in self.order.actual
        }
        unit_costs: defaultdict[str, Fraction] = defaultdict(Fraction)
        for line in self.order.card:
            unit_costs[line.group] += line.unit_cost
        found = {}
        for number_, period in list(enumerate(edges))[first : last + 1]:
            ends = starts[number_ + 1] if number_ + 1 < len(starts) else _NEVER
            output = self.order.output_before(ends)
            for group in groups:
                spent = sum(
                    (
                        line.amount
                        for line in self.order.actual
                        if line.group == group and line.at < ends
                    ),
                    Fraction(0),
                )
                is_ended = self.order.is_final and number_ >= known
                left = spent - output * unit_costs[group]
                found[period.period_id, group] = Fraction(0) if is_ended else left
        return found


_SLOW = ("performance", "reduced_speed", None, None)


def _longest(spent: Mapping[str, Fraction]) -> str:
    """The work unit at which an operation took longest."""
    return max(spent, key=lambda unit: (spent[unit], unit))


def _loss_of(use: Use) -> LossKey:
    """As what a time counts that is not setup."""
    if use.category == "production":
        return use.operation, use.work_unit, *_SLOW
    if use.category == "unknown":
        return use.operation, use.work_unit, "uncovered", "uncovered", None, None
    detail = "minor_stop" if use.is_minor else "stop"
    return use.operation, use.work_unit, use.loss_category, detail, use.cause, use.reason
