"""Process costing on the page of work in process: what units in process are worth."""

from dash import html
from dash.development.base_component import Component

from dashboards import wording
from dashboards.app import Dashboard
from dashboards.costs import ledger, selected
from dashboards.costs.ledger import Chosen, Column, Row
from dashboards.queries.equivalent_units import EquivalentUnits, equivalent_units

_DIGITS = 4
_SHOWN = 50


def in_process(dashboard: Dashboard, chosen: Chosen) -> list[Component]:
    """Operations of process orders with units in process; nothing where there are none."""
    view = selected.view(dashboard, chosen)
    period = view.period or next(iter(view.periods), None)
    if period is None:
        return []
    found: list[EquivalentUnits] = dashboard.history.ask(
        equivalent_units,
        site_id=view.scope.site_id,
        currency=view.currency,
        period_id=period.period_id,
        limit=_SHOWN,
    )
    if not found:
        return []
    columns = [
        Column("Order, operation", is_words=True),
        Column("Cost class", is_words=True),
        Column("Completed", is_extra=True),
        Column("In process"),
        Column("Done", is_extra=True),
        Column("Equivalent units", is_extra=True),
        Column(f"Cost per unit, {view.currency}"),
        Column("Transferred", is_extra=True),
        Column("Left in process"),
    ]
    table = ledger.table(columns, [_row(each) for each in found], label="Equivalent units")
    note = html.P(
        "Orders of process costing, operations that have units in process. Equivalent units: "
        "completed + in process × how far they are done in the cost class; their cost is the "
        "weighted average of the period.",
        className="note",
    )
    heading = [html.H2("Process costing: what units in process are worth")]
    return [ledger.panel(heading, table, *_further(found[0]), note, is_wide=True)]


def _further(found: EquivalentUnits) -> list[Component]:
    if found.operations <= _SHOWN:
        return []
    number = wording.count(found.operations - _SHOWN, "further operation")
    said = f"The {_SHOWN} operations whose units in process are worth most; {number}."
    return [html.P(said, className="note")]


def _row(found: EquivalentUnits) -> Row:
    name = f"{found.production_order_id}, {found.operation_id}"
    return Row(
        [
            [name, html.Small(f" {found.item_name}")],
            wording.name_of(found.cost_class),
            ledger.quantity(found.completed, found.unit),
            ledger.quantity(found.in_process, found.unit),
            wording.percent(found.complete_ratio),
            ledger.quantity(found.equivalent, found.unit),
            ledger.amount(found.unit_cost, _DIGITS),
            ledger.amount(found.transferred_amount),
            ledger.amount(found.in_process_amount),
        ]
    )
