"""What orders cost against their standard, and why: together, each, by operation and cost group.

Belongs here: questions about `order_cost`, `order_variance` and `order_variance_shift`.
"""

from dataclasses import dataclass
from decimal import Decimal

import duckdb

from dashboards.queries.answers import rows
from dashboards.queries.order_selection import SELECTED, Selection


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What the orders of a selection cost.

    Attributes:
        orders: How many have begun.
        running: How many of them have not ended.
        absorbed: Their good pieces at standard cost.
        actual: What they cost, of those that run so far.
        running_variance: The variance of those that run.
    """

    orders: int
    running: int
    absorbed: Decimal
    actual: Decimal
    variance: Decimal
    running_variance: Decimal


def order_totals(con: duckdb.DuckDBPyConnection, *, selection: Selection) -> Totals:
    """What the selected orders cost together."""
    [totals] = rows(
        con,
        Totals,
        f"""
        select count(*) as orders, count(*) filter (where not is_final) as running,
            coalesce(sum(absorbed), 0) as absorbed, coalesce(sum(actual), 0) as actual,
            coalesce(sum(variance), 0) as variance,
            coalesce(sum(variance) filter (where not is_final), 0) as running_variance
        from ({SELECTED})
        """,
        **selection.bound,
    )
    return totals


@dataclass(frozen=True, kw_only=True)
class OrderRow:
    """An order with its costs and the biggest of its variances.

    Attributes:
        good_quantity: Of its last operation, as its costs have them.
        period_id: In which it ended; None: it runs, or ended before the first period.
        detail_type: Of the variance that is biggest, either way; None: there is none.
        detail_amount: That variance.
        matching: How many orders the selection has.
    """

    production_order_id: str
    item_id: str
    item_name: str
    unit: str
    order_quantity: Decimal
    good_quantity: Decimal
    is_final: bool
    period_id: str | None
    absorbed: Decimal
    actual: Decimal
    variance: Decimal
    detail_type: str | None
    detail_amount: Decimal | None
    currency: str
    matching: int


ORDER_SORTS = {
    "order": "production_order_id",
    "item": "item_name",
    "status": "is_final",
    "quantity": "order_quantity",
    "absorbed": "absorbed",
    "actual": "actual",
    "variance": "variance",
    "cause": "detail_type",
}
"""What a reader may sort the orders by."""


def orders(
    con: duckdb.DuckDBPyConnection,
    *,
    selection: Selection,
    find: str = "",
    sort: str = "variance",
    is_descending: bool = True,
    limit: int,
) -> list[OrderRow]:
    """The selected orders, sorted by one of `ORDER_SORTS`.

    Args:
        con: The lake.
        selection: Which orders.
        find: Only those whose number, item or item's name contains it.
        sort: A key of `ORDER_SORTS`.
        is_descending: The greatest first.
        limit: So many at most.
    """
    direction = "desc" if is_descending else "asc"
    return rows(
        con,
        OrderRow,
        f"""
        with selected as (
            select orders.*, coalesce(items.name, orders.item_id) as item_name,
                coalesce(items.unit, 'pcs') as unit
            from ({SELECTED}) as orders
            left join marts.dim_item as items using (item_id)
            where contains(
                lower(concat_ws(' ', production_order_id, item_id, items.name)), lower($find)
            )
        ),
        details as (
            select production_order_id, detail_type, sum(amount) as amount
            from marts.order_variance
            semi join selected using (production_order_id)
            group by production_order_id, detail_type
        ),
        biggest as (
            select production_order_id, arg_max(detail_type, abs(amount)) as detail_type,
                arg_max(amount, abs(amount)) as detail_amount
            from details
            group by production_order_id
        )
        select selected.* exclude (site_id), biggest.detail_type, biggest.detail_amount,
            made.good_quantity, count(*) over () as matching
        from selected
        left join biggest using (production_order_id)
        join marts.order_output as made
            on selected.production_order_id = made.production_order_id
            and made.operation_id is null
        order by {ORDER_SORTS[sort]} {direction} nulls last, selected.production_order_id
        limit $limit
        """,
        find=find,
        limit=limit,
        **selection.bound,
    )


@dataclass(frozen=True, kw_only=True)
class Variance:
    """A part of a difference between actual and absorbed."""

    variance_type: str
    detail_type: str
    amount: Decimal


def variances(con: duckdb.DuckDBPyConnection, *, selection: Selection) -> list[Variance]:
    """Why the selected orders cost other than their pieces carry, the biggest first."""
    return rows(
        con,
        Variance,
        f"""
        select variance_type, detail_type, sum(amount) as amount
        from marts.order_variance
        semi join ({SELECTED}) using (production_order_id)
        group by variance_type, detail_type
        order by abs(sum(amount)) desc, detail_type
        """,
        **selection.bound,
    )


@dataclass(frozen=True, kw_only=True)
class PlaceVariance:
    """What of a variance belongs to a shift of a work unit; None: nobody tells to which."""

    work_unit_id: str | None
    work_unit_name: str | None
    shift_id: str | None
    amount: Decimal


def place_variances(con: duckdb.DuckDBPyConnection, *, selection: Selection) -> list[PlaceVariance]:
    """Where the selected orders cost other than their pieces carry."""
    return rows(
        con,
        PlaceVariance,
        f"""
        select variances.work_unit_id,
            any_value(coalesce(units.name, variances.work_unit_id)) as work_unit_name,
            variances.shift_id, sum(variances.amount) as amount
        from marts.order_variance_shift as variances
        semi join ({SELECTED}) using (production_order_id)
        left join marts.dim_work_unit as units
            on units.site_id = $site_id
            and variances.work_unit_id = units.work_unit_id
        group by variances.work_unit_id, variances.shift_id
        order by variances.work_unit_id, variances.shift_id
        """,
        **selection.bound,
    )


@dataclass(frozen=True, kw_only=True)
class CostLine:
    """What a cost group of an operation should cost and cost, by baseline.

    Attributes:
        standard: What its good pieces and one lot may cost.
        absorbed: What its good pieces carry.
        estimate: The order quantity by the versions that the order names.
        standard_quantity: Of `unit`, what its good pieces and one lot may need.
        actual_quantity: Of `unit`, what was used.
    """

    operation_id: str | None
    cost_group_id: str
    estimate: Decimal | None
    standard: Decimal | None
    absorbed: Decimal | None
    actual: Decimal | None
    variance: Decimal | None
    standard_quantity: Decimal | None
    actual_quantity: Decimal | None
    unit: str | None


def cost_lines(con: duckdb.DuckDBPyConnection, *, order_id: str) -> list[CostLine]:
    """What each cost group of an order's operations should cost and cost, in order of operation."""
    return rows(
        con,
        CostLine,
        """
        select operation_id, cost_group_id,
            sum(amount) filter (where basis = 'estimate') as estimate,
            sum(amount) filter (where basis = 'standard') as standard,
            sum(amount) filter (where basis = 'absorbed') as absorbed,
            sum(amount) filter (where basis = 'actual') as actual,
            actual - absorbed as variance,
            sum(quantity) filter (where basis = 'standard') as standard_quantity,
            sum(quantity) filter (where basis = 'actual') as actual_quantity,
            any_value(unit) as unit
        from marts.order_cost
        where production_order_id = $order_id
        group by operation_id, cost_group_id
        order by operation_id nulls last, cost_group_id
        """,
        order_id=order_id,
    )
