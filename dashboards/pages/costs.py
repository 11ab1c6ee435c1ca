"""What did orders cost against their standard, and why?

From money to samples in three clicks: an order, one of its losses, a stretch of machine time.
What each part shows is in `dashboards.costs`: in `orders`, `places`, `quality_costs` and `losses`.
The URL says what is selected.
"""

from asyncio import to_thread
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, callback, clientside_callback, html
from dash.development.base_component import Component

from dashboards import components
from dashboards.app import current
from dashboards.costs import losses, orders, outline, places, quality_costs, selected
from dashboards.costs.ledger import Chosen

dash.register_page(__name__, order=2, path=orders.PATH, name="Costs", title="Takt · Costs")

_PAGE = "costs"


def layout(**query: str) -> Component:
    """The page's skeleton; the query string may name what is selected."""
    return outline.page(
        _PAGE,
        "What did orders cost against their standard, and why?",
        query,
        _filters(query),
        [
            html.Section(
                outline.waiting_tiles(4), id="costs-headline", className="headline",
                **{"aria-label": "The period in figures"},
            ),
            html.Div(
                [
                    outline.chart("From standard to actual", "costs-waterfall", "costs-scope"),
                    outline.chart("What lost time cost", "costs-losses", "costs-loss-scope"),
                ],
                className="charts",
            ),
            html.Section(
                [
                    html.Header([html.H2("Where: variances by work unit and shift"),
                                 html.Span(id="costs-place-scope")]),
                    html.Div(id="costs-places"),
                ],
                className="panel",
            ),
            html.Section(
                [
                    html.Header([html.H2("What quality cost"),
                                 html.Span(id="costs-quality-scope")]),
                    html.Div(id="costs-quality"),
                ],
                className="panel detail",
            ),
            html.Section(
                [
                    html.Header([html.H2("Orders behind it"), _search(query)]),
                    html.Div(id="costs-orders", className="rows is-loading"),
                ],
                className="panel detail",
            ),
            html.Div(id="costs-order", className="charts detail"),
            html.Div(id="costs-behind", className="detail"),
            html.Div(id="costs-samples", className="detail"),
        ],
    )  # fmt: skip


def _filters(query: Chosen) -> list[Component]:
    return [
        outline.select(_PAGE, "period", "Period"),
        outline.select(_PAGE, "site", "Site"),
        dmc.SegmentedControl(
            id="costs-status",
            data=[{"value": value, "label": name} for value, name in selected.STATUS.items()],
            value=query.get("status", ""),
            **{"aria-label": "Which orders"},
        ),
    ]


def _search(query: Chosen) -> Component:
    return dmc.TextInput(
        id="costs-find",
        value=query.get("find", ""),
        placeholder="Find an order or item",
        debounce=400,
        className="find",
        **{"aria-label": "Find an order or item"},
    )


clientside_callback(
    ClientsideFunction("costs", "open"),
    Output("costs-page", "data-followed"),
    Input("costs-page", "id"),
)
clientside_callback(
    ClientsideFunction("costs", "choose"),
    Output("costs-chosen", "data"),
    Input("costs-period", "value"),
    Input("costs-site", "value"),
    Input("costs-status", "value"),
    Input("costs-find", "value"),
    State("costs-chosen", "data"),
    prevent_initial_call=True,
)
for _part in ("costs-order", "costs-behind", "costs-samples"):
    clientside_callback(
        ClientsideFunction("costs", "reveal"),
        Output(_part, "data-shown"),
        Input(_part, "children"),
        prevent_initial_call=True,
    )

clientside_callback(
    ClientsideFunction("costs", "offer"),
    Output("costs-content", "data-offered"),
    Input("costs-offers", "data"),
    prevent_initial_call=True,
)

CHOSEN = Input("costs-chosen", "data")
PUBLISHED = Input("costs-publication", "data")


@callback(
    Output("costs-instead", "children"),
    Output("costs-content", "hidden"),
    Output("costs-offers", "data"),
    CHOSEN,
    PUBLISHED,
)
async def show_frame(chosen: Chosen, _published: object) -> tuple[Any, ...]:
    """What may be chosen, or what to do where nothing has a cost."""
    return await to_thread(outline.frame, _PAGE, current(), chosen)


@callback(Output("costs-headline", "children"), CHOSEN, PUBLISHED)
async def show_headline(chosen: Chosen, _published: object) -> Any:
    """The figures of the period."""
    return await to_thread(outline.parts, orders.headline, current(), chosen)


@callback(
    Output("costs-scope", "children"),
    Output("costs-loss-scope", "children"),
    Output("costs-place-scope", "children"),
    CHOSEN,
    PUBLISHED,
)
async def show_scope(chosen: Chosen, _published: object) -> tuple[Any, Any, Any]:
    """What the pictures are about."""
    shown = await to_thread(outline.parts, orders.what_is_shown, current(), chosen)
    return shown, shown, shown


@callback(
    Output("costs-waterfall", "figure"), Output("costs-waterfall", "style"), CHOSEN, PUBLISHED
)
async def show_waterfall(chosen: Chosen, _published: object) -> components.SizedFigure:
    """From absorbed to actual cost."""
    return await to_thread(outline.figure, orders.waterfall, current(), chosen)


@callback(Output("costs-losses", "figure"), Output("costs-losses", "style"), CHOSEN, PUBLISHED)
async def show_losses(chosen: Chosen, _published: object) -> components.SizedFigure:
    """The Pareto of losses by money."""
    return await to_thread(outline.figure, orders.lost_time, current(), chosen)


@callback(Output("costs-places", "children"), CHOSEN, PUBLISHED)
async def show_places(chosen: Chosen, _published: object) -> Any:
    """Where the variances arose."""
    return await to_thread(outline.parts, places.shown, current(), chosen)


@callback(
    Output("costs-quality", "children"),
    Output("costs-quality-scope", "children"),
    CHOSEN,
    PUBLISHED,
)
async def show_quality(chosen: Chosen, _published: object) -> tuple[Any, Any]:
    """What it cost to prevent, to examine and to fail; and of what that is."""
    told = await to_thread(outline.parts, quality_costs.categories, current(), chosen)
    return told, await to_thread(outline.parts, quality_costs.what_is_shown, current(), chosen)


@callback(
    Output("costs-orders", "children"), Output("costs-orders", "className"), CHOSEN, PUBLISHED
)
async def show_orders(chosen: Chosen, _published: object) -> tuple[Any, str]:
    """The orders of the selection."""
    return await to_thread(outline.parts, orders.listed, current(), chosen), "rows"


@callback(Output("costs-order", "children"), CHOSEN, PUBLISHED)
async def show_order(chosen: Chosen, _published: object) -> Any:
    """The chosen order."""
    return await to_thread(outline.parts, orders.order, current(), chosen)


@callback(Output("costs-behind", "children"), CHOSEN, PUBLISHED)
async def show_behind(chosen: Chosen, _published: object) -> Any:
    """The machine time behind the chosen loss."""
    return await to_thread(outline.parts, losses.behind, current(), chosen)


@callback(Output("costs-samples", "children"), CHOSEN, PUBLISHED)
async def show_samples(chosen: Chosen, _published: object) -> Any:
    """What the machine said around the chosen stretch."""
    return await to_thread(outline.parts, losses.samples, current(), chosen)
