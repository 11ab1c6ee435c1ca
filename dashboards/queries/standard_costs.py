"""What a unit of an item should cost, what that is made of, and what makes it doubtful.

Belongs here: questions about `standard_cost`, `cost_rollup` and `cost_warning`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import duckdb

from dashboards.queries.answers import rows


@dataclass(frozen=True, kw_only=True)
class MadeItem:
    """An item with a roll-up."""

    item_id: str
    item_name: str


def made_items(
    con: duckdb.DuckDBPyConnection, *, cost_version_id: str, find: str = "", limit: int
) -> list[MadeItem]:
    """Items that are made in a costing version, those of most levels first."""
    return rows(
        con,
        MadeItem,
        """
        select rollup.item_id, coalesce(any_value(items.name), rollup.item_id) as item_name
        from marts.cost_rollup as rollup
        left join marts.dim_item as items using (item_id)
        where rollup.cost_version_id = $cost_version_id
            and contains(lower(concat_ws(' ', rollup.item_id, items.name)), lower($find))
        group by rollup.item_id
        order by max(rollup.low_level) desc, rollup.item_id
        limit $limit
        """,
        cost_version_id=cost_version_id,
        find=find,
        limit=limit,
    )


@dataclass(frozen=True, kw_only=True)
class UnitCost:
    """What a unit of an item costs in a cost group, at one of two levels."""

    cost_group_id: str
    level: str
    unit_cost: Decimal


def unit_costs(
    con: duckdb.DuckDBPyConnection, *, cost_version_id: str, item_id: str
) -> list[UnitCost]:
    """The standard cost of an item by cost group and level."""
    return rows(
        con,
        UnitCost,
        """
        select cost_group_id, level, unit_cost
        from marts.standard_cost
        where cost_version_id = $cost_version_id and item_id = $item_id
        order by cost_group_id, level
        """,
        cost_version_id=cost_version_id,
        item_id=item_id,
    )


@dataclass(frozen=True, kw_only=True)
class Node:
    """A part of a unit of an item, in one cost group."""

    node: str
    component_item_id: str | None
    component_name: str | None
    is_made: bool
    operation_id: str | None
    cost_group_id: str
    single_cost_group_id: str
    quantity: Decimal | None
    unit: str | None
    unit_cost: Decimal | None
    amount: Decimal
    currency: str


def nodes(con: duckdb.DuckDBPyConnection, *, cost_version_id: str, item_id: str) -> list[Node]:
    """What a unit of a made item consists of, one level deep; components first."""
    return rows(
        con,
        Node,
        """
        select rollup.node, rollup.component_item_id, items.name as component_name,
            rollup.is_made, rollup.operation_id, rollup.cost_group_id,
            rollup.single_cost_group_id, rollup.quantity, rollup.unit, rollup.unit_cost,
            rollup.amount, rollup.currency
        from marts.cost_rollup as rollup
        left join marts.dim_item as items
            on rollup.component_item_id = items.item_id
        where rollup.cost_version_id = $cost_version_id and rollup.item_id = $item_id
        order by rollup.node <> 'component', rollup.operation_id nulls last,
            rollup.component_item_id,
            list_position(['setup', 'run', 'piece', 'subcontract', 'overhead'], rollup.node),
            rollup.cost_group_id
        """,
        cost_version_id=cost_version_id,
        item_id=item_id,
    )


@dataclass(frozen=True, kw_only=True)
class CostWarning:
    """What makes the standard cost of an item doubtful."""

    item_id: str
    warning: str
    operation_id: str | None


def cost_warnings(
    con: duckdb.DuckDBPyConnection, *, cost_version_id: str, item_ids: Sequence[str]
) -> list[CostWarning]:
    """What makes the standard costs of some items doubtful."""
    return rows(
        con,
        CostWarning,
        """
        select item_id, warning, operation_id
        from marts.cost_warning
        where cost_version_id = $cost_version_id and list_contains($item_ids, item_id)
        order by item_id, warning, operation_id
        """,
        cost_version_id=cost_version_id,
        item_ids=list(item_ids),
    )
