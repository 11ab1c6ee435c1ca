"""What a costing version made of stock and of work in process when it began.

Belongs here: questions about `revaluation`.
"""

from dataclasses import dataclass
from decimal import Decimal

import duckdb

from dashboards.queries.answers import rows


@dataclass(frozen=True, kw_only=True)
class Revalued:
    """An item in stock or an order in process, by the version before and by the new one.

    Attributes:
        kind: stock or in_process.
        is_rest: Whether it is all those together that have no row of their own.
        row_count: How many it is; 1 unless it is the rest.
        unknown_count: How many of them have no standard in one of the versions, and so no worth.
        item_id: The item in stock, or that the order makes.
        production_order_id: The order; of stock None.
        quantity: Of `unit`, in stock; of an order its finished pieces.
    """

    kind: str
    is_rest: bool
    row_count: int
    unknown_count: int
    item_id: str
    item_name: str
    production_order_id: str | None
    quantity: Decimal | None
    unit: str | None
    previous_unit_cost: Decimal | None
    unit_cost: Decimal | None
    previous_amount: Decimal | None
    amount: Decimal | None
    difference: Decimal | None


def revalued(con: duckdb.DuckDBPyConnection, *, cost_version_id: str, limit: int) -> list[Revalued]:
    """Of stock and of work in process the `limit` that changed most, and the rest as one row."""
    return rows(
        con,
        Revalued,
        """
        with ranked as (
            select *, least($limit + 1, row_number() over (
                partition by kind
                order by abs(difference_amount) desc nulls last, abs(amount) desc nulls last,
                    item_id, production_order_id
            )) as place
            from marts.revaluation
            where cost_version_id = $cost_version_id
        )
        select ranked.kind, ranked.place > $limit as is_rest, count(*) as row_count,
            count(*) - count(ranked.difference_amount) as unknown_count,
            any_value(ranked.item_id) as item_id,
            coalesce(any_value(items.name), any_value(ranked.item_id)) as item_name,
            any_value(ranked.production_order_id) as production_order_id,
            any_value(ranked.quantity) as quantity, any_value(items.unit) as unit,
            any_value(ranked.previous_unit_cost) as previous_unit_cost,
            any_value(ranked.unit_cost) as unit_cost,
            sum(ranked.previous_amount) filter (where ranked.difference_amount is not null)
                as previous_amount,
            sum(ranked.amount) filter (where ranked.difference_amount is not null) as amount,
            sum(ranked.difference_amount) as difference
        from ranked
        left join marts.dim_item as items using (item_id)
        group by ranked.kind, ranked.place
        order by ranked.kind desc, ranked.place
        """,
        cost_version_id=cost_version_id,
        limit=limit,
    )
