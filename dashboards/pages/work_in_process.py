"""How much money is in process, and since when?

What each part shows is in `dashboards.costs`: in `wip` and `equivalent_units`. The URL says what is
selected.
"""

from asyncio import to_thread
from typing import Any

import dash
from dash import ClientsideFunction, Input, Output, State, callback, clientside_callback, html
from dash.development.base_component import Component

from dashboards import components
from dashboards.app import current
from dashboards.costs import equivalent_units, outline, wip
from dashboards.costs.ledger import Chosen

dash.register_page(
    __name__, order=3, path=wip.PATH, name="Work in process", title="Takt · Work in process"
)

_PAGE = "wip"


def layout(**query: str) -> Component:
    """The page's skeleton; the query string may name what is selected."""
    return outline.page(
        _PAGE,
        "How much money is in process, and since when?",
        query,
        [outline.select(_PAGE, "period", "Period"), outline.select(_PAGE, "site", "Site")],
        [
            html.Section(
                outline.waiting_tiles(4), id="wip-headline", className="headline",
                **{"aria-label": "The period in figures"},
            ),
            html.Div(
                outline.chart("How old is what is left?", "wip-ages", "wip-about"),
                className="charts single",
            ),
            html.Section(
                [
                    html.Header(html.H2("Orders behind it")),
                    html.Div(id="wip-orders", className="rows is-loading"),
                ],
                className="panel",
            ),
            html.Div(id="wip-units", className="detail"),
        ],
    )  # fmt: skip


clientside_callback(
    ClientsideFunction("costs", "open"),
    Output("wip-page", "data-followed"),
    Input("wip-page", "id"),
)
clientside_callback(
    ClientsideFunction("costs", "choose"),
    Output("wip-chosen", "data"),
    Input("wip-period", "value"),
    Input("wip-site", "value"),
    State("wip-chosen", "data"),
    prevent_initial_call=True,
)

clientside_callback(
    ClientsideFunction("costs", "offer"),
    Output("wip-content", "data-offered"),
    Input("wip-offers", "data"),
    prevent_initial_call=True,
)

CHOSEN = Input("wip-chosen", "data")
PUBLISHED = Input("wip-publication", "data")


@callback(
    Output("wip-instead", "children"),
    Output("wip-content", "hidden"),
    Output("wip-offers", "data"),
    CHOSEN,
    PUBLISHED,
)
async def show_frame(chosen: Chosen, _published: object) -> tuple[Any, ...]:
    """What may be chosen, or what to do where nothing has a cost."""
    return await to_thread(outline.frame, _PAGE, current(), chosen)


@callback(Output("wip-headline", "children"), CHOSEN, PUBLISHED)
async def show_headline(chosen: Chosen, _published: object) -> Any:
    """The roll-forward in four figures."""
    return await to_thread(outline.parts, wip.headline, current(), chosen)


@callback(Output("wip-ages", "figure"), Output("wip-ages", "style"), CHOSEN, PUBLISHED)
async def show_ages(chosen: Chosen, _published: object) -> components.SizedFigure:
    """What is left by age."""
    return await to_thread(outline.figure, wip.ages, current(), chosen)


@callback(Output("wip-orders", "children"), Output("wip-orders", "className"), CHOSEN, PUBLISHED)
async def show_orders(chosen: Chosen, _published: object) -> tuple[Any, str]:
    """The roll-forward by order."""
    return await to_thread(outline.parts, wip.by_order, current(), chosen), "rows"


@callback(Output("wip-units", "children"), CHOSEN, PUBLISHED)
async def show_units(chosen: Chosen, _published: object) -> Any:
    """What units in process are worth where processes are costed."""
    return await to_thread(outline.parts, equivalent_units.in_process, current(), chosen)
