"""Costing sheets on the pages of costs: cost groups as lines, below each stretch its subtotal.

Belongs here: the sheet of an item and that of an order. Which lines there are say the marts.
"""

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from dashboards import wording
from dashboards.app import Dashboard
from dashboards.costs import ledger, rollup
from dashboards.costs.ledger import Cell, Chosen, Column, Row
from dashboards.costs.rollup import Looked
from dashboards.queries import costing_sheets
from dashboards.queries.costing_sheets import SheetLine, UnitCostLine

_DIGITS = 4


def of_item(dashboard: Dashboard, chosen: Chosen) -> list[Component]:
    """The costing sheet of a unit at both levels, and in the other version."""
    found = rollup.looked(dashboard, chosen)
    lines: list[UnitCostLine] = dashboard.history.ask(
        costing_sheets.unit_cost_lines,
        cost_version_id=found.version.cost_version_id,
        item_id=found.item.item_id,
        other_version_id=found.other.cost_version_id if found.other else None,
    )
    columns = [
        Column("Line of the sheet", is_words=True),
        Column(f"Single level, {found.version.currency}"),
        Column("Rolled up"),
    ]
    if found.other:
        then = f"Rolled up in {found.other.cost_version_id}, {found.other.currency}"
        columns += [Column(then), Column("Difference")]
    rows = [_row(line, _unit_cells(line, found)) for line in lines]
    return [ledger.table(columns, rows, label="Costing sheet")]


def of_order(dashboard: Dashboard, order_id: str, currency: str) -> Component:
    """The costing sheet of an order, all its operations together; folded until somebody asks."""
    lines = dashboard.history.ask(costing_sheets.order_cost_lines, order_id=order_id)
    columns = [
        Column("Line of the sheet", is_words=True),
        Column(f"Estimate, {currency}", is_extra=True),
        Column("Standard"),
        Column("Absorbed"),
        Column("Actual"),
        Column("Variance"),
    ]
    rows = [
        _row(
            line,
            [
                *map(ledger.amount, (line.estimate, line.standard, line.absorbed, line.actual)),
                ledger.variance(line.variance),
            ],
        )
        for line in lines
    ]
    return html.Details(
        [
            html.Summary("Costing sheet: all operations together"),
            ledger.table(columns, rows, label="Costing sheet of the order"),
        ]
    )


def _unit_cells(line: UnitCostLine, found: Looked) -> list[Cell]:
    cells: list[Cell] = [
        ledger.amount(line.single, _DIGITS),
        ledger.amount(line.rolled_up, _DIGITS),
    ]
    if found.other:
        is_comparable = found.other.currency == found.version.currency
        difference = line.rolled_up - line.other
        cells += [
            ledger.amount(line.other, _DIGITS),
            ledger.variance(difference, _DIGITS) if is_comparable else wording.NOTHING,
        ]
    return cells


def _row(line: SheetLine, cells: Sequence[Cell]) -> Row:
    """A line; the total stands as far left as what goes into it."""
    kind = "total grand" if line.depth == 0 else "total" if line.is_subtotal else ""
    is_cost_group = line.line_id.endswith(f"/{line.name}")
    name = wording.name_of(line.name) if is_cost_group else line.name
    return Row([name, *cells], kind=kind, level=max(line.depth - 1, 0))
