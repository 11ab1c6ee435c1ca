"""Furniture of the pages of costs: amounts, variances, tables, links that change the selection.

Rows in, components out; no question is asked here.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from dash import html
from dash.development.base_component import Component

from dashboards import components, wording
from dashboards.components import Child
from dashboards.history import HistoryUnavailable, NothingPublished
from dashboards.queries.cost_choices import CostVersion
from takt.errors import TaktError

Chosen = Mapping[str, str]
"""What the URL of a page says, by name; what is absent has its default."""

Cell = Child | Sequence[Child]


class NoCosts(TaktError):
    """There is no costing version, so nothing has a cost."""


def href(path: str, chosen: Chosen, **changes: str | None) -> str:
    """The address of a page with its selection changed; None takes something out of it."""
    query = {name: value for name, value in {**chosen, **changes}.items() if value}
    return f"{path}?{urlencode(query)}" if query else path


def go(
    content: Cell, address: str, *, then: str = "", label: str = "", is_chosen: bool = False
) -> Component:
    """A link that changes the selection of the page it is on (`assets/costs.js`).

    Args:
        content: What it shows.
        address: Where it leads.
        then: Id of the part of the page to bring into view.
        label: What it says to ears; empty: its content.
        is_chosen: Whether it leads to what is shown.
    """
    said = {"aria-label": label} if label else {}
    current = {"aria-current": "true"} if is_chosen else {}
    return html.A(content, href=address, className="go", **{"data-then": then}, **said, **current)


def key(*parts: object) -> str:
    """A short name of something in the URL that has no id of its own."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:10]


def amount(value: Decimal | None, digits: int = 2) -> str:
    """An amount of a table, whose heading says the currency; None is a dash."""
    return wording.NOTHING if value is None else wording.signed(value, digits)


def variance(value: Decimal | None, digits: int = 2) -> Cell:
    """A variance of a table with the badge of its direction."""
    if value is None:
        return wording.NOTHING
    return [amount(value, digits), badge(value)]


def badge(value: Decimal) -> Component:
    """F or U, in colour and as a letter; of nought a blank of the same width."""
    letter = wording.direction(value)
    word = {"U": "unfavourable", "F": "favourable"}.get(letter, "")
    shape = f"badge badge-{word}" if word else "badge"
    return html.Abbr(letter, className=shape, title=word, **{"aria-label": word})


def quantity(value: Decimal | None, unit: str | None) -> str:
    """A quantity with as many places as say something."""
    if value is None:
        return wording.NOTHING
    size = abs(value)
    digits = 2 if size >= 10 else 3 if size >= 1 else 4 if size >= Decimal("0.01") else 6
    digits = 0 if value == int(value) else digits
    number = wording.signed(value, digits)
    number = number.rstrip("0").rstrip(".") if digits > 2 else number
    return f"{number}\N{NARROW NO-BREAK SPACE}{unit}" if unit else number


@dataclass(frozen=True)
class Column:
    """A column of a table: numbers stand right.

    Attributes:
        head: What it is called.
        is_words: It holds words, which stand left.
        is_extra: A phone has no room for it.
    """

    head: Child
    is_words: bool = False
    is_extra: bool = False

    @property
    def shape(self) -> str | None:
        """The class of its cells."""
        told = ("word" if self.is_words else "", "extra" if self.is_extra else "")
        return " ".join(filter(None, told)) or None


@dataclass(frozen=True)
class Row:
    """A row of a table; `kind` is `total`, `chosen`, `part` or nothing; `level` indents it."""

    cells: Sequence[Cell]
    kind: str = ""
    level: int = 0


def table(columns: Sequence[Column], rows: Sequence[Row], *, label: str) -> Component:
    """A table of figures; `label` says to ears what it is."""
    heads = [html.Th(each.head, scope="col", className=each.shape) for each in columns]
    return html.Div(
        html.Table(
            [html.Thead(html.Tr(heads)), html.Tbody([_row(columns, row) for row in rows])],
            className="figures",
            **{"aria-label": label},
        ),
        className="scroll",
        tabIndex="0",
        role="region",
        **{"aria-label": label},
    )


def _row(columns: Sequence[Column], row: Row) -> Component:
    cells = [
        html.Td([*cell] if isinstance(cell, list | tuple) else cell, className=column.shape)
        for column, cell in zip(columns, row.cells, strict=True)
    ]
    if row.level:
        cells[0].style = {"paddingLeft": f"{8 + 20 * row.level}px"}
    return html.Tr(cells, className=row.kind or None)


def panel(heading: Sequence[Child], *content: Child, is_wide: bool = False) -> Component:
    """A part of a page with its heading."""
    return html.Section(
        [html.Header([*heading]), *content], className="panel wide" if is_wide else "panel"
    )


def tile(label: str, number: Child, *below: Child) -> Component:
    """A headline figure with what it is compared with."""
    notes = [html.Span(each, className="note") for each in below if each]
    return html.Div(
        [html.Span(label, className="label"), html.Span(number, className="number"), *notes],
        className="tile",
    )


def notes(title: str, items: Sequence[Component]) -> Component:
    """What a reader should know before trusting the figures."""
    return html.Div(
        [html.Strong(title), html.Ul([*items])], className="notice notice-stale", role="status"
    )


def version_name(version: CostVersion, zone: ZoneInfo) -> str:
    """A costing version as people tell it from others; `zone` is the site's."""
    began = version.valid_from and wording.local(version.valid_from, zone)
    since = f" from {began:%-d %b %Y}" if began else ""
    return f"{version.cost_version_id} · {version.cost_version_type}, {version.status}{since}"


def why_nothing(error: TaktError) -> Component:
    """What to do where there is nothing to show."""
    if isinstance(error, NoCosts):
        return html.Section(
            [
                html.H2("No costing version is loaded"),
                html.P("Say what items, hours and overheads cost, then refresh:"),
                html.Ol(
                    [
                        _step(
                            "Load cost_version, item_cost, cost_rate, bom_line and "
                            "routing_operation",
                            "takt reference load FOLDER",
                        ),
                        _step("Roll them up and cost the orders", "takt refresh"),
                    ]
                ),
                html.P(
                    [
                        "What the files hold says ",
                        components.command("takt reference contract"),
                        "; how costs are computed stands in docs/costs.md.",
                    ]
                ),
            ],
            className="empty",
        )
    if isinstance(error, NothingPublished):
        return html.Section(
            [
                html.H2("No history yet"),
                html.P("Costs are shown as of the last refresh, and none has been published."),
                html.Ol([_step("Compute them now instead of in five minutes", "takt refresh")]),
            ],
            className="empty",
        )
    if isinstance(error, HistoryUnavailable):
        return html.P("The lake does not answer now; this returns by itself.", className="note")
    return html.P(str(error), className="note")


def _step(what: str, how: str) -> Component:
    return html.Li([html.Span(what), components.command(how)])
