"""The page of costs: what orders cost against their standard, why, and what time was lost to.

Every function takes the dashboard and what the URL selects. They raise `TaktError` where there is
nothing to show; `dashboards.costs.ledger.why_nothing` says it in words.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import groupby

import plotly.graph_objects as go
from dash import html
from dash.development.base_component import Component

from dashboards import wording
from dashboards.app import Dashboard
from dashboards.components import Child
from dashboards.costs import costing_sheets, ledger, losses, selected
from dashboards.costs.ledger import Chosen, Column, Row
from dashboards.costs.ledger import go as link
from dashboards.costs.material_usage import panel as material_panel
from dashboards.costs.selected import View
from dashboards.figures import paretos, waterfalls
from dashboards.figures.drawing import message
from dashboards.queries import machine_losses, order_costs
from dashboards.queries.order_costs import ORDER_SORTS, CostLine, OrderRow, Variance

PATH = "/costs"
A_PAGE = 50
_STEPS = {
    "lot_size": "Lot size",
    "quantity": "Quantity",
    "price": "Price",
    "substitution": "Substitution",
    "rounding": "Rounding",
}
_COLUMNS = {
    "order": Column("Order", is_words=True),
    "item": Column("Item", is_words=True, is_extra=True),
    "status": Column("Status", is_words=True, is_extra=True),
    "quantity": Column("Quantity", is_extra=True),
    "absorbed": Column("Absorbed", is_extra=True),
    "actual": Column("Actual"),
    "variance": Column("Variance"),
    "cause": Column("Biggest cause", is_words=True),
}
_BIGGEST_FIRST = ("quantity", "absorbed", "actual", "variance")


def headline(dashboard: Dashboard, chosen: Chosen) -> list[Component]:
    """Absorbed, actual, variance and work in process of the chosen period."""
    view = selected.view(dashboard, chosen)
    ask = dashboard.history.ask
    totals = ask(order_costs.order_totals, selection=view.selection)
    orders = wording.count(totals.orders, "order")
    running = f"{totals.running} of them running, so far" if totals.running else "all ended"
    return [
        ledger.tile(
            "Absorbed: good pieces at standard",
            wording.rounded_money(totals.absorbed, view.currency),
            f"{orders}, {running}" if totals.orders else "No order cost anything",
        ),
        ledger.tile(
            "Actual cost",
            wording.rounded_money(totals.actual, view.currency),
            _against(totals.variance, totals.absorbed),
        ),
        ledger.tile(
            "Variance: actual less absorbed",
            html.Span(
                [
                    wording.rounded_money(totals.variance, view.currency),
                    ledger.badge(totals.variance),
                ]
            ),
            _share(totals.variance, totals.absorbed),
            _running_part(totals.running_variance, view.currency)
            if 0 < totals.running < totals.orders
            else None,
            _before(dashboard, view),
        ),
        _wip_tile(dashboard, view),
    ]


def what_is_shown(dashboard: Dashboard, chosen: Chosen) -> list[Child]:
    """What the pictures are about, with a way back from one order to all."""
    view = selected.view(dashboard, chosen)
    if order_id := chosen.get("order"):
        address = ledger.href(PATH, chosen, order=None, loss=None, at=None)
        return [
            link([f"Order {order_id}", html.Span(" ×", **{"aria-hidden": "true"})], address,
                 label=f"Show all orders instead of {order_id}"),
        ]  # fmt: skip
    kind = {True: "Ended", False: "Running", None: "All"}[view.selection.is_final]
    return [f"{kind} orders of {view.period_name}"]


def waterfall(dashboard: Dashboard, chosen: Chosen) -> go.Figure:
    """From absorbed to actual cost, of all chosen orders or one."""
    view = selected.view(dashboard, chosen)
    selection = view.of_order(chosen.get("order"))
    totals = dashboard.history.ask(order_costs.order_totals, selection=selection)
    if not totals.orders:
        return message(f"No order cost anything in {view.period_name}")
    found = dashboard.history.ask(order_costs.variances, selection=selection)
    steps = {
        name: sum((each.amount for each in found if each.variance_type == kind), Decimal(0))
        for kind, name in _STEPS.items()
    }
    if not steps["Rounding"]:
        del steps["Rounding"]
    return waterfalls.variances(totals.absorbed, steps, totals.actual, view.currency)


def lost_time(dashboard: Dashboard, chosen: Chosen) -> go.Figure:
    """The Pareto of what machine time was lost to, by money."""
    view = selected.view(dashboard, chosen)
    selection = view.of_order(chosen.get("order"))
    found = dashboard.history.ask(machine_losses.loss_sums, selection=selection)
    return paretos.machine_losses(found, view.currency)


def listed(dashboard: Dashboard, chosen: Chosen) -> list[Component]:
    """The chosen orders, each a link to what it is made of."""
    view = selected.view(dashboard, chosen)
    sort, is_descending = _sort(chosen)
    limit = _limit(chosen)
    found: list[OrderRow] = dashboard.history.ask(
        order_costs.orders,
        selection=view.selection,
        find=chosen.get("find", ""),
        sort=sort,
        is_descending=is_descending,
        limit=limit,
    )
    if not found:
        return [html.P(_no_order(chosen, view), className="note")]
    columns = [
        replace(column, head=_sort_link(chosen, name, sort, view.currency, goes_down=is_descending))
        for name, column in _COLUMNS.items()
    ]
    table = ledger.table(columns, [_order_row(each, chosen) for each in found], label="Orders")
    return [table, *_more(chosen, found[0].matching, limit)]


def order(dashboard: Dashboard, chosen: Chosen) -> list[Component]:
    """One order: costs, also on its sheet, variances, losses, material. Empty without a choice."""
    order_id = chosen.get("order")
    if not order_id:
        return []
    view = selected.view(dashboard, chosen)
    ask = dashboard.history.ask
    selection = view.of_order(order_id)
    found: list[OrderRow] = ask(order_costs.orders, selection=selection, limit=1)
    if not found:
        return [html.P(f"Order {order_id} has no cost at {view.scope.site_id}.", className="note")]
    lines = ask(order_costs.cost_lines, order_id=order_id)
    details = ask(order_costs.variances, selection=selection)
    return [
        ledger.panel(
            _order_heading(found[0]),
            _line_table(lines, found[0]),
            costing_sheets.of_order(dashboard, order_id, found[0].currency),
            is_wide=True,
        ),
        ledger.panel(
            [html.H2("Why: variances in detail")], _variance_table(details, view.currency)
        ),
        ledger.panel(
            [html.H2("What machine time was lost to")],
            losses.of_order(dashboard, chosen, order_id, view.currency),
        ),
        material_panel(dashboard, order_id, view.currency),
    ]


def _against(part: Decimal, whole: Decimal) -> str | None:
    if not whole:
        return None
    side = "over" if part >= 0 else "under"
    return f"{wording.signed(abs(part) / whole * 100, 1)} % {side} absorbed cost"


def _share(part: Decimal, whole: Decimal) -> str | None:
    if not whole:
        return None
    return f"{wording.signed(part / whole * 100, 1)} % of absorbed"


def _running_part(amount: Decimal, currency: str) -> Component:
    return html.Span(["of it running orders so far ", wording.variance(amount, currency)])


def _before(dashboard: Dashboard, view: View) -> str | None:
    """The variance of the period before, as a share; None: there is none."""
    earlier = [
        each for each in view.periods if view.period and each.starts_at < view.period.starts_at
    ]
    if not earlier:
        return None
    totals = dashboard.history.ask(order_costs.order_totals, selection=view.of_period(earlier[0]))
    if not totals.absorbed:
        return None
    share = wording.signed(totals.variance / totals.absorbed * 100, 1)
    return f"{earlier[0].period_id}: {share} %"


def _wip_tile(dashboard: Dashboard, view: View) -> Component:
    found = selected.in_process(dashboard, view)
    if found is None:
        return ledger.tile("Work in process", wording.NOTHING)
    period, rows = found
    closing = sum((each.closing for each in rows), Decimal(0))
    opening = sum((each.opening for each in rows), Decimal(0))
    count = sum(1 for each in rows if each.closing)
    when = "now" if period.ends_at > view.now else f"end of {period.period_id}"
    return ledger.tile(
        f"Work in process, {when}",
        wording.rounded_money(closing, view.currency),
        f"{wording.count(count, 'order')}; {wording.rounded_money(opening, view.currency)} at the"
        f" start of {period.period_id}",
    )


def _sort(chosen: Chosen) -> tuple[str, bool]:
    asked = chosen.get("sort", "")
    name = asked.removeprefix("-")
    if name not in ORDER_SORTS:
        return "variance", True
    return name, asked.startswith("-")


def _limit(chosen: Chosen) -> int:
    asked = chosen.get("shown", "")
    return max(A_PAGE, min(int(asked), 5_000)) if asked.isdigit() else A_PAGE


def _sort_link(
    chosen: Chosen, name: str, sort: str, currency: str, *, goes_down: bool
) -> Component:
    is_chosen = name == sort
    would_go_down = not goes_down if is_chosen else name in _BIGGEST_FIRST
    asked = f"-{name}" if would_go_down else name
    arrow = (" ▾" if goes_down else " ▴") if is_chosen else ""
    head = str(_COLUMNS[name].head)
    unit = f", {currency}" if name in ("absorbed", "actual", "variance") else ""
    return link(
        [f"{head}{unit}", html.Span(arrow, **{"aria-hidden": "true"})],
        ledger.href(PATH, chosen, sort=None if asked == "-variance" else asked),
        label=f"Sort by {head.lower()}, {'descending' if would_go_down else 'ascending'}",
    )


def _order_row(found: OrderRow, chosen: Chosen) -> Row:
    is_chosen = found.production_order_id == chosen.get("order")
    address = ledger.href(PATH, chosen, order=found.production_order_id, loss=None, at=None)
    name = link(
        found.production_order_id,
        address,
        then="costs-order",
        label=f"Order {found.production_order_id}: what it is made of",
        is_chosen=is_chosen,
    )
    return Row(
        [
            [name, html.Small(_in_short(found), className="beside")],
            found.item_name,
            _status(found),
            _made_of(found),
            ledger.amount(found.absorbed),
            ledger.amount(found.actual),
            ledger.variance(found.variance),
            _cause(found),
        ],
        kind="chosen" if is_chosen else "",
    )


def _in_short(found: OrderRow) -> str:
    """What a phone shows below the number."""
    return found.item_name if found.is_final else f"{found.item_name}, running"


def _status(found: OrderRow) -> Child:
    if found.is_final:
        return "ended"
    return html.Span("running, so far", className="provisional")


def _made_of(found: OrderRow) -> str:
    ordered = ledger.quantity(found.order_quantity, found.unit)
    return f"{ledger.quantity(found.good_quantity, None)} of {ordered}"


def _cause(found: OrderRow) -> list[Child]:
    if not found.detail_type or found.detail_amount is None:
        return [wording.NOTHING]
    said = f"{wording.name_of(found.detail_type)} {ledger.amount(found.detail_amount, 0)}"
    return [said, ledger.badge(found.detail_amount)]


def _more(chosen: Chosen, matching: int, limit: int) -> list[Component]:
    if matching <= limit:
        return [html.P(wording.count(matching, "order"), className="note")]
    address = ledger.href(PATH, chosen, shown=str(limit + A_PAGE))
    return [
        html.P([f"{limit} of {matching:,} orders. ", link("Show more", address)], className="note")
    ]


def _no_order(chosen: Chosen, view: View) -> str:
    if chosen.get("find"):
        return f"No order of {view.period_name} is called “{chosen['find']}”."
    if chosen.get("status") == "running":
        return (
            "No order is running in this period." if not view.is_current else "No order is running."
        )
    return (
        f"No order cost anything in {view.period_name}. Orders belong to the period in which "
        "they ended, those that run to the current one."
    )


def _order_heading(found: OrderRow) -> list[Child]:
    so_far = "" if found.is_final else ": it runs, figures are so far"
    return [
        html.H2(f"Order {found.production_order_id}: three baselines and what it cost"),
        html.Span(f"{found.item_name}, {_made_of(found)}{so_far}"),
    ]


def _line_table(lines: Sequence[CostLine], found: OrderRow) -> Component:
    columns = [
        Column("Operation and cost group", is_words=True),
        Column("Needed of it", is_extra=True),
        Column("Used of it", is_extra=True),
        Column(f"Estimate, {found.currency}", is_extra=True),
        Column("Standard"),
        Column("Absorbed"),
        Column("Actual"),
        Column("Variance"),
    ]
    rows: list[Row] = []
    for operation_id, group in groupby(lines, key=lambda line: line.operation_id):
        of_operation = list(group)
        name = f"Operation {operation_id}" if operation_id else "Of no operation"
        rows.append(_sum_row(name, of_operation, kind="total"))
        rows += [_line_row(line) for line in of_operation]
    rows.append(_sum_row("Order", lines, kind="total grand"))
    note = html.P(
        "Estimate: the order quantity by the versions it names. Standard: what its good pieces and "
        "one lot may cost. Absorbed: what its good pieces carry. Variance: actual less absorbed, F "
        "favourable, U unfavourable.",
        className="note",
    )
    return html.Div([ledger.table(columns, rows, label="Operations and cost groups"), note])


def _line_row(line: CostLine) -> Row:
    return Row(
        [
            wording.name_of(line.cost_group_id),
            ledger.quantity(line.standard_quantity, line.unit),
            ledger.quantity(line.actual_quantity, line.unit),
            *(
                ledger.amount(each)
                for each in (line.estimate, line.standard, line.absorbed, line.actual)
            ),
            ledger.variance(line.variance),
        ],
        level=1,
    )


def _sum_row(name: str, lines: Sequence[CostLine], *, kind: str) -> Row:
    def total(of: str) -> Decimal | None:
        told = [value for line in lines if (value := getattr(line, of)) is not None]
        return sum(told, Decimal(0)) if told else None

    amounts = (total(of) for of in ("estimate", "standard", "absorbed", "actual"))
    return Row(
        [
            name,
            "",
            "",
            *(ledger.amount(each) for each in amounts),
            ledger.variance(total("variance")),
        ],
        kind=kind,
    )


def _variance_table(details: Sequence[Variance], currency: str) -> Component:
    if not details:
        return html.P("It cost exactly what its pieces carry.", className="note")
    rows = [
        Row(
            [
                wording.name_of(each.detail_type),
                _STEPS.get(each.variance_type, wording.name_of(each.variance_type)),
                ledger.variance(each.amount),
            ],
        )
        for each in details
    ]
    total = sum((each.amount for each in details), Decimal(0))
    rows.append(Row(["All", "", ledger.variance(total)], kind="total grand"))
    columns = [
        Column("Detail", is_words=True),
        Column("Kind", is_words=True),
        Column(f"Amount, {currency}"),
    ]
    return ledger.table(columns, rows, label="Variances in detail")
