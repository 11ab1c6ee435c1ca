"""Standard costs a second time: cost cards from the business files, by the rules of docs/costs.md.

Belongs here: what a unit should cost. How it is made is in `recipes`, what orders did cost in
`order_costs`. Times are µs.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

from tests.oracle.cost_lines import Line, Operation, Part, Product, amount, rounded
from tests.oracle.cost_versions import holds, nearest
from tests.oracle.recipes import Recipes
from tests.oracle.shift_calendar import Row

_DRIVERS = {"setup": "setup_time", "run": "run_time", "quantity": "piece"}


@dataclass
class CostCards(Recipes):
    """The cost cards of all items of a folder of business files, by costing version."""

    _cards: dict[tuple[str, str], list[Line]] = field(default_factory=dict)

    def card(self, version: str, item: str) -> list[Line]:
        """The cost card of a made item, one level deep."""
        if (version, item) not in self._cards:
            direct = [*self._component_lines(version, item), *self._operation_lines(version, item)]
            self._cards[version, item] = direct + list(self._overhead_lines(version, item, direct))
        return self._cards[version, item]

    def _component_lines(self, version: str, item: str) -> Iterable[Line]:
        route, lot = self.route(version, item), self.lot(version, item)
        for (component, operation), (per_unit, per_lot) in self.components(version, item).items():
            started = route[operation].pieces_started if operation in route else Fraction(1)
            variable = rounded(per_unit * started, 9)
            quantity = variable + rounded(per_lot / lot, 9)
            is_made = self.is_made(version, component)
            parts = self.rolled_up(version, component)
            if not is_made and not parts:
                continue
            yield Line(
                operation,
                self.group_of(component),
                "material",
                component,
                False,
                is_made,
                variable,
                per_lot,
                sum(parts.values(), Fraction(0)),
                sum((rounded(quantity * cost, 6) for cost in parts.values()), Fraction(0)),
            )

    def _operation_lines(self, version: str, item: str) -> Iterable[Line]:
        lot = self.lot(version, item)
        for operation in self.route(version, item).values():
            lines = []
            for (category, kind), rate in operation.rates.items():
                variable = {"run": operation.run_s, "quantity": Fraction(1)}.get(kind, Fraction(0))
                constant = operation.setup_s if kind == "setup" else Fraction(0)
                driver = _DRIVERS[kind]
                cost = rounded(amount(variable + constant / lot, rate, driver), 6)
                lines.append(
                    Line(
                        operation.operation,
                        category,
                        driver,
                        category,
                        False,
                        False,
                        variable,
                        constant,
                        rate,
                        cost,
                    )
                )
            if operation.is_subcontract and lines:
                price = sum((line.unit_cost for line in lines), Fraction(0))
                yield Line(
                    operation.operation,
                    "subcontract",
                    "subcontract",
                    "subcontract",
                    False,
                    False,
                    Fraction(1),
                    Fraction(0),
                    price,
                    price,
                )
            elif not operation.is_subcontract:
                yield from lines

    def _overhead_lines(self, version: str, item: str, direct: list[Line]) -> Iterable[Line]:
        for overhead, base, rate in self.overheads(version, "surcharge"):
            for line in direct:
                if not line.is_made and base in (None, line.group):
                    yield line._replace(
                        group=overhead,
                        line_id=f"{line.group}/{line.line_id}",
                        is_overhead=True,
                        price=rounded(line.price * rate, 9),
                        unit_cost=rounded(line.unit_cost * rate, 6),
                    )
        for overhead, base, rate in self.overheads(version, "per_hour"):
            for operation in self.route(version, item).values():
                categories = {name for name, _ in operation.rates}
                if not operation.is_subcontract and (base is None or base in categories):
                    yield from self._hourly_lines(version, item, operation, (overhead, base, rate))
        for overhead, base, rate in self.overheads(version, "per_unit"):
            if base in (None, self.items[item]["item_group_id"] or "no group"):
                none = Fraction(0)
                yield Line(
                    None, overhead, "piece", base or "", True, False, Fraction(1), none, rate, rate
                )

    def _hourly_lines(
        self,
        version: str,
        item: str,
        operation: Operation,
        formula: tuple[str, str | None, Fraction],
    ) -> Iterable[Line]:
        overhead, base, rate = formula
        for driver, variable, constant in (
            ("run_time", operation.run_s, Fraction(0)),
            ("setup_time", Fraction(0), operation.setup_s),
        ):
            seconds = variable + constant / self.lot(version, item)
            cost = rounded(amount(seconds, rate, driver), 6)
            key = operation.operation, overhead, driver, base or ""
            yield Line(*key, True, False, variable, constant, rate, cost)

    @cache  # noqa: B019 - lives as long as the proof
    def process(self, version: str, item: str) -> list[Part]:
        """All that a unit of a made item costs, whatever is made beside it."""
        found: defaultdict[tuple[str, str | None, str, str, str], Fraction] = defaultdict(Fraction)
        for line in self.card(version, item):
            if line.is_made and not line.is_overhead:
                quantity = line.variable + rounded(line.constant / self.lot(version, item), 9)
                for group, cost in self.rolled_up(version, line.line_id).items():
                    key = line.line_id, line.operation, group, line.group, "component"
                    found[key] += rounded(quantity * cost, 6)
                continue
            kind = "overhead" if line.is_overhead else line.driver
            part = line.line_id if kind == "material" else ""
            kind = kind if kind in ("overhead", "material") else "operation"
            found[part, line.operation, line.group, line.group, kind] += line.unit_cost
        return [Part(group, single, cost) for (_, _, group, single, _), cost in found.items()]

    def parts(self, version: str, item: str) -> list[Part]:
        """What a unit of an item costs, each part rounded: of a process what it bears of it."""
        process = self.process_of(version, item)
        if process is not None:
            share = {each.item: each.share for each in self.products(version, process)}[item]
            borne = self.process(version, process)
            single = self.group_of(process)
            return [Part(each.group, single, rounded(share * each.cost, 6)) for each in borne]
        if not self.is_made(version, item):
            cost = self.stated(version, item, "unit_cost")
            group = self.group_of(item)
            return [] if cost is None else [Part(group, group, cost)]
        left = self.left(version, item)
        return [
            each._replace(cost=rounded(left * each.cost, 6)) for each in self.process(version, item)
        ]

    def left(self, version: str, item: str) -> Fraction:
        """What of its process an item bears: what its co-products leave."""
        products = self.products(version, item)
        beside = sum((each.share * each.quantity for each in products), Fraction(0))
        return max(rounded(1 - beside, 9), Fraction(0))

    @cache  # noqa: B019 - lives as long as the proof
    def rolled_up(self, version: str, item: str) -> dict[str, Fraction]:
        """By cost group what a unit costs, made components in the groups they consist of."""
        found: defaultdict[str, Fraction] = defaultdict(Fraction)
        for part in self.parts(version, item):
            found[part.group] += part.cost
        return dict(found)

    def single(self, version: str, item: str) -> dict[str, Fraction]:
        """By cost group what a unit costs, made components as a whole."""
        found: defaultdict[str, Fraction] = defaultdict(Fraction)
        for part in self.parts(version, item):
            found[part.single_group] += part.cost
        return dict(found)

    def standard_costs(self) -> dict[tuple[str, str, str, str], Fraction]:
        """By version, item, cost group and level, of every item that has any."""
        return {
            (version, item, group, level): cost
            for version in self.versions
            for item in self.items
            for level, costs in (
                ("single", self.single(version, item)),
                ("rolled_up", self.rolled_up(version, item)),
            )
            for group, cost in costs.items()
        }

    @cache  # noqa: B019 - lives as long as the proof
    def products(self, version: str, item: str) -> list[Product]:
        """The co-products of an item."""
        lines = [
            row
            for row in self._rows_then(version, "bom_line", item)
            if row.get("line_type") == "co_product"
        ]
        quantities = {row["component_item_id"]: Fraction(row["quantity_per"]) for row in lines}
        if self.items[item].get("joint_cost_method") == "manual":
            return [
                Product(name, quantity, rounded(Fraction(row["cost_share_ratio"]) / quantity, 9))
                for row, (name, quantity) in zip(lines, quantities.items(), strict=True)
            ]
        weights = {name: self._weight(version, item, name) for name in (item, *quantities)}
        weighed = {name: weights[name] for name in quantities}
        total = sum(
            ((weights[name] or 0) * quantities.get(name, 1) for name in weights), Fraction(0)
        )
        if None in weights.values() or not total:
            return [Product(name, quantity, Fraction(0)) for name, quantity in quantities.items()]
        return [
            Product(name, quantities[name], rounded((weight or 0) / total, 9))
            for name, weight in weighed.items()
        ]

    def _weight(self, version: str, main: str, product: str) -> Fraction | None:
        method = self.items[main].get("joint_cost_method") or "tca"
        price = self.stated(version, product, "sales_price")
        apart = self.stated(version, product, "separable_unit_cost") or Fraction(0)
        return {
            "physical": Fraction(1),
            "sales_value": price,
            "nrv": None if price is None else max(price - apart, Fraction(0)),
            "tca": self.stated(version, product, "unit_cost"),
        }[method]

    def group_of(self, item: str) -> str:
        """The cost group of an item's cost."""
        return self.items[item]["cost_group_id"] or "material"

    __hash__ = object.__hash__


@dataclass
class OwnCard(CostCards):
    """The cost card of an item by the versions that an order of it names; all else is the item's.

    Of a version that is not known, and of the one that the item's card has, the item's.
    """

    base: CostCards = field(kw_only=True)
    item: str = field(kw_only=True)
    named: dict[str, str | None] = field(kw_only=True)
    """Version by table."""
    at: int = field(kw_only=True)
    """When the order was costed."""

    def _rows_then(self, version: str, table: str, item: str) -> list[Row]:
        column = "bom_version" if table == "bom_line" else "route_version"
        of_card = self.base._rows_then(version, table, item)
        named = [
            row
            for row in self._by_item(table)[item]
            if item == self.item and row[column] == self.named[table]
        ]
        if not named or any(row[column] == self.named[table] for row in of_card):
            return of_card
        moment = min(
            (nearest(row, self.at) for row in named), key=lambda at: (abs(at - self.at), at)
        )
        return [row for row in named if holds(row, moment)]

    @cache  # noqa: B019 - lives as long as the proof
    def rolled_up(self, version: str, item: str) -> dict[str, Fraction]:
        """By cost group what a unit costs, by the items' own cards."""
        return self.base.rolled_up(version, item)

    def is_made(self, version: str, item: str) -> bool:
        """Whether an item is made by its own card."""
        return self.base.is_made(version, item)

    __hash__ = object.__hash__
