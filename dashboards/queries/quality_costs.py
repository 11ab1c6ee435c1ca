"""What quality cost: to prevent failures, to look for them, and those that were.

Belongs here: questions about `cost_of_quality`.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import duckdb

from dashboards.queries.answers import rows


@dataclass(frozen=True, kw_only=True)
class QualityCost:
    """What a kind of result cost.

    Attributes:
        category: prevention, appraisal, internal_failure or external_failure.
        result: What it was: scrap, rework, return, inspection or prevention.
        quantity: Of `unit`; of pieces and of hours.
        amount: Of all whose cost is known; None: of none.
        unknown_count: Rows without a rate, a standard cost, an exchange rate or a currency.
    """

    category: str
    result: str
    unit: str | None
    quantity: Decimal
    amount: Decimal | None
    unknown_count: int


def quality_costs(
    con: duckdb.DuckDBPyConnection,
    *,
    site_id: str,
    currency: str,
    since: date | None = None,
    until: date | None = None,
    order_id: str | None = None,
) -> list[QualityCost]:
    """The cost of quality by category and result, from a production date on and before another.

    What no costing version holds for has no currency: it counts in each, as unknown.
    """
    return rows(
        con,
        QualityCost,
        """
        select quality_cost_category as category, result, unit, sum(quantity) as quantity,
            sum(amount) filter (where currency = $currency) as amount,
            count(*) - count(amount) filter (where currency = $currency) as unknown_count
        from marts.cost_of_quality
        where site_id = $site_id and (currency = $currency or currency is null)
            and ($since is null or production_date >= $since)
            and ($until is null or production_date < $until)
            and ($order_id is null or production_order_id = $order_id)
        group by all
        order by amount desc nulls last, result, unit
        """,
        site_id=site_id,
        currency=currency,
        since=since,
        until=until,
        order_id=order_id,
    )
