"""What a reader of a page of costs may choose: costing versions, accounting periods, sites.

Belongs here: lists for the controls of those pages; `dashboards.costs.selected` chooses from them.
"""

from dataclasses import dataclass
from datetime import datetime

import duckdb

from dashboards.queries.answers import rows


@dataclass(frozen=True, kw_only=True)
class CostVersion:
    """A costing version.

    Attributes:
        previous_version_id: Of an active standard the one before it at its site, if there is one.
    """

    cost_version_id: str
    site_id: str | None
    cost_version_type: str
    status: str
    valid_from: datetime | None
    previous_version_id: str | None
    currency: str


@dataclass(frozen=True, kw_only=True)
class Period:
    """An accounting period [starts_at, ends_at); of a closed one the books are final."""

    period_id: str
    starts_at: datetime
    ends_at: datetime
    is_closed: bool


@dataclass(frozen=True, kw_only=True)
class Scope:
    """A site whose orders have costs, and the currency they are in."""

    site_id: str
    currency: str


def cost_versions(con: duckdb.DuckDBPyConnection) -> list[CostVersion]:
    """The costing versions: standards first, the latest first."""
    return rows(
        con,
        CostVersion,
        """
        select cost_version_id, site_id, cost_version_type, status, valid_from,
            previous_version_id, currency
        from marts.dim_cost_version
        order by cost_version_type <> 'standard', status <> 'active', valid_from desc nulls last,
            cost_version_id
        """,
    )


def cost_periods(con: duckdb.DuckDBPyConnection, *, until: datetime) -> list[Period]:
    """The periods that have begun, the latest first."""
    return rows(
        con,
        Period,
        """
        select period_id, starts_at, ends_at, is_closed
        from marts.dim_period
        where starts_at <= $until
        order by starts_at desc
        """,
        until=until,
    )


def cost_scopes(con: duckdb.DuckDBPyConnection) -> list[Scope]:
    """The sites and currencies that costs of orders are of."""
    return rows(
        con,
        Scope,
        """
        select distinct dim_production_order.site_id, order_cost.currency
        from marts.order_cost
        inner join marts.dim_production_order using (production_order_id)
        order by all
        """,
    )
