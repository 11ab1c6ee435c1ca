"""What the plant's products are made of and what that costs: the cost accountant's files.

Belongs here: materials, bills of material, vendors, rates and overheads of the plant, as rows of
`takt.contracts`. What the machines do is in `edge.simulator.plant`, what orders took in
`edge.simulator.consumption`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from edge.simulator.plant import CURRENCY, HARDENING, LABOUR_RATES, LINES, RUN_RATES
from edge.simulator.shifts import local_date, local_ms, to_datetime

Row = dict[str, object]

BOM_VERSION = "1"
ROUTE_VERSION = "1"
_SALES_PRICES = {
    "BR-110": 3.2,
    "BR-140": 2.7,
    "BR-200": 6.5,
    "HN-35": 1.25,
    "SH-20": 4.4,
    "SH-32": 7.6,
    "SP-45": 16.9,
}
HANDLING_RATE = 0.06
"""Share of the steel's cost for handling it."""
_PLANNED_VERSION = "planned"
_PLANNED_STEEL = 1.06
_PLANNED_LABOUR_RATE = 36.8


@dataclass(frozen=True)
class Material:
    """Something bought.

    Attributes:
        item_id: Its number.
        name: What people call it.
        unit: What its quantities count.
        cost_group_id: Its group in product costing.
        price: Per unit, about; the standard where it has one.
        is_bought_by_lot: Whether each week's lot has a price of its own.
        has_standard: Whether the costing version knows it.
    """

    item_id: str
    name: str
    unit: str
    cost_group_id: str
    price: float
    is_bought_by_lot: bool = False
    has_standard: bool = True


MATERIALS = (
    Material("ST-2", "Sheet steel 2 mm", "kg", "steel", 1.15, is_bought_by_lot=True),
    Material(
        "ST-25",
        "Sheet steel 2.5 mm",
        "kg",
        "steel",
        1.22,
        is_bought_by_lot=True,
        has_standard=False,
    ),
    Material("RB-20", "Round bar 20 mm", "kg", "steel", 1.42, is_bought_by_lot=True),
    Material("RB-45", "Round bar 45 mm", "kg", "steel", 1.38, is_bought_by_lot=True),
    Material("PC-7", "Powder coat", "kg", "consumables", 6.8),
    Material("CL-1", "Cleaner", "l", "consumables", 2.3),
    Material("CT-40", "Carton", "pcs", "packaging", 0.62),
    Material("PL-1", "Pallet", "pcs", "packaging", 11.5),
)


@dataclass(frozen=True, eq=False)
class Standard:
    """An active standard of the plant: what its orders should cost while it holds.

    Attributes:
        cost_version_id: Its costing version.
        machine_rates: What an hour of each machine costs.
        factory_rate: What the factory costs beside, per hour of a machine.
        prices: Of the materials that it knows.
    """

    cost_version_id: str
    machine_rates: Mapping[str, float]
    factory_rate: float
    prices: Mapping[str, float]


_PRICES = {each.item_id: each.price for each in MATERIALS if each.has_standard}
FIRST_STANDARD = Standard("standard", RUN_RATES, 21, _PRICES)
REVISED_STANDARD = Standard(
    "revised",
    RUN_RATES | {"assembly/line1/weld01": 99, "machining/line2/lathe01": 81.5},
    22,
    _PRICES | {"ST-2": 1.19, "RB-45": 1.35, "PC-7": 7.1},
)
STANDARDS = (FIRST_STANDARD, REVISED_STANDARD)
_STOCK = {
    "ST-2": 6_400,
    "ST-25": 850,
    "RB-20": 2_100,
    "RB-45": 5_300,
    "PC-7": 420,
    "CL-1": 160,
    "CT-40": 1_900,
    "PL-1": 75,
    "BU-12": 11_200,
    "BR-110": 3_450,
    "BR-140": 1_280,
    "BR-200": 640,
    "HN-35": 9_700,
    "SH-20": 1_150,
    "SH-32": 520,
    "SP-45": 310,
    "WA-8": 24_000,
}
"""What was counted when the revised standard began."""


@dataclass(frozen=True)
class Part:
    """What one product needs of something; `scrap_ratio` on top of `quantity_per`."""

    item_id: str
    component_id: str
    operation_id: str | None
    quantity_per: float = 0
    scrap_ratio: float = 0
    constant_quantity: float = 0


@dataclass(frozen=True)
class Component:
    """A part made in the plant for stock, off the lines that orders tell of.

    Attributes:
        item_id: Its number.
        name: What people call it.
        operations: Each a work unit, seconds per piece and seconds of setup.
        lot: Pieces over which setup spreads in costing.
    """

    item_id: str
    name: str
    operations: tuple[tuple[str, float, float], ...]
    lot: int


COMPONENTS = (
    Component(
        "BU-12",
        "Bushing 12 mm",
        (("machining/line2/saw01", 1.2, 600), ("machining/line2/lathe01", 6.5, 1_500)),
        5_000,
    ),
)


@dataclass(frozen=True)
class Vendor:
    """Who does the subcontracted operation; `price` per piece in a currency of their own."""

    vendor_id: str
    currency: str
    price: float


@dataclass(frozen=True)
class Subcontract:
    """An operation that vendors do before an order begins; `price` per piece is the standard."""

    item_id: str
    operation_id: str
    category: str
    price: float
    vendors: tuple[Vendor, ...]


SUBCONTRACT = Subcontract(
    "SP-45", "05", "hardening", 2.4, (Vendor("V-201", "EUR", 2.4), Vendor("V-202", "CZK", 59.5))
)

PACK = "PK-1"
"""A carton with its share of the pallet: packed where it is used, never stocked."""
PARTS = (
    Part("BR-110", "ST-2", "10", 0.31, 0.08),
    Part("BR-110", "PC-7", "30", 0.012, 0.15),
    Part("BR-110", "BU-12", "20", 2, 0.01),
    Part("BR-110", PACK, None, 0.02),
    Part("BR-140", "ST-2", "10", 0.44, 0.08),
    Part("BR-140", "PC-7", "30", 0.016, 0.15),
    Part("BR-140", PACK, None, 0.025),
    Part("BR-200", "BR-110", "20", 1),
    Part("BR-200", "ST-2", "10", 0.52, 0.06),
    Part("BR-200", "PC-7", "30", 0.02, 0.15),
    Part("BR-200", PACK, None, 0.04),
    Part("HN-35", "ST-2", "10", 0.09, 0.12),
    Part("HN-35", PACK, None, 0.005),
    Part("SH-20", "RB-20", "10", 0.62, 0.03),
    Part("SH-20", "CL-1", "40", 0.004),
    Part("SH-32", "RB-45", "10", 1.55, 0.04),
    Part("SH-32", "CL-1", "40", 0.005),
    Part("SP-45", "RB-45", "10", 3.1, 0.04),
    Part("SP-45", "CL-1", "40", 0.008),
    Part("BU-12", "RB-20", "10", 0.035, 0.06),
    Part(PACK, "CT-40", None, 1),
    Part(PACK, "PL-1", None, constant_quantity=4),
)


@dataclass(frozen=True)
class Product:
    """Something that comes of making an item, beside it.

    Attributes:
        made_of: The item of whose process it comes.
        item_id: Its number.
        name: What people call it.
        unit: What its quantities count.
        line_type: co_product or by_product.
        quantity_per: How much comes with a unit of the item.
        sales_price: By which a co-product bears of the process.
    """

    made_of: str
    item_id: str
    name: str
    unit: str
    line_type: str
    quantity_per: float
    sales_price: float | None = None


PRODUCTS = (
    Product("HN-35", "WA-8", "Washer 8 mm", "pcs", "co_product", 1, 0.07),
    Product("HN-35", "OF-2", "Offcuts of sheet steel", "kg", "by_product", 0.008),
)
"""Punched out of the sheet where the press forms the hinge, and what is left of it."""
JOINT_COST_METHODS = {"HN-35": "sales_value"}
_SHEET = (
    ("direct_cost", None, "Direct cost", ()),
    ("direct_material", "direct_cost", "Direct material", ()),
    ("steel", "direct_material", "Steel", ("steel",)),
    ("parts", "direct_material", "Parts made here", ("material",)),
    ("supplies", "direct_material", "Packaging and supplies", ("packaging", "consumables")),
    ("vendors", "direct_cost", "Work of vendors", ("subcontract",)),
    ("conversion", "direct_cost", "Conversion", ()),
    ("machines", "conversion", "Machines", ("machine",)),
    ("people", "conversion", "People", ("labour",)),
    ("overheads", None, "Overheads", ()),
    ("handling", "overheads", "Handling of material", ("material_overhead",)),
    ("factory", "overheads", "Factory", ("factory_overhead",)),
)
"""The costing sheet: line, the subtotal that it goes into, name, the cost groups that it takes."""
LOT = 1_200
"""Pieces over which setup and pallets spread in costing."""


def components(item_id: str) -> Iterator[Part]:
    """What a piece of an item takes from stock: the parts of the pack stand for it."""
    for part in PARTS:
        if part.item_id == item_id and part.component_id == PACK:
            for packed in components(PACK):
                yield replace(
                    packed,
                    item_id=item_id,
                    quantity_per=packed.quantity_per * part.quantity_per,
                )
        elif part.item_id == item_id:
            yield part


def materials() -> Iterator[Row]:
    """Rows of `item` for what is bought, what is made for stock, and the pack."""
    for material in MATERIALS:
        yield {
            "item_id": material.item_id,
            "name": material.name,
            "unit": material.unit,
            "item_group_id": "purchased",
            "cost_group_id": material.cost_group_id,
            "is_phantom": False,
        }
    for component in COMPONENTS:
        yield {
            "item_id": component.item_id,
            "name": component.name,
            "unit": "pcs",
            "item_group_id": "components",
            "strategy": "MTS",
            "is_phantom": False,
        }
    for product in PRODUCTS:
        yield {
            "item_id": product.item_id,
            "name": product.name,
            "unit": product.unit,
            "item_group_id": "further_products",
            "is_phantom": False,
        }
    yield {"item_id": PACK, "name": "Pack", "unit": "pcs", "is_phantom": True}


def bom_lines() -> Iterator[Row]:
    """Rows of `bom_line`."""
    lines: dict[str, int] = {}
    for part in PARTS:
        lines[part.item_id] = lines.get(part.item_id, 0) + 10
        yield {
            "item_id": part.item_id,
            "bom_version": BOM_VERSION,
            "line_id": lines[part.item_id],
            "component_item_id": part.component_id,
            "operation_id": part.operation_id,
            "quantity_per": part.quantity_per,
            "constant_quantity": part.constant_quantity,
            "scrap_ratio": part.scrap_ratio,
        }
    for product in PRODUCTS:
        lines[product.made_of] += 10
        yield {
            "item_id": product.made_of,
            "bom_version": BOM_VERSION,
            "line_id": lines[product.made_of],
            "component_item_id": product.item_id,
            "quantity_per": product.quantity_per,
            "line_type": product.line_type,
        }


def other_operations() -> Iterator[Row]:
    """Rows of `routing_operation` for what no line does: components, and what vendors do."""
    for component in COMPONENTS:
        for place, (unit, run_s, setup_s) in enumerate(component.operations, start=1):
            yield {
                "item_id": component.item_id,
                "route_version": ROUTE_VERSION,
                "operation_id": f"{place * 10}",
                "sequence": place * 10,
                "work_unit_id": unit,
                "planned_run_s_per_unit": run_s,
                "planned_setup_s": setup_s,
                "crew_size": 1,
                "is_subcontract": False,
            }
    yield {
        "item_id": SUBCONTRACT.item_id,
        "route_version": ROUTE_VERSION,
        "operation_id": SUBCONTRACT.operation_id,
        "sequence": 5,
        "work_unit_id": HARDENING,
        "cost_category_id": SUBCONTRACT.category,
        "is_subcontract": True,
    }


def revised_at(start: int) -> int:
    """When the revised standard begins (ms): two days after the plant's start, with the shifts.

    That is before wages rise, so that both standards go by the same ones.
    """
    return local_ms(local_date(start) + timedelta(days=2), time(6))


def stock(site: str, start: int, now: int) -> Iterator[Row]:
    """Rows of `stock`: counted once, when the revised standard has begun."""
    if (counted_at := revised_at(start)) <= now:
        for item_id, quantity in _STOCK.items():
            yield {
                "site_id": site,
                "item_id": item_id,
                "counted_at": to_datetime(counted_at),
                "quantity": quantity,
            }


def cost_versions(site: str, start: int, valid_from: datetime) -> Iterator[Row]:
    """Rows of `cost_version`: the standards, and a plan that states only what it changes.

    `valid_from` is when the first standard began; `start` (ms) the plant's.
    """
    begins = (valid_from, to_datetime(revised_at(start)))
    for standard, begins_at in zip(STANDARDS, begins, strict=True):
        yield {
            "cost_version_id": standard.cost_version_id,
            "type": "standard",
            "site_id": site,
            "valid_from": begins_at,
            "status": "active",
            "currency": CURRENCY,
        }
    yield {
        "cost_version_id": _PLANNED_VERSION,
        "type": "planned",
        "site_id": site,
        "status": "pending",
        "fallback_version_id": REVISED_STANDARD.cost_version_id,
        "currency": CURRENCY,
    }


def cost_rates(first_monday: date) -> Iterator[Row]:
    """Rows of `cost_rate`: an hour of setup costs what an hour of running does."""
    raised_at = to_datetime(local_ms(first_monday + timedelta(days=10), time(0)))
    for standard in STANDARDS:
        for rate in _standard_rates(standard, raised_at):
            yield {"cost_version_id": standard.cost_version_id, **rate}
    for unit in RUN_RATES:
        for kind in ("setup", "run"):
            planned = _rate("labour", unit, kind, _PLANNED_LABOUR_RATE)
            yield {"cost_version_id": _PLANNED_VERSION, **planned}


def _standard_rates(standard: Standard, raised_at: datetime) -> Iterator[Row]:
    labour_rate, raised_rate = LABOUR_RATES
    for unit, machine_rate in standard.machine_rates.items():
        for kind in ("setup", "run"):
            yield _rate("machine", unit, kind, machine_rate)
            yield _rate("labour", unit, kind, labour_rate)
            yield {**_rate("labour", unit, kind, raised_rate), "valid_from": raised_at}
    yield _rate(SUBCONTRACT.category, HARDENING, "quantity", SUBCONTRACT.price)


def _rate(category: str, unit: str, kind: str, rate: float) -> Row:
    return {"cost_category_id": category, "work_unit_id": unit, "kind": kind, "rate": rate}


def item_costs() -> Iterator[Row]:
    """Rows of `item_cost`: prices of what is bought, lots of what is made."""
    for standard in STANDARDS:
        for cost in _standard_item_costs(standard):
            yield {"cost_version_id": standard.cost_version_id, **cost}
    for material in MATERIALS:
        if material.has_standard and material.cost_group_id == "steel":
            yield {
                "cost_version_id": _PLANNED_VERSION,
                "item_id": material.item_id,
                "unit_cost": round(material.price * _PLANNED_STEEL, 4),
            }


def _standard_item_costs(standard: Standard) -> Iterator[Row]:
    for item_id, price in standard.prices.items():
        yield {"item_id": item_id, "unit_cost": price}
    lots = {item.item_id: LOT for line in LINES for item in line.items}
    lots |= {component.item_id: component.lot for component in COMPONENTS}
    for item_id, lot in lots.items():
        yield {
            "item_id": item_id,
            "costing_lot_quantity": lot,
            "sales_price": _SALES_PRICES.get(item_id),
        }
    for product in PRODUCTS:
        if product.sales_price is not None:
            yield {"item_id": product.item_id, "sales_price": product.sales_price}


def overhead_formulas() -> Iterator[Row]:
    """Rows of `overhead_formula`."""
    handling: Row = {"overhead_id": "material_overhead", "kind": "surcharge", "rate": HANDLING_RATE}
    for standard in STANDARDS:
        version: Row = {"cost_version_id": standard.cost_version_id}
        factory: Row = {"overhead_id": "factory_overhead", "kind": "per_hour"}
        yield {**version, **handling, "base": "steel"}
        yield {**version, **factory, "rate": standard.factory_rate, "base": "machine"}


def costing_sheet() -> Iterator[Row]:
    """Rows of `costing_sheet`."""
    for place, (line, parent, name, groups) in enumerate(_SHEET, start=1):
        for group in groups or (None,):
            yield {
                "line_id": line,
                "parent_line_id": parent,
                "sequence": place * 10,
                "name": name,
                "cost_group_id": group,
            }
