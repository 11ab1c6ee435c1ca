"""What the pages of costs share: their outline, their controls, and words instead of a failure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
import plotly.graph_objects as go
from dash import dcc, html
from dash.development.base_component import Component

from dashboards import components
from dashboards.app import Dashboard
from dashboards.components import Child
from dashboards.costs import ledger, selected
from dashboards.costs.ledger import Chosen, NoCosts
from dashboards.figures.drawing import message
from dashboards.history import HistoryUnavailable, NothingPublished
from takt.errors import TaktError


def page(
    name: str,
    question: str,
    chosen: Chosen,
    filters: Sequence[Component],
    content: Sequence[Component],
) -> Component:
    """A page: its question, what may be chosen, and what is hidden where nothing has a cost.

    Args:
        name: How the ids of its parts begin.
        question: What it answers.
        chosen: What the URL says.
        filters: Its controls.
        content: Its parts.
    """
    return html.Main(
        [
            html.H1(question, className="unseen"),
            dcc.Store(id=f"{name}-chosen", data={**chosen}),
            dcc.Store(id=f"{name}-publication"),
            dcc.Store(id=f"{name}-offers"),
            html.Div(id=f"{name}-notice", className="page-notice"),
            html.Div(id=f"{name}-empty", className="page-empty"),
            html.Div(id=f"{name}-instead"),
            html.Div(
                [
                    html.Section(
                        [*filters], className="filters", **{"aria-label": "What to look at"}
                    ),
                    *content,
                ],
                id=f"{name}-content",
            ),
        ],
        id=f"{name}-page",
        className="page costing is-waiting",
    )


def select(page_name: str, name: str, label: str, **more: object) -> Component:
    """A choice whose values a callback fills in; hidden with its box where there is but one."""
    control = dmc.Select(
        id=f"{page_name}-{name}", data=[], value="", allowDeselect=False, **more,
        **{"aria-label": label},
    )  # fmt: skip
    return html.Div(control, id=f"{page_name}-{name}-box")


def chart(question: str, name: str, beside: str) -> Component:
    """A panel with one figure, and beside its question a part that says what it is about."""
    graph = dcc.Graph(
        id=name,
        config={"displayModeBar": False},
        responsive=True,
        className="chart",
        style={"height": "300px"},
    )
    return html.Section(
        [html.Header([html.H2(question), html.Span(id=beside)]), graph], className="panel"
    )


def waiting_tiles(count: int) -> list[Component]:
    """Tiles before their figures are there."""
    return [html.Div(className="tile") for _ in range(count)]


Offers = dict[str, dict[str, Any]]
"""Props by the id of a control or its box. They are set in the browser and are no outputs: what a
control says is an input of what it is given."""


def frame(name: str, dashboard: Dashboard, chosen: Chosen) -> tuple[Child, bool, Offers]:
    """What stands instead of a page, whether that is hidden, and what its controls offer."""
    try:
        view = selected.view(dashboard, chosen)
    except TaktError as error:
        return instead(error)
    periods = selected.period_choices(view)
    sites = selected.scope_choices(view)
    return None, False, {
        **offer(name, "period", periods, chosen),
        **offer(name, "site", sites, chosen),
        f"{name}-site-box": {"hidden": len(sites) < 2},
    }  # fmt: skip


def instead(error: TaktError) -> tuple[Child, bool, Offers]:
    """A page that has nothing to show."""
    return ledger.why_nothing(error), isinstance(error, NoCosts | NothingPublished), {}


def offer(
    page_name: str, name: str, choices: Sequence[Mapping[str, str]], chosen: Chosen
) -> Offers:
    """What a control offers, and which of it is chosen."""
    asked = chosen.get(name, "")
    is_known = asked in {each["value"] for each in choices}
    return {f"{page_name}-{name}": {"data": [*choices], "value": asked if is_known else ""}}


def parts(
    show: Callable[[Dashboard, Chosen], Sequence[Any]], dashboard: Dashboard, chosen: Chosen
) -> Sequence[Any]:
    """What a function shows, or why it cannot."""
    try:
        return show(dashboard, chosen)
    except HistoryUnavailable as error:
        return [ledger.why_nothing(error)]
    except TaktError:
        return []  # said once, for the whole page


def figure(
    draw: Callable[[Dashboard, Chosen], go.Figure], dashboard: Dashboard, chosen: Chosen
) -> components.SizedFigure:
    """A figure, or one that says why there is none."""
    try:
        return components.sized(draw(dashboard, chosen))
    except HistoryUnavailable:
        said = "The lake does not answer now; this returns by itself"
    except TaktError as error:
        said = str(error)
    return components.sized(message(said))
