"""The cost of quality on the page of costs: four categories side by side.

Belongs here: what it cost to prevent, to examine and to fail. No question is asked elsewhere.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from dash import html
from dash.development.base_component import Component

from dashboards import wording
from dashboards.app import Dashboard
from dashboards.components import Child
from dashboards.costs import ledger, selected
from dashboards.costs.ledger import Chosen, Column, Row
from dashboards.queries import quality_costs
from dashboards.queries.quality_costs import QualityCost

_CATEGORIES = ("prevention", "appraisal", "internal_failure", "external_failure")


def categories(dashboard: Dashboard, chosen: Chosen) -> list[Component]:
    """What quality cost in the chosen period, or of the chosen order, by category."""
    view = selected.view(dashboard, chosen)
    order_id, period = chosen.get("order"), view.period
    is_dated = period is not None and not order_id
    found: list[QualityCost] = dashboard.history.ask(
        quality_costs.quality_costs,
        site_id=view.scope.site_id,
        currency=view.currency,
        since=wording.local(period.starts_at, view.zone).date() if period and is_dated else None,
        until=wording.local(period.ends_at, view.zone).date() if period and is_dated else None,
        order_id=order_id,
    )
    if not found:
        return [html.P("Nothing was spent on quality, and nothing failed.", className="note")]
    columns = [
        Column("Category", is_words=True),
        Column("Quantity"),
        Column(f"Cost, {view.currency}"),
        Column("Share"),
    ]
    whole = _sum(found)
    rows = [row for category in _CATEGORIES for row in _rows(category, found, whole)]
    rows.append(Row(["Cost of quality", "", ledger.amount(whole), ""], kind="total grand"))
    return [
        ledger.table(columns, rows, label="Cost of quality"),
        html.P(_note(found, is_dated=is_dated), className="note"),
    ]


def what_is_shown(dashboard: Dashboard, chosen: Chosen) -> list[Child]:
    """What the categories are of: returns and bookings have no status that could be chosen."""
    if order_id := chosen.get("order"):
        return [f"Order {order_id}"]
    view = selected.view(dashboard, chosen)
    return [f"All that happened in {view.period_name}, of ended and of running orders"]


def _rows(category: str, found: Sequence[QualityCost], whole: Decimal) -> Iterator[Row]:
    part = [each for each in found if each.category == category]
    amount = _sum(part)
    share = wording.percent(amount / whole) if whole else wording.NOTHING
    yield Row([wording.name_of(category), "", ledger.amount(amount), share], kind="total")
    for each in part:
        yield Row(
            [
                wording.name_of(each.result),
                ledger.quantity(each.quantity, each.unit),
                ledger.amount(each.amount),
                "",
            ],
            level=1,
        )


def _sum(part: Sequence[QualityCost]) -> Decimal:
    return sum((each.amount for each in part if each.amount is not None), Decimal(0))


def _note(found: Sequence[QualityCost], *, is_dated: bool) -> str:
    unknown = sum(each.unknown_count for each in found)
    when = "In the period in which it arose, whenever its order ended. " if is_dated else ""
    missing = (
        f"In no sum: {wording.count(unknown, 'entry', 'entries')} without a rate, a standard cost "
        "or a currency."
        if unknown
        else ""
    )
    return (
        f"{when}Hours booked to prevent and to examine, and returns, are in no variance of an "
        f"order; scrap and rework are in quantity variances. {missing}"
    ).rstrip()
