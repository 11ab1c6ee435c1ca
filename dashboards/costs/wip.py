"""The page of work in process: how much money stands on the floor, how long, in which orders."""

from collections.abc import Sequence
from decimal import Decimal

import plotly.graph_objects as go
from dash import dcc, html
from dash.development.base_component import Component

from dashboards import wording
from dashboards.app import Dashboard
from dashboards.costs import ledger, orders, selected
from dashboards.costs.ledger import Chosen, Column, Row
from dashboards.costs.selected import View
from dashboards.figures import age_classes
from dashboards.history import NothingPublished
from dashboards.queries.cost_choices import Period
from dashboards.queries.work_in_process import WipRow

PATH = "/costs/wip"
_MOVEMENTS = {
    "opening": "Opening",
    "material": "+ Material",
    "conversion": "+ Conversion",
    "overhead": "+ Overhead",
    "subcontract": "+ Subcontract",
    "output": "− Output",
    "variance": "− Variance",
    "closing": "= Closing",
}
_EXTRA = ("opening", "material", "conversion", "overhead", "subcontract", "variance")
"""Movements that a phone has no room for."""

_COLUMNS = [
    Column("Order", is_words=True),
    Column("Item", is_words=True, is_extra=True),
    Column("Age, days"),
    *(Column(head, is_extra=name in _EXTRA) for name, head in _MOVEMENTS.items()),
]

_INPUTS = ("material", "conversion", "overhead", "subcontract")


def headline(dashboard: Dashboard, chosen: Chosen) -> list[Component]:
    """What was there, went in, came out and is left."""
    view, period, rows = _rows(dashboard, chosen)
    went_in = sum((_total(rows, name) for name in _INPUTS), Decimal(0))
    left = [row for row in rows if row.closing]
    oldest = max(left, key=lambda row: row.age_days, default=None)

    def money(amount: Decimal) -> str:
        return wording.rounded_money(amount, view.currency)

    return [
        ledger.tile(f"At the start of {period.period_id}", money(_total(rows, "opening"))),
        ledger.tile(
            "Went in at actual cost", money(went_in), "material, conversion, overhead, vendors"
        ),
        ledger.tile(
            "Came out at standard",
            money(_total(rows, "output")),
            html.Span(
                [
                    "variance of ended orders ",
                    wording.variance(_total(rows, "variance"), view.currency),
                ]
            ),
        ),
        ledger.tile(
            "Left, so far"
            if period.ends_at > view.now
            else f"Left at the end of {period.period_id}",
            money(_total(rows, "closing")),
            wording.count(len(left), "order"),
            f"the oldest for {wording.count(oldest.age_days, 'day')}" if oldest else None,
        ),
    ]


def ages(dashboard: Dashboard, chosen: Chosen) -> go.Figure:
    """What is left, by the days since its order's first cost."""
    view, _, rows = _rows(dashboard, chosen)
    return age_classes.work_in_process(rows, view.currency)


def by_order(dashboard: Dashboard, chosen: Chosen) -> list[Component]:
    """The roll-forward of the period by order."""
    view, period, rows = _rows(dashboard, chosen)
    if not rows:
        return [html.P(f"Nothing was in process in {period.period_id}.", className="note")]
    left = [row for row in rows if row.closing]
    ended = [row for row in rows if not row.closing]
    shown = [_order_row(row, chosen) for row in left]
    if ended:
        shown.append(
            _sum_row(f"Nothing left: {wording.count(len(ended), 'order')}", ended, "total")
        )
    shown.append(_sum_row("All", rows, "total grand"))
    note = (
        f"All in {view.currency}. Age: whole days from the order's first cost to "
        f"{'now' if period.ends_at > view.now else 'the end of the period'}. Output: finished "
        "pieces at standard cost. What is left below nought was finished before it was charged."
    )
    return [
        ledger.table(_COLUMNS, shown, label="Work in process by order"),
        html.P(note, className="note"),
        *([_ended_orders(ended, chosen)] if ended else []),
    ]


def _ended_orders(ended: Sequence[WipRow], chosen: Chosen) -> Component:
    """Those of which nothing is left, out of the way until somebody asks."""
    table = ledger.table(
        _COLUMNS,
        [_order_row(row, chosen) for row in ended],
        label="Orders of which nothing is left",
    )
    return html.Details([html.Summary("Orders of which nothing is left"), table])


def _sum_row(name: str, rows: Sequence[WipRow], kind: str) -> Row:
    return Row(
        [name, "", "", *(ledger.amount(_total(rows, each)) for each in _MOVEMENTS)], kind=kind
    )


def _rows(dashboard: Dashboard, chosen: Chosen) -> tuple[View, Period, Sequence[WipRow]]:
    view = selected.view(dashboard, chosen)
    found = selected.in_process(dashboard, view)
    if found is None:
        raise NothingPublished("there is no period yet")
    return view, *found


def _total(rows: Sequence[WipRow], name: str) -> Decimal:
    return sum((getattr(row, name) for row in rows), Decimal(0))


def _order_row(row: WipRow, chosen: Chosen) -> Row:
    kept = {name: value for name, value in chosen.items() if name == "site"}
    address = ledger.href(orders.PATH, kept, order=row.production_order_id)
    name = [
        dcc.Link(row.production_order_id, href=address, className="go"),
        html.Small(row.item_name, className="beside"),
    ]
    cells = [
        ledger.variance(row.variance)
        if name_ == "variance" and row.variance
        else ledger.amount(getattr(row, name_))
        for name_ in _MOVEMENTS
    ]
    return Row([name, row.item_name, str(row.age_days), *cells])
