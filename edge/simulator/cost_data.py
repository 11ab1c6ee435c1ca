"""What the plant's products are made of and what that costs: the cost accountant's files.

Belongs here: materials, bills of material, rates and overheads of the plant, as rows of
`takt.contracts`. What the machines do is in `edge.simulator.plant`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from edge.simulator.plant import CURRENCY, LABOUR_RATE, LINES, RUN_RATES

Row = dict[str, object]

BOM_VERSION = "1"
_COST_VERSION = "standard"


@dataclass(frozen=True)
class Material:
    """Something bought.

    Attributes:
        item_id: Its number.
        name: What people call it.
        unit: What its quantities count.
        cost_group_id: Its group in product costing.
        price: Per unit.
    """

    item_id: str
    name: str
    unit: str
    cost_group_id: str
    price: float


MATERIALS = (
    Material("ST-2", "Sheet steel 2 mm", "kg", "steel", 1.15),
    Material("RB-20", "Round bar 20 mm", "kg", "steel", 1.42),
    Material("RB-45", "Round bar 45 mm", "kg", "steel", 1.38),
    Material("PC-7", "Powder coat", "kg", "consumables", 6.8),
    Material("CL-1", "Cleaner", "l", "consumables", 2.3),
    Material("CT-40", "Carton", "pcs", "packaging", 0.62),
    Material("PL-1", "Pallet", "pcs", "packaging", 11.5),
)


@dataclass(frozen=True)
class Part:
    """What one product needs of something; `scrap_ratio` on top of `quantity_per`."""

    item_id: str
    component_id: str
    operation_id: str | None
    quantity_per: float = 0
    scrap_ratio: float = 0
    constant_quantity: float = 0


PACK = "PK-1"
"""A carton with its share of the pallet: packed where it is used, never stocked."""
PARTS = (
    Part("BR-110", "ST-2", "10", 0.31, 0.08),
    Part("BR-110", "PC-7", "30", 0.012, 0.15),
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
    Part(PACK, "CT-40", None, 1),
    Part(PACK, "PL-1", None, constant_quantity=4),
)
LOT = 1_200
"""Pieces over which setup and pallets spread in costing."""


def materials() -> Iterator[Row]:
    """Rows of `item` for what is bought, and for the pack."""
    for material in MATERIALS:
        yield {
            "item_id": material.item_id,
            "name": material.name,
            "unit": material.unit,
            "item_group_id": "purchased",
            "cost_group_id": material.cost_group_id,
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


def cost_versions(site: str) -> Iterator[Row]:
    """The one row of `cost_version`."""
    yield {
        "cost_version_id": _COST_VERSION,
        "type": "standard",
        "site_id": site,
        "status": "active",
        "currency": CURRENCY,
    }


def cost_rates() -> Iterator[Row]:
    """Rows of `cost_rate`: an hour of setup costs what an hour of running does."""
    for unit, machine_rate in RUN_RATES.items():
        for category, rate in (("machine", machine_rate), ("labour", LABOUR_RATE)):
            for kind in ("setup", "run"):
                yield {
                    "cost_version_id": _COST_VERSION,
                    "cost_category_id": category,
                    "work_unit_id": unit,
                    "kind": kind,
                    "rate": rate,
                }


def item_costs() -> Iterator[Row]:
    """Rows of `item_cost`: prices of what is bought, lots of what is made."""
    for material in MATERIALS:
        yield {
            "cost_version_id": _COST_VERSION,
            "item_id": material.item_id,
            "unit_cost": material.price,
        }
    for line in LINES:
        for item in line.items:
            yield {
                "cost_version_id": _COST_VERSION,
                "item_id": item.item_id,
                "costing_lot_quantity": LOT,
            }


def overhead_formulas() -> Iterator[Row]:
    """Rows of `overhead_formula`."""
    handling: Row = {"overhead_id": "material_overhead", "kind": "surcharge", "rate": 0.06}
    factory: Row = {"overhead_id": "factory_overhead", "kind": "per_hour", "rate": 21}
    yield {"cost_version_id": _COST_VERSION, **handling, "base": "steel"}
    yield {"cost_version_id": _COST_VERSION, **factory, "base": "machine"}
