"""The material of an order on the page of costs: what it should have used beside what it did."""

from dash import html
from dash.development.base_component import Component

from dashboards import wording
from dashboards.app import Dashboard
from dashboards.costs import ledger
from dashboards.costs.ledger import Cell, Column, Row
from dashboards.queries import material_usage
from dashboards.queries.material_usage import UsedMaterial


def panel(dashboard: Dashboard, order_id: str, currency: str) -> Component:
    """The part of the page about an order's material."""
    heading = [html.H2("What material went into it")]
    found = dashboard.history.ask(material_usage.used_material, order_id=order_id)
    if not found:
        said = html.P("Neither its bill nor anybody tells of material.", className="note")
        return ledger.panel(heading, said, is_wide=True)
    columns = [
        Column("Material", is_words=True),
        Column("Planned"),
        Column("Issued", is_extra=True),
        Column("Measured", is_extra=True),
        Column("Costed"),
        Column("More than planned"),
        Column("From", is_words=True, is_extra=True),
        Column(f"Cost, {currency}"),
    ]
    table = ledger.table(columns, [_row(each) for each in found], label="Material of the order")
    note = html.P(
        "Planned: what the pieces so far should have needed by the bill of material, with its "
        "scrap. Issued: less what went back. Costed: as issued, else as measured, else as planned "
        "if nothing at all was issued to the order.",
        className="note",
    )
    return ledger.panel(heading, table, note, is_wide=True)


def _row(found: UsedMaterial) -> Row:
    cells = [
        ledger.quantity(each, found.unit)
        for each in (found.planned, found.issued, found.measured, found.used)
    ]
    return Row(
        [
            [found.item_name, html.Small(f" {found.item_id}")],
            *cells,
            _excess(found),
            found.source or wording.NOTHING,
            ledger.amount(found.amount),
        ]
    )


def _excess(found: UsedMaterial) -> Cell:
    """How much more than planned; of what is not planned, or not yet, there is no share."""
    if not found.is_planned:
        return "not planned"
    if found.excess is None:
        return wording.NOTHING
    return f"{wording.signed(found.excess * 100, 1)}\N{NARROW NO-BREAK SPACE}%"
