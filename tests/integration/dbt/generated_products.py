"""Items, what they are made of and how, and what they should cost, from a seed.

Belongs here: bills of material, routes and costing versions as business files.
"""

from collections.abc import Iterator
from random import Random

from tests.integration.dbt.generated_plant import UNITS, Generated, Row, decimal

CATEGORIES = ("machine", "labour", "energy")
CURRENCIES = ("EUR", "DKK")
_VERSION_STARTS = {
    "base": "2025-01-01T00:00:00Z",
    "spring": "2026-03-10T00:00:00Z",
    "shift": "2026-03-31T09:17:23.123457Z",
    "late": "2026-04-01T15:00:00.5Z",
}
JOINT = {"b0": ("co0", "co1"), "c1": ("co2",)}
"""Items whose process makes others beside them."""
METHODS = ("manual", "physical", "sales_value", "nrv", "tca", None)
COSTING_SHEET: tuple[Row, ...] = (
    {"line_id": "prime", "name": "Prime cost"},
    {"line_id": "goods", "parent_line_id": "prime", "name": "Goods", "cost_group_id": "resin"},
    {"line_id": "goods", "parent_line_id": "prime", "name": "Goods", "cost_group_id": "material"},
    {"line_id": "hours", "parent_line_id": "prime", "sequence": "1", "name": "Hours"},
    {"line_id": "labour", "parent_line_id": "hours", "name": "L", "cost_group_id": "labour"},
    {"line_id": "energy", "parent_line_id": "hours", "name": "E", "cost_group_id": "energy"},
    {"line_id": "works", "name": "Works", "cost_group_id": "factory"},
    {"line_id": "none", "name": "Nothing costs it", "cost_group_id": "none"},
)
"""A sheet of four levels that leaves cost groups out."""
_RATE_CHANGE = "2026-04-01T03:33:33.333333Z"
_ROUTE_CHANGE = "2026-03-20T00:00:00Z"
_FUTURE = "2026-06-01T00:00:00Z"


class Products:
    """Items, what they are made of, and how."""

    def __init__(self, works: Generated) -> None:
        self._works = works
        self._rng = works.rng
        self.bought = [f"raw{number}" for number in range(10)]
        self.substitutes = ["other0", "other1"]
        self.phantoms = ["set0", "set1"]
        self.made: dict[str, int] = {
            f"{'abcd'[level]}{number}": level for level in range(4) for number in range(3)
        }
        self.operations: dict[str, list[Row]] = {}
        self.lines: dict[str, list[Row]] = {}

    def make(self) -> None:
        files, rng = self._works.files, self._rng
        groups = {item: rng.choice(("resin", "steel", None)) for item in self.bought}
        files["item"] = [
            {
                "item_id": item,
                "name": item,
                "unit": "pcs",
                "item_group_id": rng.choice(("goods", "parts", None)),
                "cost_group_id": groups.get(item, "semi" if item in ("a0", "b1") else None),
                "is_phantom": "true" if item in (*self.phantoms, "empty_set") else None,
            }
            for item in (*self.bought, *self.substitutes, *self.phantoms, "empty_set", *self.made)
        ]
        self._make_joint(files["item"])
        for item, level in self.made.items():
            # One is bought complete and worked on, one is only put together.
            self.operations[item] = [] if item == "b2" else list(self._route(item))
            self.lines[item] = [] if item == "a2" else list(self._bom(item, level))
        for phantom in self.phantoms:
            self.lines[phantom] = list(self._bom(phantom, 0))
        products = [row for item in JOINT for row in self._further_lines(item)]
        files["bom_line"] = [row for lines in self.lines.values() for row in lines] + products
        files["routing_operation"] = [row for rows in self.operations.values() for row in rows]

    def _make_joint(self, items: list[Row]) -> None:
        for row in items:
            if row["item_id"] in JOINT:
                row["joint_cost_method"] = self._rng.choice(METHODS)
        products = (*(each for products in JOINT.values() for each in products), "waste")
        items.extend({"item_id": name, "name": name, "unit": "pcs"} for name in products)

    def _further_lines(self, item: str) -> Iterator[Row]:
        rng = self._rng
        for number, product in enumerate((*JOINT[item], "waste")):
            row: Row = {
                "item_id": item,
                "line_id": f"further{number}",
                "component_item_id": product,
                "line_type": "by_product" if product == "waste" else "co_product",
                "quantity_per": decimal(rng, 0.05, 3),
                "cost_share_ratio": decimal(rng, 0.1, 0.4),
            }
            if product == "waste":
                row["cost_share_ratio"] = None
            for line in {str(line["bom_version"]): line for line in self.lines[item]}.values():
                valid = {name: line.get(name) for name in ("valid_from", "valid_to")}
                yield row | {"bom_version": line["bom_version"]} | valid

    def worth(self) -> Iterator[Row]:
        """Cells of `item_cost` of joint products."""
        rng = self._rng
        for item in (*JOINT, *(each for products in JOINT.values() for each in products)):
            is_known = rng.random() < 0.95
            yield {
                "item_id": item,
                "unit_cost": decimal(rng, 0.5, 30) if is_known else None,
                "sales_price": decimal(rng, 2, 30) if is_known else None,
                "separable_unit_cost": decimal(rng, 0, 3) if rng.random() < 0.7 else None,
            }

    def _bom(self, item: str, level: int) -> Iterator[Row]:
        rng = self._rng
        below = [each for each, of_level in self.made.items() if of_level < level]
        parts = rng.sample(self.bought, rng.randint(1, 3)) + rng.sample(below, min(len(below), 2))
        if item == "set0":
            parts.append("set1")
        elif item != "set1":
            parts += rng.choice((["set0"], ["set1"], ["empty_set"], []))
        operations = [str(row["operation_id"]) for row in self.operations.get(item, [])]
        if item in ("c0", "d1"):
            parts.append("co0")
        for number, part in enumerate(parts):
            per_lot = rng.random() < 0.25
            row: Row = {
                "item_id": item,
                "bom_version": "1",
                "line_id": str(number),
                "component_item_id": part,
                "operation_id": rng.choice(
                    [*operations, None, "elsewhere" if level == 3 else None]
                ),
                "quantity_per": None if per_lot else decimal(rng, 0.01, 4),
                "constant_quantity": decimal(rng, 0.5, 9)
                if per_lot or rng.random() < 0.1
                else None,
                "scrap_ratio": decimal(rng, 0, 0.1) if rng.random() < 0.4 else None,
                "constant_scrap_quantity": decimal(rng, 0, 1) if per_lot else None,
                "is_phantom": "true" if part == "a1" and level == 2 else None,
            }
            is_changed = number == 0 and level in (0, 2)
            yield row | {"valid_to": _ROUTE_CHANGE if is_changed else None}
            if is_changed:
                changed = {"bom_version": "2", "quantity_per": decimal(rng, 0.01, 4)}
                yield row | changed | {"valid_from": _ROUTE_CHANGE}

    def _route(self, item: str) -> Iterator[Row]:
        rng = self._rng
        for number in range(rng.randint(1, 3)):
            is_vendors = number > 0 and rng.random() < 0.3
            row: Row = {
                "item_id": item,
                "route_version": "1",
                "operation_id": f"op{number}",
                "sequence": number * 10,
                "work_unit_id": rng.choice((None, *UNITS)),
                "planned_run_s_per_unit": decimal(rng, 5, 200) if rng.random() < 0.95 else None,
                "planned_setup_s": decimal(rng, 60, 2000) if rng.random() < 0.7 else None,
                "crew_size": rng.choice((None, None, "1", "2", "1.5")),
                "scrap_ratio": decimal(rng, 0, 0.08) if rng.random() < 0.4 else None,
                "cost_category_id": rng.choice(("machine", "machine", None, "labour", "nothing")),
                "is_subcontract": "true" if is_vendors else None,
                "is_inspection": "true" if Random(f"{item}/{number}").random() < 0.2 else None,
                "valid_to": _FUTURE if rng.random() < 0.2 else None,
            }
            yield row
            if row["valid_to"]:
                # What will be so does not change what has been.
                later = {"route_version": "2", "cost_category_id": "energy", "crew_size": "3"}
                yield row | later | {"valid_from": _FUTURE, "valid_to": None}
            if row["work_unit_id"] and rng.random() < 0.4:
                other = rng.choice([unit for unit in UNITS if unit != row["work_unit_id"]])
                category = rng.choice((row["cost_category_id"], "energy"))
                yield row | {
                    "work_unit_id": other,
                    "cost_category_id": category,
                    "planned_run_s_per_unit": decimal(rng, 5, 200),
                }


class Costs:
    """Costing versions and all that they state."""

    def __init__(self, works: Generated, products: Products) -> None:
        self._works = works
        self._rng = works.rng
        self._products = products

    def make(self) -> None:
        files = self._works.files
        files["cost_version"] = list(self._versions())
        files["cost_rate"] = list(self._rates())
        files["item_cost"] = list(self._items())
        self._state_worth(files["item_cost"])
        files["overhead_formula"] = list(self._overheads())
        files["exchange_rate"] = [
            {"currency": "EUR", "rate": "1"},
            {"currency": "DKK", "rate": "0.134"},
            {"currency": "USD", "rate": "0.9"},
            {"currency": "USD", "rate": "0.93125", "valid_from": "2026-03-31T11:00:00Z"},
            {"currency": "SEK", "rate": "0.087123"},
        ]

    def _versions(self) -> Iterator[Row]:
        currency = self._rng.choice(CURRENCIES)
        before = None
        for name, valid_from in _VERSION_STARTS.items():
            yield {
                "cost_version_id": name,
                "type": "standard",
                "site_id": "demo",
                "valid_from": valid_from,
                "status": "active",
                "fallback_version_id": before,
                "currency": currency,
            }
            before = self._rng.choice((name, before)) if before else name
        planned = {"type": "planned", "site_id": "demo", "status": "pending", "currency": currency}
        yield planned | {"cost_version_id": "plan", "fallback_version_id": "shift"}

    def _rates(self) -> Iterator[Row]:
        rng = self._rng
        for version in _VERSION_STARTS:
            for category in (*CATEGORIES, None):
                for kind in ("setup", "run", "quantity"):
                    for unit in (None, *UNITS[:2]):
                        # Hours of machines cost something anywhere.
                        is_needed = (version, unit, category) == ("base", None, "machine")
                        is_stated = rng.random() < (0.5 if unit is None else 0.2)
                        if not (is_needed and kind != "quantity") and not is_stated:
                            continue
                        row: Row = {
                            "cost_version_id": version,
                            "cost_category_id": category,
                            "work_unit_id": unit,
                            "kind": kind,
                        }
                        high = 3 if kind == "quantity" else 90
                        yield row | {"rate": decimal(rng, 0.5, high)}
                        if rng.random() < 0.3:
                            changed = {"rate": decimal(rng, 0.5, high), "valid_from": _RATE_CHANGE}
                            yield row | changed

    def _items(self) -> Iterator[Row]:
        rng = self._rng
        bought = (*self._products.bought, "other0", "empty_set")
        for version in _VERSION_STARTS:
            for item in bought:
                is_stated = version == "base" or rng.random() < 0.3
                if is_stated and item != "raw9":
                    yield {
                        "cost_version_id": version,
                        "item_id": item,
                        "unit_cost": decimal(rng, 0.05, 30),
                    }
            for item in self._products.made:
                if rng.random() < 0.4:
                    lot = rng.choice(("10", "100", "7", "0.5", "1234.5"))
                    yield {
                        "cost_version_id": version,
                        "item_id": item,
                        "costing_lot_quantity": lot,
                    }

    def _state_worth(self, stated: list[Row]) -> None:
        known = {row["item_id"]: row for row in stated if row["cost_version_id"] == "base"}
        for row in self._products.worth():
            if row["item_id"] in known:
                known[row["item_id"]].update(row)
            else:
                stated.append({"cost_version_id": "base"} | row)

    def _overheads(self) -> Iterator[Row]:
        rng = self._rng
        formulas = (
            ("factory", "per_hour", "machine"),
            ("factory", "per_hour", "labour"),
            ("rent", "per_hour", None),
            ("store", "surcharge", "resin"),
            ("office", "surcharge", None),
            ("freight", "surcharge", "subcontract"),
            ("sales", "per_unit", "goods"),
            ("label", "per_unit", None),
        )
        for version in _VERSION_STARTS:
            for overhead, kind, base in formulas:
                if version == "base" or rng.random() < 0.3:
                    rate = decimal(rng, 0.01, 0.3 if kind == "surcharge" else 12)
                    yield {
                        "cost_version_id": version,
                        "overhead_id": overhead,
                        "kind": kind,
                        "base": base,
                        "rate": rate,
                    }
