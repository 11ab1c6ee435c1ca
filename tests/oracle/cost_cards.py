"""Standard costs a second time: cost cards from the business files, by the rules of docs/costs.md.

Belongs here: what a unit should cost. What orders did cost is in `order_costs`. Times are µs.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

from takt.settings import CostSettings
from tests.oracle.shift_calendar import Row, instant, rows

LABOUR = "labour"
TIMES = ("setup_time", "run_time")
_DRIVERS = {"setup": "setup_time", "run": "run_time", "quantity": "piece"}
_EVER, _NEVER = -(10**18), 10**18
HOUR_S = 3600


class Line(NamedTuple):
    """A line of a cost card: quantities per unit and per lot, price per unit or hour."""

    operation: str | None
    group: str
    driver: str
    line_id: str
    is_overhead: bool
    is_made: bool
    variable: Fraction
    constant: Fraction
    price: Fraction
    unit_cost: Fraction

    @property
    def key(self) -> tuple[str | None, str, str, str]:
        """What makes it one line of its card."""
        return self.operation, self.group, self.driver, self.line_id

    @property
    def constant_unit_cost(self) -> Fraction:
        """A unit's share of what a lot needs."""
        if not self.constant:
            return Fraction(0)
        return self.unit_cost - rounded(amount(self.variable, self.price, self.driver), 6)


class Part(NamedTuple):
    """A part of what a unit of an item costs."""

    group: str
    single_group: str
    cost: Fraction


class Product(NamedTuple):
    """What a process makes beside its item: how much per unit, and how much a unit bears."""

    item: str
    quantity: Fraction
    share: Fraction


class Operation(NamedTuple):
    """What a route says of an operation in a costing version."""

    operation: str
    work_unit: str | None
    category: str | None
    crew: Fraction | None
    is_subcontract: bool
    pieces_started: Fraction
    planned_run_s: Fraction
    run_s: Fraction
    setup_s: Fraction
    rates: dict[tuple[str, str], Fraction]


def rounded(number: Fraction, places: int) -> Fraction:
    """To so many places, half away from zero."""
    scaled = abs(number) * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Fraction(whole if number >= 0 else -whole, 10**places)


def amount(quantity: Fraction, price: Fraction, driver: str) -> Fraction:
    """What a quantity of a line costs: time is in seconds, its price per hour."""
    return quantity * price / (HOUR_S if driver in TIMES else 1)


def number(text: str | None) -> Fraction:
    """Of a cell; an empty one is nought."""
    return Fraction(text) if text else Fraction(0)


def begin(row: Row) -> int:
    """When a row begins to hold."""
    return instant(row["valid_from"]) if row.get("valid_from") else _EVER


def holds(row: Row, moment: int) -> bool:
    """Whether a row holds at a moment."""
    ends = instant(row["valid_to"]) if row.get("valid_to") else _NEVER
    return begin(row) <= moment < ends


def _nearest(row: Row, moment: int) -> int:
    """The moment next to another at which a row holds."""
    ends = instant(row["valid_to"]) if row.get("valid_to") else _NEVER
    return max(min(moment, ends - 1), begin(row))


def _flag(text: str | None) -> bool:
    return text == "true"


@dataclass
class CostCards:
    """All costing versions of a folder of business files, evaluated `now` (µs)."""

    folder: Path
    now: int
    settings: CostSettings = field(default_factory=CostSettings)
    _cards: dict[tuple[str, str], list[Line]] = field(default_factory=dict)

    @cached_property
    def versions(self) -> dict[str, Row]:
        """Costing versions by id."""
        return {row["cost_version_id"]: row for row in rows(self.folder, "cost_version")}

    @cached_property
    def items(self) -> dict[str, Row]:
        """Items by id."""
        return {row["item_id"]: row for row in rows(self.folder, "item")}

    @cached_property
    def _rates(self) -> list[Row]:
        return rows(self.folder, "cost_rate")

    def chain(self, version: str | None) -> list[str]:
        """A version and those it falls back on, itself first."""
        found = []
        while version:
            found.append(version)
            version = self.versions[version]["fallback_version_id"]
        return found

    def site_version(self, site: str, moment: int) -> str | None:
        """The active standard version that a site has at a moment."""
        begun = [
            (begin(row), name)
            for name, row in self.versions.items()
            if row["site_id"] == site
            and (row["type"], row["status"]) == ("standard", "active")
            and begin(row) <= moment
        ]
        return max(begun)[1] if begun else None

    def costed_at(self, version: str) -> int:
        """As of when a version takes bills of material, routes and rates."""
        return begin(self.versions[version]) if self.versions[version]["valid_from"] else self.now

    def rates(
        self, version: str | None, unit: str | None, moment: int, category: str | None
    ) -> dict[tuple[str, str], Fraction]:
        """By category and kind what an hour or piece costs; of no category: of every one."""
        found: dict[tuple[str, str], tuple[tuple[int, bool, int], Fraction]] = {}
        for distance, looked_up in enumerate(self.chain(version)):
            for row in self._rates:
                if row["cost_version_id"] != looked_up or begin(row) > moment:
                    continue
                if row["work_unit_id"] not in ("", unit):
                    continue
                key = row["cost_category_id"] or "conversion", row["kind"]
                if category not in (None, key[0]):
                    continue
                rank = -distance, bool(row["work_unit_id"]), begin(row)
                if key not in found or rank > found[key][0]:
                    found[key] = rank, Fraction(row["rate"])
        return {key: rate for key, (_, rate) in found.items()}

    def overheads(self, version: str | None, kind: str) -> list[tuple[str, str | None, Fraction]]:
        """Overhead, base and rate of a kind; of each overhead those of the nearest version."""
        found: list[tuple[str, str | None, Fraction]] = []
        known: set[str] = set()
        for looked_up in self.chain(version):
            stated = [
                row
                for row in rows(self.folder, "overhead_formula")
                if row["cost_version_id"] == looked_up and row["overhead_id"] not in known
            ]
            known |= {row["overhead_id"] for row in stated}
            found += [
                (row["overhead_id"], row["base"] or None, Fraction(row["rate"]))
                for row in stated
                if row["kind"] == kind
            ]
        return found

    def stated(self, version: str, item: str, column: str) -> Fraction | None:
        """What the nearest version that says anything says of an item's cost or lot."""
        costs = self._item_costs
        for looked_up in self.chain(version):
            text = costs.get((looked_up, item), {}).get(column)
            if text:
                return Fraction(text)
        return None

    @cached_property
    def _item_costs(self) -> dict[tuple[str, str], Row]:
        return {
            (row["cost_version_id"], row["item_id"]): row for row in rows(self.folder, "item_cost")
        }

    def lot(self, version: str, item: str) -> Fraction:
        """The costing lot of an item."""
        return self.stated(version, item, "costing_lot_quantity") or Fraction(1)

    def is_made(self, version: str, item: str) -> bool:
        """Whether an item has a bill of material or a route then."""
        own = bool(self.components(version, item)) or bool(self.route(version, item))
        return own or self.process_of(version, item) is not None

    def group_of(self, item: str) -> str:
        """The cost group of an item's cost."""
        return self.items[item]["cost_group_id"] or "material"

    # ---------- bills of material

    def components(
        self, version: str, item: str
    ) -> dict[tuple[str, str | None], tuple[Fraction, Fraction]]:
        """By component and operation: quantity per unit and per lot, phantoms blown through."""
        if _flag(self.items[item]["is_phantom"]):
            return {}
        found: defaultdict[tuple[str, str | None], list[Fraction]] = defaultdict(
            lambda: [Fraction(0), Fraction(0)]
        )
        for line in self._blown_through(version, self._bom(version, item)):
            component, operation, per_unit, per_lot, _ = line
            found[component, operation][0] += per_unit
            found[component, operation][1] += per_lot
        return {key: (per_unit, per_lot) for key, (per_unit, per_lot) in found.items()}

    def _blown_through(
        self, version: str, lines: Iterable[tuple[str, str | None, Fraction, Fraction, bool]]
    ) -> list[tuple[str, str | None, Fraction, Fraction, bool]]:
        found = []
        for component, operation, per_unit, per_lot, is_phantom in lines:
            if not is_phantom:
                found.append((component, operation, per_unit, per_lot, False))
                continue
            below = [
                (
                    part,
                    operation,
                    rounded(per_unit * unit, 9),
                    rounded(per_lot * unit + lot, 9),
                    phantom,
                )
                for part, _, unit, lot, phantom in self._bom(version, component)
            ]
            found += self._blown_through(version, below)
        return found

    def _bom(
        self, version: str, item: str
    ) -> list[tuple[str, str | None, Fraction, Fraction, bool]]:
        return [
            (
                row["component_item_id"],
                row["operation_id"] or None,
                rounded(number(row["quantity_per"]) * (1 + number(row["scrap_ratio"])), 9),
                number(row["constant_quantity"]) + number(row["constant_scrap_quantity"]),
                (
                    _flag(row["is_phantom"])
                    or _flag(self.items[row["component_item_id"]]["is_phantom"])
                )
                and bool(self._rows_then(version, "bom_line", row["component_item_id"])),
            )
            for row in self._rows_then(version, "bom_line", item)
            if row.get("line_type", "") in ("", "component")
        ]

    def _rows_then(self, version: str, table: str, item: str) -> list[Row]:
        """The rows of the bill or route that holds then; of several the one that began last."""
        column = "bom_version" if table == "bom_line" else "route_version"
        of_item = self._by_item(table)[item]
        then = [row for row in of_item if holds(row, self.costed_at(version))]
        began = {
            name: min(begin(row) for row in of_item if row[column] == name)
            for name in {row[column] for row in then}
        }
        if not began:
            return []
        last = max((at, name) for name, at in began.items())[1]
        return [row for row in then if row[column] == last]

    @cache  # noqa: B019 - lives as long as the proof
    def _by_item(self, table: str) -> defaultdict[str, list[Row]]:
        found = defaultdict(list)
        for row in rows(self.folder, table):
            found[row["item_id"]].append(row)
        return found

    # ---------- routes

    @cache  # noqa: B019 - lives as long as the proof
    def route(self, version: str, item: str) -> dict[str, Operation]:
        """The operations of an item then, first to last."""
        if _flag(self.items[item]["is_phantom"]):
            return {}
        chosen: dict[str, Row] = {}
        # Of an operation's work units the first by name; any work unit comes last.
        for row in sorted(
            self._rows_then(version, "routing_operation", item),
            key=lambda row: (not row["work_unit_id"], row["work_unit_id"]),
        ):
            chosen.setdefault(row["operation_id"], row)
        found = {}
        started = Fraction(1)
        order = sorted(
            chosen.values(),
            key=lambda row: (int(row["sequence"]), row["operation_id"]),
            reverse=True,
        )
        for row in order:
            scrap = number(row["scrap_ratio"])
            if self.settings.operation_scrap == "of_pieces_started":
                started = rounded(started / (1 - scrap), 9)
            else:
                started = rounded(started * (1 + scrap), 9)
            found[row["operation_id"]] = self._operation(version, row, started)
        return dict(reversed(found.items()))

    def _operation(self, version: str, row: Row, started: Fraction) -> Operation:
        unit, category = row["work_unit_id"] or None, row["cost_category_id"] or None
        crew = Fraction(row["crew_size"]) if row["crew_size"] else None
        rates = self.rates(version, unit, self.costed_at(version), category)
        return Operation(
            row["operation_id"],
            unit,
            category,
            crew,
            _flag(row["is_subcontract"]),
            started,
            number(row["planned_run_s_per_unit"]),
            rounded(number(row["planned_run_s_per_unit"]) * started, 9),
            number(row["planned_setup_s"]),
            {key: crew_rate(rate, key[0], crew) for key, rate in rates.items()},
        )

    # ---------- cards

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

    # ---------- products of one process

    @cache  # noqa: B019 - lives as long as the proof
    def process_of(self, version: str, item: str) -> str | None:
        """The item beside which an item is made."""
        for main in self.items:
            for row in self._rows_then(version, "bom_line", main):
                if (row.get("line_type"), row["component_item_id"]) == ("co_product", item):
                    return main
        return None

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
            (_nearest(row, self.at) for row in named), key=lambda at: (abs(at - self.at), at)
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


def crew_rate(rate: Fraction, category: str, crew: Fraction | None) -> Fraction:
    """A rate of labour is a worker's."""
    return rate * crew if category == LABOUR and crew is not None else rate
