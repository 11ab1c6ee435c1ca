"""What stands in process: the roll-forward of a period by order.

Belongs here: questions about `wip_rollforward`.
"""

from dataclasses import dataclass
from decimal import Decimal

import duckdb

from dashboards.queries.answers import rows


@dataclass(frozen=True, kw_only=True)
class WipRow:
    """The work in process of an order over a period."""

    production_order_id: str
    item_id: str
    item_name: str
    opening: Decimal
    material: Decimal
    conversion: Decimal
    overhead: Decimal
    subcontract: Decimal
    output: Decimal
    variance: Decimal
    closing: Decimal
    age_days: int


def work_in_process(
    con: duckdb.DuckDBPyConnection, *, site_id: str, currency: str, period_id: str
) -> list[WipRow]:
    """The work in process of a period by order, the most left first."""
    return rows(
        con,
        WipRow,
        """
        select wip.production_order_id, orders.item_id,
            coalesce(items.name, orders.item_id) as item_name,
            sum(opening_amount) as opening, sum(material_amount) as material,
            sum(conversion_amount) as conversion, sum(overhead_amount) as overhead,
            sum(subcontract_amount) as subcontract, sum(output_amount) as output,
            sum(variance_amount) as variance, sum(closing_amount) as closing,
            max(age_days) as age_days
        from marts.wip_rollforward as wip
        inner join marts.dim_production_order as orders using (production_order_id)
        left join marts.dim_item as items using (item_id)
        where wip.period_id = $period_id
            and orders.site_id = $site_id
            and wip.currency = $currency
        group by wip.production_order_id, orders.item_id, items.name
        order by abs(closing) desc, wip.production_order_id
        """,
        site_id=site_id,
        currency=currency,
        period_id=period_id,
    )
