"""What orders used and what that cost, by the rules of docs/costs.md, in fractions. Times are µs.

Belongs here: actual costs of an order. Its pieces and its time are in `order_pieces` and
`order_time`, why it cost that in `cost_variances`, what a unit should cost in `cost_cards`.
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property, partial
from typing import NamedTuple

from tests.oracle.cost_facts import Measure, Works
from tests.oracle.cost_lines import LABOUR, Line, amount, crew_rate, number, rounded
from tests.oracle.cost_versions import begin, holds
from tests.oracle.order_time import OrderTime, Spent
from tests.oracle.shift_calendar import Row, instant, rows

Key = tuple[str | None, str, str, str]
"""Of a line of a card: operation, cost group, driver, line."""


class Actual(NamedTuple):
    """Something that an order used, and what it cost then."""

    operation: str | None
    group: str
    driver: str
    line_id: str
    is_overhead: bool
    source: str
    at: int
    quantity: Fraction
    amount: Fraction
    replaced: tuple[str, str] | None = None

    @property
    def key(self) -> Key:
        """The line of the card on which it stands."""
        return self.operation, self.group, self.driver, self.line_id


class OrderCosts(OrderTime):
    """One order and what it cost."""

    def _rates(
        self, unit: str | None, moment: int, category: str | None
    ) -> dict[tuple[str, str], Fraction]:
        version = self.cards.site_version(self.row["site_id"], moment)
        return self.cards.rates(version, unit, moment, category)

    def _planned_at(self, operation: str, unit: str | None) -> Row | None:
        """The row of the route that says how an operation is paid for at a work unit."""
        known = [
            row
            for row in rows(self.cards.folder, "routing_operation")
            if (row["item_id"], row["operation_id"]) == (self.row["item_id"], operation)
        ]
        return max(
            known,
            key=lambda row: (
                row["route_version"] == self.row["route_version"],
                holds(row, self.costed_at),
                (row["work_unit_id"] == unit) * 2 + (row["work_unit_id"] == ""),
                begin(row),
                row["route_version"],
                row["work_unit_id"],
            ),
            default=None,
        )

    @cached_property
    def charged(self) -> list[tuple[Spent, str, Fraction]]:
        """Time by the cost category that it is charged in, at its rate per hour."""
        found = []
        booked = {(each[0], each[1]) for each in self.works.booked.get(self.name, [])}
        for spent in self.time:
            row = self._planned_at(spent.operation, spent.work_unit)
            if row and row["is_subcontract"] == "true":
                continue
            category = (row["cost_category_id"] or None) if row else None
            crew = Fraction(row["crew_size"]) if row and row["crew_size"] else None
            for (name, kind), rate in self._rates(spent.work_unit, spent.at, category).items():
                is_kind = spent.driver == {"setup": "setup_time", "run": "run_time"}.get(kind)
                if is_kind and (spent.operation, name) not in booked:
                    found.append((spent, name, crew_rate(rate, name, crew)))
        for operation, category, driver, start, _, share in self.works.booked.get(self.name, []):
            unit = self._unit_of(operation)
            kind = driver.removesuffix("_time")
            rate = self._rates(unit, start, category).get((category, kind), Fraction(0))
            row = self._planned_at(operation, unit)
            crew = Fraction(row["crew_size"]) if row and row["crew_size"] else Fraction(0)
            # A crew of two that worked an hour each spent one hour on the operation.
            heads = crew if crew and category == LABOUR else Fraction(1)
            spent = Spent(operation, unit, driver, start, share / heads, "booked")
            found.append((spent, category, rate * heads))
        return found

    @cached_property
    def actual(self) -> list[Actual]:
        """All that it used, overheads too."""
        direct = [*self._times(), *self._vendors(), *self._by_the_piece(), *self._material()]
        found = [*direct, *self._surcharges(direct), *self._hourly(), *self._per_unit()]
        end = self.known_at if self.is_final else None
        return [line._replace(at=min(line.at, end)) if end is not None else line for line in found]

    def _times(self) -> Iterator[Actual]:
        for spent, category, rate in self.charged:
            cost = amount(spent.seconds, rate, spent.driver)
            yield Actual(
                spent.operation,
                category,
                spent.driver,
                category,
                False,
                spent.source,
                spent.at,
                spent.seconds,
                cost,
            )

    def _in_currency(self, row: Row, moment: int) -> Fraction | None:
        """The price of a row in the order's currency."""
        if not row["unit_price"]:
            return None
        own = self.cards.versions[self.version]["currency"]
        price = Fraction(row["unit_price"])
        if row["currency"] in ("", own):
            return price
        worth, own_worth = (self.works.worth(each, moment) for each in (row["currency"], own))
        assert worth is not None, "files without a rate are refused"
        return None if own_worth is None else rounded(price * worth / own_worth, 6)

    def _vendors(self) -> Iterator[Actual]:
        standard = {
            line.operation: line for line in self.card if line.key[1:3] == ("subcontract",) * 2
        }
        for row in self.works.receipts.get(self.name, []):
            at, quantity = instant(row["received_at"]), number(row["quantity"])
            price = self._in_currency(row, at)
            if price is None:
                line = standard.get(row["operation_id"])
                price = line.price if line else Fraction(0)
            yield Actual(
                row["operation_id"],
                "subcontract",
                "subcontract",
                "subcontract",
                False,
                "received",
                at,
                quantity,
                quantity * price,
            )

    def _by_the_piece(self) -> Iterator[Actual]:
        received = {row["operation_id"] for row in self.works.receipts.get(self.name, [])}
        for line in self.own_card:
            if line.driver not in ("piece", "subcontract") or line.is_overhead:
                continue
            assert line.operation is not None
            if line.driver == "subcontract" and line.operation in received:
                continue
            told = str(self.pieces[line.operation].source)
            source = "accrued" if line.driver == "subcontract" else told
            paid = partial(self._paid_before, operation=line.operation)
            for at, pieces in self._as_pieces_came(paid):
                cost = pieces * self._piece_price(line, line.operation, at)
                yield Actual(*line.key, False, source, at, pieces, cost)

    def _piece_price(self, line: Line, operation: str, moment: int) -> Fraction:
        if line.driver == "piece":
            rates = self._rates(self._unit_of(operation), moment, line.line_id)
            if (line.line_id, "quantity") in rates:
                crew = self.own_route[operation].crew
                return crew_rate(rates[line.line_id, "quantity"], line.line_id, crew)
        return line.price

    def _material(self) -> Iterator[Actual]:
        card = [line for line in self.card if line.driver == "material" and not line.is_overhead]
        movements = [
            row for row in self.works.movements.get(self.name, []) if row.get("is_output") != "true"
        ]
        for row in movements:
            yield self._moved(row, card)
        issued = {row[name] for row in movements for name in ("item_id", "replaces_item_id")}
        measures = [
            each for each in self.works.measures_of.get(self.name, []) if each.item not in issued
        ]
        for measure in measures:
            yield self._measured(measure, card)
        if not movements:
            measured = {measure.item for measure in measures}
            for line in self.own_card:
                is_reckoned = line.driver == "material" and line.line_id not in measured
                if is_reckoned and not line.is_overhead:
                    for at, quantity in self._flushed(line.operation, line.variable, line.constant):
                        cost = quantity * line.price
                        yield Actual(*line.key, False, "backflushed", at, quantity, cost)

    def _measured(self, measure: Measure, card: list[Line]) -> Actual:
        standard = self.cards.rolled_up(self.version, measure.item)
        line = _line_of(card, measure.item, measure.operation)
        key = (
            line.key
            if line
            else (measure.operation, self.cards.group_of(measure.item), "material", measure.item)
        )
        cost = measure.quantity * sum(standard.values(), Fraction(0))
        return Actual(*key, False, "measured", measure.at, measure.quantity, cost)

    def _moved(self, row: Row, card: list[Line]) -> Actual:
        at, item, operation = instant(row["moved_at"]), row["item_id"], row["operation_id"] or None
        quantity = number(row["quantity"]) * (-1 if row["is_return"] == "true" else 1)
        standard = self.cards.rolled_up(self.version, item)
        price, paid = sum(standard.values(), Fraction(0)), self._in_currency(row, at)
        is_at_use = self.cards.settings.material_price_variance == "at_use"
        if paid is not None and (is_at_use or not standard):
            price = paid
        cost = quantity * price
        line = _line_of(card, item, operation)
        if line is not None:
            return Actual(*line.key, False, "issued", at, quantity, cost)
        group = self.cards.group_of(item)
        replaced = _line_of(card, row["replaces_item_id"], operation)
        if replaced is None:
            return Actual(operation, group, "material", item, False, "issued", at, quantity, cost)
        return Actual(
            replaced.operation,
            group,
            "material",
            item,
            False,
            "issued",
            at,
            quantity,
            cost,
            (replaced.line_id, replaced.group),
        )

    def _formulas(self, kind: str, moment: int) -> list[tuple[str, str | None, Fraction]]:
        return self.cards.overheads(self.cards.site_version(self.row["site_id"], moment), kind)

    def _surcharges(self, direct: list[Actual]) -> Iterator[Actual]:
        for line in direct:
            if line.driver == "material" and self.cards.is_made(self.version, line.line_id):
                continue
            for overhead, base, rate in self._formulas("surcharge", line.at):
                if base in (None, line.group):
                    replaced = line.replaced and (
                        f"{line.replaced[1]}/{line.replaced[0]}",
                        overhead,
                    )
                    yield line._replace(
                        group=overhead,
                        line_id=f"{line.group}/{line.line_id}",
                        is_overhead=True,
                        amount=line.amount * rate,
                        replaced=replaced or None,
                    )

    def _hourly(self) -> Iterator[Actual]:
        hours = [*self._own_hours(), *self._hours_by_category()]
        for spent, category in hours:
            for overhead, base, rate in self._formulas("per_hour", spent.at):
                if base == category:
                    cost = amount(spent.seconds, rate, spent.driver)
                    yield Actual(
                        spent.operation,
                        overhead,
                        spent.driver,
                        base or "",
                        True,
                        spent.source,
                        spent.at,
                        spent.seconds,
                        cost,
                    )

    def _own_hours(self) -> Iterator[tuple[Spent, str | None]]:
        for spent in self.time:
            if not self._is_vendors(spent):
                yield spent, None

    def _hours_by_category(self) -> Iterator[tuple[Spent, str | None]]:
        """Hours of an operation once per category that pays for it, or what was booked in that."""
        booked = {(each[0], each[1]) for each in self.works.booked.get(self.name, [])}
        for spent, _ in self._own_hours():
            row = self._planned_at(spent.operation, spent.work_unit)
            category = (row["cost_category_id"] or None) if row else None
            rates = self._rates(spent.work_unit, spent.at, category)
            for name in {name for name, _ in rates}:
                if (spent.operation, name) not in booked:
                    yield spent, name
        for spent, name, _ in self.charged:
            if (spent.operation, name) in booked:
                yield spent, name

    def _is_vendors(self, spent: Spent) -> bool:
        row = self._planned_at(spent.operation, spent.work_unit)
        return row is not None and row["is_subcontract"] == "true"

    def _per_unit(self) -> Iterator[Actual]:
        group = self.cards.items[self.row["item_id"]]["item_group_id"] or "no group"
        for at, pieces in self._as_pieces_came(partial(self._basis_before, operation=None)):
            for overhead, base, rate in self._formulas("per_unit", at):
                if base in (None, group):
                    cost = pieces * rate
                    yield Actual(
                        None, overhead, "piece", base or "", True, "counted", at, pieces, cost
                    )


def orders(works: Works) -> dict[str, OrderCosts]:
    """Every order that can be costed."""
    found = (OrderCosts(works, row) for row in rows(works.cards.folder, "production_order"))
    return {order.name: order for order in found if order.version}


def _line_of(card: list[Line], item: str, operation: str | None) -> Line | None:
    """The line of an item: its own operation's before another's."""
    known = [line for line in card if line.line_id == item]
    own = [line for line in known if line.operation == operation]
    ranked = own or sorted(known, key=lambda line: (line.operation is None, line.operation or ""))
    return ranked[0] if ranked else None
