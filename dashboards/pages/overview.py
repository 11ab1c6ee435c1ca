"""How is the plant doing, right now and over the last two weeks?

The upper half is pushed by the feed (`dashboards.overview.board`); the lower half is asked for when
the selection changes or new marts are published (`dashboards.overview.review`). The URL says what
is selected.
"""

from asyncio import to_thread
from typing import Any

import dash
import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, callback, clientside_callback, dcc, html
from dash.development.base_component import Component

from dashboards import components, periods
from dashboards.app import current
from dashboards.overview import review
from dashboards.overview.review import Selection

dash.register_page(__name__, order=0, path="/", name="Overview", title="Takt · Overview")

_COLUMNS = [
    # The first three fit a phone.
    {"field": "started_at", "headerName": "Started", "minWidth": 126},
    {"field": "reason_name", "headerName": "Reason", "minWidth": 118, "flex": 2},
    {"field": "lost_s", "headerName": "Lost", "type": "rightAligned", "minWidth": 84},
    {"field": "work_unit_name", "headerName": "Machine", "minWidth": 120},
    {"field": "work_center_name", "headerName": "Line", "minWidth": 120},
    {"field": "cause", "headerName": "Cause", "sortable": False, "minWidth": 100},
]
_PLAIN_CHART = {"displayModeBar": False}


def layout(
    period: str | None = None,
    line: str | None = None,
    unit: str | None = None,
    reason: str | None = None,
    **_: str,
) -> Component:
    """The page's skeleton; the query string may name what is selected."""
    chosen = {"period": period or periods.DEFAULT, "line": line, "unit": unit, "reason": reason}
    return html.Main(
        [
            html.H1("How is the plant doing?", className="unseen"),
            dcc.Store(id="overview-chosen", data=chosen),
            dcc.Store(id="overview-pick"),
            dcc.Store(id="overview-publication"),
            html.Div(id="overview-notice", className="page-notice"),
            html.Div(id="overview-empty", className="page-empty"),
            _headline(),
            html.Section(id="overview-board", className="board", **{"aria-label": "Machines now"}),
            components.legend(),
            _filters(chosen),
            html.Div(
                [
                    _chart(
                        "Is it getting better?",
                        html.Span("OEE per shift, 14 days"),
                        "overview-shifts",
                    ),
                    _chart("What hurts most?", html.Span(id="overview-heading"), "overview-losses"),
                    _chart(
                        "Where did the time go?",
                        html.Span(id="overview-waterfall-heading"),
                        "overview-waterfall",
                        is_wide=True,
                    ),
                ],
                className="charts",
            ),
            _stops(),
        ],
        id="overview-page",
        className="page is-waiting",
    )


def _headline() -> Component:
    return html.Section(
        [
            html.Div(id="overview-shift", className="tile"),
            html.Div(
                [html.Div(id="overview-oee", className="stack"), html.Div(id="overview-trend")],
                className="tile tile-oee",
            ),
            html.Div(id="overview-factors", className="tile tile-factors"),
            html.Div(id="overview-lost", className="tile tile-lost"),
        ],
        className="headline",
        **{"aria-label": "The plant in this shift"},
    )


def _filters(chosen: Selection) -> Component:
    return html.Section(
        [
            dmc.Select(
                id="overview-line",
                data=[{"value": "", "label": "All lines"}],
                value=chosen["line"] or "",
                allowDeselect=False,
                **{"aria-label": "Line"},
            ),
            dmc.SegmentedControl(
                id="overview-period",
                data=[{"value": value, "label": name} for value, name in periods.NAMES.items()],
                value=chosen["period"],
            ),
            html.Div(id="overview-chips", className="chips"),
        ],
        className="filters",
        **{"aria-label": "What to look at"},
    )


def _chart(question: str, beside: Component, chart: str, *, is_wide: bool = False) -> Component:
    """A panel with one figure, filled by a callback."""
    return html.Section(
        [
            html.Header([html.H2(question), beside]),
            dcc.Graph(
                id=chart,
                config=_PLAIN_CHART,
                responsive=True,
                className="chart",
                style={"height": "300px"},
            ),
        ],
        className="panel wide" if is_wide else "panel",
    )


def _stops() -> Component:
    return html.Section(
        [
            html.Header(
                [
                    html.H2("Stops behind it"),
                    html.Button("Export CSV", id="overview-export", className="plain"),
                ]
            ),
            dag.AgGrid(
                id="overview-stops",
                columnDefs=_COLUMNS,
                defaultColDef={"sortable": True, "flex": 1, "suppressMovable": True},
                rowModelType="infinite",
                dashGridOptions={
                    "cacheBlockSize": 100,
                    "maxBlocksInCache": 10,
                    "rowHeight": 34,
                    "headerHeight": 36,
                    "suppressCellFocus": False,
                },
                className="grid",
            ),
            dcc.Download(id="overview-file"),
        ],
        className="panel",
    )


clientside_callback(
    ClientsideFunction("overview", "open"),
    Output("overview-page", "data-followed"),
    Input("overview-page", "id"),
)
clientside_callback(
    ClientsideFunction("overview", "choose"),
    Output("overview-chosen", "data"),
    Input("overview-period", "value"),
    Input("overview-line", "value"),
    Input("overview-losses", "clickData"),
    Input("overview-shifts", "clickData"),
    Input("overview-pick", "data"),
    State("overview-chosen", "data"),
    prevent_initial_call=True,
)
clientside_callback(
    ClientsideFunction("overview", "showLine"),
    Output("overview-board", "data-line"),
    Input("overview-chosen", "data"),
)
clientside_callback(
    ClientsideFunction("overview", "refreshStops"),
    Input("overview-chosen", "data"),
    Input("overview-publication", "data"),
    prevent_initial_call=True,
)

CHOSEN = Input("overview-chosen", "data")
PUBLISHED = Input("overview-publication", "data")


@callback(
    Output("overview-shifts", "figure"), Output("overview-shifts", "style"), CHOSEN, PUBLISHED
)
async def show_shifts(chosen: Selection, _published: object) -> components.SizedFigure:
    """OEE per shift of the chosen line."""
    return components.sized(await to_thread(review.shift_chart, current(), chosen))


@callback(
    Output("overview-losses", "figure"), Output("overview-losses", "style"), CHOSEN, PUBLISHED
)
async def show_losses(chosen: Selection, _published: object) -> components.SizedFigure:
    """The Pareto of the chosen period and line."""
    return components.sized(await to_thread(review.loss_chart, current(), chosen))


@callback(
    Output("overview-waterfall", "figure"), Output("overview-waterfall", "style"), CHOSEN, PUBLISHED
)
async def show_waterfall(chosen: Selection, _published: object) -> components.SizedFigure:
    """From planned busy time to good time in the chosen period and line."""
    return components.sized(await to_thread(review.waterfall_chart, current(), chosen))


@callback(
    Output("overview-heading", "children"),
    Output("overview-waterfall-heading", "children"),
    CHOSEN,
    PUBLISHED,
)
async def show_headings(chosen: Selection, _published: object) -> tuple[str, str]:
    """What the Pareto and the table are about, and the waterfall."""
    said = await to_thread(review.heading, current(), chosen)
    return said, f"{said} · planned busy time of the shifts that began in it"


@callback(Output("overview-chips", "children"), CHOSEN)
async def show_chips(chosen: Selection) -> list[Component]:
    """What narrows the table, to be removed."""
    return await to_thread(review.chips, current(), chosen)


@callback(Output("overview-trend", "children"), PUBLISHED)
async def show_trend(_published: object) -> Component | None:
    """The last comparable shifts."""
    return await to_thread(review.trend, current())


@callback(
    Output("overview-stops", "getRowsResponse"),
    Input("overview-stops", "getRowsRequest"),
    State("overview-chosen", "data"),
    prevent_initial_call=True,
)
async def show_stops(request: dict[str, Any], chosen: Selection) -> dict[str, Any]:
    """The rows the viewer has scrolled to."""
    return await to_thread(review.stops_page, current(), chosen, request)


@callback(
    Output("overview-file", "data"),
    Input("overview-export", "n_clicks"),
    State("overview-chosen", "data"),
    prevent_initial_call=True,
)
async def export_stops(_clicks: int, chosen: Selection) -> dict[str, Any]:
    """All stops of the selection as a file."""
    content = await to_thread(review.stops_csv, current(), chosen)
    return {"content": content, "filename": "stops.csv", "type": "text/csv"}
