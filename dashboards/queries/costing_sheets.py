"""What items and orders cost, line by line of the costing sheet.

Belongs here: questions about `costing_sheet` and `order_costing_sheet`.
"""

from dataclasses import dataclass
from decimal import Decimal

import duckdb

from dashboards.queries.answers import rows


@dataclass(frozen=True, kw_only=True)
class SheetLine:
    """A line of a costing sheet.

    Attributes:
        line_id: Its id; one that Takt adds for a cost group ends with that.
        name: What is printed; of such a line the cost group.
        depth: How many lines it goes into; 0: the total.
        is_subtotal: Whether lines go into it.
    """

    line_id: str
    name: str
    depth: int
    is_subtotal: bool


@dataclass(frozen=True, kw_only=True)
class UnitCostLine(SheetLine):
    """What a unit of an item costs, by line.

    Attributes:
        single: A made component as a whole in its own cost group.
        rolled_up: In the cost groups that it consists of.
        other: Rolled up, in the version that it is compared with.
    """

    single: Decimal
    rolled_up: Decimal
    other: Decimal


def unit_cost_lines(
    con: duckdb.DuckDBPyConnection,
    *,
    cost_version_id: str,
    item_id: str,
    other_version_id: str | None = None,
) -> list[UnitCostLine]:
    """The costing sheet of an item as it is printed, also by another costing version."""
    return rows(
        con,
        UnitCostLine,
        """
        select line_id, name, depth, is_subtotal,
            coalesce(sum(unit_cost) filter (where level = 'single' and is_asked), 0) as single,
            coalesce(sum(unit_cost) filter (where level = 'rolled_up' and is_asked), 0)
                as rolled_up,
            coalesce(sum(unit_cost) filter (where level = 'rolled_up' and is_other), 0) as other
        from (
            select *, cost_version_id = $cost_version_id as is_asked,
                cost_version_id = $other_version_id as is_other
            from marts.costing_sheet
            where item_id = $item_id and cost_version_id in ($cost_version_id, $other_version_id)
        )
        group by line_id, name, depth, is_subtotal, sequence
        order by sequence
        """,
        cost_version_id=cost_version_id,
        item_id=item_id,
        other_version_id=other_version_id,
    )


@dataclass(frozen=True, kw_only=True)
class OrderCostLine(SheetLine):
    """What an order should cost and cost, by line; baselines as in `order_costs.CostLine`."""

    estimate: Decimal
    standard: Decimal
    absorbed: Decimal
    actual: Decimal
    variance: Decimal


def order_cost_lines(con: duckdb.DuckDBPyConnection, *, order_id: str) -> list[OrderCostLine]:
    """The costing sheet of an order as it is printed."""
    return rows(
        con,
        OrderCostLine,
        """
        select line_id, name, depth, is_subtotal, estimate_amount as estimate,
            standard_amount as standard, absorbed_amount as absorbed, actual_amount as actual,
            variance_amount as variance
        from marts.order_costing_sheet
        where production_order_id = $order_id
        order by sequence
        """,
        order_id=order_id,
    )
