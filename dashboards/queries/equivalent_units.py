"""What the units of an operation cost in process costing, those in process included.

Belongs here: questions about `equivalent_unit`.
"""

from dataclasses import dataclass
from decimal import Decimal

import duckdb

from dashboards.queries.answers import rows


@dataclass(frozen=True, kw_only=True)
class EquivalentUnits:
    """The units of an operation that has some in process, in a cost class.

    Attributes:
        cost_class: material, conversion, piece or transferred_in.
        in_process: Units in process at the end of the period.
        complete_ratio: How far these are done, 0 to 1.
        equivalent: Completed + in process × how far they are done.
        transferred_amount: What the completed units took along.
        in_process_amount: What those in process are worth.
    """

    production_order_id: str
    operation_id: str
    item_name: str
    unit: str | None
    cost_class: str
    completed: Decimal
    in_process: Decimal
    complete_ratio: Decimal
    equivalent: Decimal
    unit_cost: Decimal | None
    transferred_amount: Decimal
    in_process_amount: Decimal


def equivalent_units(
    con: duckdb.DuckDBPyConnection, *, site_id: str, currency: str, period_id: str
) -> list[EquivalentUnits]:
    """Operations that have units in process at the end of a period, by cost class that has cost."""
    return rows(
        con,
        EquivalentUnits,
        """
        select units.production_order_id, units.operation_id,
            coalesce(items.name, units.item_id) as item_name, items.unit, units.cost_class,
            units.completed_quantity as completed, units.in_process_quantity as in_process,
            units.complete_ratio, units.equivalent_quantity as equivalent, units.unit_cost,
            units.transferred_amount, units.in_process_amount
        from marts.equivalent_unit as units
        inner join marts.dim_production_order as orders using (production_order_id)
        left join marts.dim_item as items
            on units.item_id = items.item_id
        where units.period_id = $period_id
            and orders.site_id = $site_id
            and units.currency = $currency
            and units.in_process_quantity > 0
            and (units.transferred_amount <> 0 or units.in_process_amount <> 0)
        order by units.production_order_id, units.operation_id, units.cost_class
        """,
        site_id=site_id,
        currency=currency,
        period_id=period_id,
    )
