"""The material of an order: planned, issued, measured and costed.

Belongs here: questions about `material_usage`.
"""

from dataclasses import dataclass
from decimal import Decimal

import duckdb

from dashboards.queries.answers import rows


@dataclass(frozen=True, kw_only=True)
class UsedMaterial:
    """What an order used of an item.

    Attributes:
        is_planned: Whether its bill has the item.
        planned: What its pieces so far should have needed; None: its bill does not have it.
        issued: Less what went back; None: nothing was.
        measured: By counters of consumption; None: none measures it.
        used: What its cost is of.
        excess: Used less planned, over planned; None: nothing is planned so far.
        source: Where that is from: issued, measured, backflushed; None: none was used.
    """

    item_id: str
    item_name: str
    unit: str | None
    is_planned: bool
    planned: Decimal | None
    issued: Decimal | None
    measured: Decimal | None
    used: Decimal | None
    excess: Decimal | None
    source: str | None
    amount: Decimal | None


def used_material(con: duckdb.DuckDBPyConnection, *, order_id: str) -> list[UsedMaterial]:
    """The material of an order, the dearest first."""
    return rows(
        con,
        UsedMaterial,
        """
        select usage.item_id, coalesce(items.name, usage.item_id) as item_name, items.unit,
            usage.is_planned, usage.planned_quantity as planned, usage.issued_quantity as issued,
            usage.measured_quantity as measured, usage.used_quantity as used,
            usage.excess_ratio as excess, usage.quantity_source as source, usage.amount
        from marts.material_usage as usage
        left join marts.dim_item as items using (item_id)
        where usage.production_order_id = $order_id
        order by usage.amount desc nulls last, usage.item_id
        """,
        order_id=order_id,
    )
