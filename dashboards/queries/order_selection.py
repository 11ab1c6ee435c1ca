"""Which orders a question about costs is about, as values and as the SQL that selects them.

Belongs here: what `order_costs` and `machine_losses` have in common.
"""

from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which orders a question is about.

    Attributes:
        period_id: Those that ended in it; None: whenever.
        is_current: Those that run, too.
        is_final: Only those that have ended, or only those that run; None: both.
        order_id: Only this one, whatever else is selected.
    """

    site_id: str
    currency: str
    period_id: str | None = None
    is_current: bool = True
    is_final: bool | None = None
    order_id: str | None = None

    @property
    def bound(self) -> dict[str, object]:
        """The values that the statements name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


SELECTED = """
    select costs.production_order_id, orders.item_id, orders.order_quantity, orders.site_id,
        any_value(costs.period_id) as period_id, bool_and(costs.is_final) as is_final,
        coalesce(sum(costs.amount) filter (where costs.basis = 'absorbed'), 0) as absorbed,
        coalesce(sum(costs.amount) filter (where costs.basis = 'actual'), 0) as actual,
        actual - absorbed as variance, any_value(costs.currency) as currency
    from marts.order_cost as costs
    inner join marts.dim_production_order as orders using (production_order_id)
    where orders.site_id = $site_id
        and costs.currency = $currency
        and costs.basis in ('absorbed', 'actual')
        and ($period_id is null or costs.period_id = $period_id
            or ($is_current and not costs.is_final))
        and ($is_final is null or costs.is_final = $is_final)
        and ($order_id is null or costs.production_order_id = $order_id)
    group by costs.production_order_id, orders.item_id, orders.order_quantity, orders.site_id
"""
"""The selected orders with what they cost, one row each; bound by `Selection.bound`.

An order belongs to the period in which it ended; one that runs to the current period.
"""
