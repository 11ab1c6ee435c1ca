"""Where orders cost other than their pieces carry: a table of work units by shifts.

Every function takes the dashboard and what the URL selects. They raise `TaktError` where there is
nothing to show; `dashboards.costs.ledger.why_nothing` says it in words.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from dash import html
from dash.development.base_component import Component

from dashboards import wording
from dashboards.app import Dashboard
from dashboards.costs import ledger, selected
from dashboards.costs.ledger import Chosen, Column, Row
from dashboards.queries import order_costs
from dashboards.queries.order_costs import PlaceVariance

_MOST = 12
"""So many work units have a row of their own."""
_NO_SHIFT = "No shift"
_NOTE = (
    "What was used in a shift less what the pieces made in it may need; material where it was "
    "issued. No shift: it was outside the shifts, or nobody tells when. No work unit: nobody tells "
    "where, as with vendors, or it is what rounding leaves."
)


def shown(dashboard: Dashboard, chosen: Chosen) -> list[Component]:
    """The variances of all chosen orders, or of one, by work unit and shift."""
    view = selected.view(dashboard, chosen)
    selection = view.of_order(chosen.get("order"))
    found = dashboard.history.ask(order_costs.place_variances, selection=selection)
    if not found:
        return [html.P("No order cost other than its pieces carry.", className="note")]
    return [place_table(found, view.currency), html.P(_NOTE, className="note")]


def place_table(found: Sequence[PlaceVariance], currency: str) -> Component:
    """Work units by shifts; the sums are those of all that was found."""
    shifts = sorted({_shift(each) for each in found}, key=lambda name: (name == _NO_SHIFT, name))
    columns = [
        Column(f"Work unit, {currency}", is_words=True),
        *(Column(shift, is_extra=True) for shift in shifts),
        Column("All"),
    ]
    rows = [_row(name, of_unit, shifts) for name, of_unit in _by_work_unit(found)]
    rows.append(_row("All", found, shifts, kind="total grand"))
    return ledger.table(columns, rows, label="Variances by work unit and shift")


def _by_work_unit(found: Sequence[PlaceVariance]) -> Iterable[tuple[str, list[PlaceVariance]]]:
    """The biggest first, then together those for which there is no row, last what is nowhere."""
    units: defaultdict[str | None, list[PlaceVariance]] = defaultdict(list)
    for each in found:
        units[each.work_unit_id].append(each)
    nowhere = units.pop(None, [])
    named = sorted(
        ((str(of_unit[0].work_unit_name), of_unit) for of_unit in units.values()),
        key=lambda each: (-abs(_sum(each[1])), each[0]),
    )
    yield from named[:_MOST]
    others = [each for _, of_unit in named[_MOST:] for each in of_unit]
    if others:
        yield wording.count(len(named) - _MOST, "other work unit"), others
    if nowhere:
        yield "No work unit", nowhere


def _row(name: str, found: Sequence[PlaceVariance], shifts: Sequence[str], kind: str = "") -> Row:
    by_shift: defaultdict[str, list[PlaceVariance]] = defaultdict(list)
    for each in found:
        by_shift[_shift(each)].append(each)
    cells = [
        ledger.variance(_sum(by_shift[shift]) if shift in by_shift else None) for shift in shifts
    ]
    return Row([name, *cells, ledger.variance(_sum(found))], kind=kind)


def _shift(found: PlaceVariance) -> str:
    return wording.shift_name(found.shift_id) if found.shift_id else _NO_SHIFT


def _sum(found: Sequence[PlaceVariance]) -> Decimal:
    return sum((each.amount for each in found), Decimal(0))
