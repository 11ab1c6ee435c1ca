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
        operations: How many operations have units in process, those beyond the limit included.
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
    operations: int


def equivalent_units(
    con: duckdb.DuckDBPyConnection, *, site_id: str, currency: str, period_id: str, limit: int
) -> list[EquivalentUnits]:
    """Of operations with units in process at the end of a period the `limit` that are worth most.

    One row per operation and cost class that has cost.
    """
    return rows(
        con,
        EquivalentUnits,
        """
        with costed as (
            select units.*, sum(units.in_process_amount) over (
                partition by units.production_order_id, units.operation_id
            ) as worth
            from marts.equivalent_unit as units
            inner join marts.dim_production_order as orders using (production_order_id)
            where units.period_id = $period_id
                and orders.site_id = $site_id
                and units.currency = $currency
                and units.in_process_quantity > 0
                and (units.transferred_amount <> 0 or units.in_process_amount <> 0)
        ),
        ranked as (
            select *, dense_rank() over (
                order by worth desc, production_order_id, operation_id
            ) as place
            from costed
        ),
        counted as (
            select *, max(place) over () as operations
            from ranked
        )
        select counted.production_order_id, counted.operation_id,
            coalesce(items.name, counted.item_id) as item_name, items.unit, counted.cost_class,
            counted.completed_quantity as completed, counted.in_process_quantity as in_process,
            counted.complete_ratio, counted.equivalent_quantity as equivalent, counted.unit_cost,
            counted.transferred_amount, counted.in_process_amount, counted.operations
        from counted
        left join marts.dim_item as items
            on counted.item_id = items.item_id
        where counted.place <= $limit
        order by counted.place, counted.cost_class
        """,
        site_id=site_id,
        currency=currency,
        period_id=period_id,
        limit=limit,
    )
