"""The revaluation on the page of standard costs: what a new version makes of what is there.

Belongs here: the part of a version as a whole. What a unit costs is in `dashboards.costs.rollup`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from dash import dcc, html
from dash.development.base_component import Component

from dashboards import components, wording
from dashboards.app import Dashboard
from dashboards.components import Child
from dashboards.costs import ledger, orders, rollup, selected
from dashboards.costs.ledger import Cell, Chosen, Column, Row
from dashboards.queries import revaluations
from dashboards.queries.cost_choices import CostVersion
from dashboards.queries.revaluations import Revalued

_SHOWN = 50
_DIGITS = 4
_LOAD = components.command("takt reference load FOLDER")
_KINDS = {"stock": ("Stock", "item"), "in_process": ("Work in process", "order")}


@dataclass(frozen=True)
class _Words:
    """How the part speaks of what is there when a version begins."""

    no_earlier: str
    nothing: str
    no_stock: str
    takes_the_place: str
    then: str
    there: str
    orders: str
    in_process: str


_BEGUN = _Words(
    no_earlier="No active standard was before this one: it revalues nothing.",
    nothing="Nothing was in process when it began, and no stock had been counted.",
    no_stock="No stock had been counted when it began.",
    takes_the_place="took the place of",
    then="what was there then",
    there="What was there",
    orders="Orders that were in process",
    in_process="What an order had used by then less what it had finished, both at standard. Below "
    "nought: more was finished than had been charged.",
)
_TO_BEGIN = _Words(
    no_earlier="No active standard is before this one: it will revalue nothing.",
    nothing="Nothing is in process yet, and no stock has been counted.",
    no_stock="No stock has been counted yet.",
    takes_the_place="will take the place of",
    then="what is there so far",
    there="What is there",
    orders="Orders that are in process",
    in_process="What an order has used so far less what it has finished, both at standard. Below "
    "nought: more is finished than has been charged.",
)


def shown(dashboard: Dashboard, chosen: Chosen) -> list[Component]:
    """What the version makes of stock and work in process when it begins; the totals first."""
    version = rollup.looked(dashboard, chosen).version
    if (version.cost_version_type, version.status) != ("standard", "active"):
        return [_note("Only an active standard revalues what is there; this version is none.")]
    words = _TO_BEGIN if selected.is_to_begin(dashboard, version) else _BEGUN
    if version.previous_version_id is None:
        return [_note(words.no_earlier)]
    found: list[Revalued] = dashboard.history.ask(
        revaluations.revalued, cost_version_id=version.cost_version_id, limit=_SHOWN
    )
    if not found:
        return [_note(f"{words.nothing} Stock is what the file stock says: ", _LOAD)]
    stock, in_process = ([each for each in found if each.kind == kind] for kind in _KINDS)
    return [
        _note(_when(version, selected.zone_of(dashboard, version.site_id), words)),
        _totals(stock, in_process, version.currency, words),
        *([_stock(stock)] if stock else [_note(*_no_stock(words))]),
        *([_in_process(in_process, words)] if in_process else []),
        *_unknown(stock),
    ]


def _note(*said: Child) -> Component:
    return html.P([*said], className="note")


def _no_stock(words: _Words) -> list[Child]:
    return [f"{words.no_stock} Load the file stock to see what it is worth: ", _LOAD]


def _when(version: CostVersion, zone: ZoneInfo, words: _Words) -> str:
    began = version.valid_from and wording.local(version.valid_from, zone)
    when = f"On {began:%-d %b %Y} at {began:%H:%M} " if began else ""
    return (
        f"{when}{version.cost_version_id} {words.takes_the_place} {version.previous_version_id}: "
        f"{words.then}, by the one and by the other."
    )


def _totals(
    stock: Sequence[Revalued], in_process: Sequence[Revalued], currency: str, words: _Words
) -> Component:
    columns = [
        Column(words.there, is_words=True),
        Column(f"Before, {currency}"),
        Column("After"),
        Column("Difference"),
    ]
    lines = [
        Row([_counted(kind, part), *_sums(part)])
        for kind, part in zip(_KINDS, (stock, in_process), strict=True)
    ]
    total = Row(["All", *_sums([*stock, *in_process])], kind="total grand")
    return ledger.table(columns, [total, *lines], label="Revaluation")


def _counted(kind: str, part: Sequence[Revalued]) -> str:
    name, one = _KINDS[kind]
    return f"{name}: {wording.count(sum(each.row_count for each in part), one)}"


def _sums(part: Sequence[Revalued]) -> list[Cell]:
    names = ("previous_amount", "amount", "difference")
    return [
        ledger.amount(sum((getattr(each, name) or Decimal(0) for each in part), Decimal(0)))
        for name in names
    ]


def _stock(part: Sequence[Revalued]) -> Component:
    columns = [
        Column("Item in stock", is_words=True),
        Column("Quantity"),
        Column("Unit cost before", is_extra=True),
        Column("Unit cost after", is_extra=True),
        Column("Before"),
        Column("After"),
        Column("Difference"),
    ]
    lines = [
        Row([_rest("item", each), "", "", "", *_amounts(each)], kind="part")
        if each.is_rest
        else Row(
            [
                [each.item_name, html.Small(f" {each.item_id}")],
                ledger.quantity(each.quantity, each.unit),
                ledger.amount(each.previous_unit_cost, _DIGITS),
                ledger.amount(each.unit_cost, _DIGITS),
                *_amounts(each),
            ]
        )
        for each in part
    ]
    return ledger.table(columns, lines, label="Revaluation of stock")


def _in_process(part: Sequence[Revalued], words: _Words) -> Component:
    """Order by order, out of the way until somebody asks."""
    columns = [
        Column("Order in process", is_words=True),
        Column("Item", is_words=True, is_extra=True),
        Column("Before"),
        Column("After"),
        Column("Difference"),
    ]
    lines = [
        Row([_rest("order", each), "", *_amounts(each)], kind="part")
        if each.is_rest
        else Row([_order(each), each.item_name, *_amounts(each)])
        for each in part
    ]
    table = ledger.table(columns, lines, label="Revaluation of work in process")
    return html.Details([html.Summary(words.orders), table, _note(words.in_process)])


def _order(each: Revalued) -> Cell:
    order_id = each.production_order_id or ""
    # Of all periods: the order may have ended in an earlier one.
    address = ledger.href(orders.PATH, {"period": selected.EVER, "order": order_id})
    return dcc.Link(order_id, href=address, className="go")


def _amounts(each: Revalued) -> list[Cell]:
    return [*map(ledger.amount, (each.previous_amount, each.amount, each.difference))]


def _rest(one: str, each: Revalued) -> str:
    return f"{wording.count(each.row_count, f'further {one}')}"


def _unknown(stock: Sequence[Revalued]) -> list[Component]:
    number = sum(each.unknown_count for each in stock)
    if not number:
        return []
    said = f"{wording.count(number, 'item')} in stock without a standard in one of the versions"
    return [_note(f"{said}: what it is worth is not known, and in no sum.")]
