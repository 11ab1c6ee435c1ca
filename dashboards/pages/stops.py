"""Which stops wait for a reason, what do they cost, and why were they?

What was said is pushed by the feed (`dashboards.stops.said`), the list of stops is asked for when
the selection changes, something was said or new marts are published (`dashboards.stops.queue`). The
URL says what is selected.
"""

from asyncio import to_thread
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import (
    ClientsideFunction,
    Input,
    Output,
    State,
    callback,
    clientside_callback,
    dcc,
    html,
    no_update,
)
from dash.development.base_component import Component

from dashboards import components, wording
from dashboards.app import current
from dashboards.stops import explaining, queue
from dashboards.stops.explaining import Form
from dashboards.stops.queue import A_PAGE, DEFAULT_PERIOD, ORDERS, Selection
from takt.errors import TaktError

dash.register_page(__name__, order=1, path="/stops", name="Stops", title="Takt · Stops")


def layout(
    where: str | None = None, order: str | None = None, period: str | None = None, **_: str
) -> Component:
    """The page's skeleton; the query string may name what is selected."""
    chosen = {
        "where": where,
        "order": order if order in ORDERS else "money",
        "period": period or DEFAULT_PERIOD,
    }
    return html.Main(
        [
            html.H1("Which stops wait for a reason?", className="unseen"),
            dcc.Store(id="stops-chosen", data=chosen),
            dcc.Store(id="stops-pending"),
            dcc.Store(id="stops-publication"),
            dcc.Store(id="stops-undo"),
            dcc.Store(id="stops-shown", data=A_PAGE),
            html.Div(id="stops-notice", className="page-notice"),
            html.Div(id="stops-empty", className="page-empty"),
            _filters(chosen),
            html.Div(
                [
                    _queue(),
                    html.Div([_form(), _said(), _pareto(chosen)], className="stops-beside"),
                ],
                className="stops-columns",
            ),
        ],
        id="stops-page",
        className="page is-waiting",
    )


def _filters(chosen: Selection) -> Component:
    return html.Section(
        [
            dmc.Select(
                id="stops-where",
                data=[{"value": "", "label": "All machines"}],
                value=chosen["where"] or "",
                allowDeselect=False,
                searchable=True,
                **{"aria-label": "Line or machine"},
            ),
            dmc.SegmentedControl(
                id="stops-order",
                data=[{"value": value, "label": name} for value, name in ORDERS.items()],
                value=chosen["order"],
                **{"aria-label": "Which come first"},
            ),
        ],
        className="filters",
        **{"aria-label": "What to look at"},
    )


def _queue() -> Component:
    return html.Section(
        [
            html.Header(html.H2(id="stops-heading")),
            html.Div(
                [html.Span(name) for name in ("Machine", "When", "Lost", "Pieces", "Money")],
                className="stop stop-names",
                **{"aria-hidden": "true"},
            ),
            dmc.CheckboxGroup([], id="stops-picked", value=[], className="stop-list is-loading"),
            html.Div(id="stops-instead", className="stop-instead"),
            html.Button("Show more", id="stops-more", className="plain", hidden=True),
        ],
        className="panel stop-queue",
        **{"aria-label": "Stops that wait for a reason"},
    )


def _form() -> Component:
    return html.Section(
        [
            html.Header(html.H2("Why was it?")),
            html.P(id="stops-summary", className="note", **{"aria-live": "polite"}),
            dmc.Select(
                id="stops-reason",
                label="Reason",
                placeholder="Search",
                searchable=True,
                clearable=True,
                nothingFoundMessage="No such reason",
                data=[],
                maxDropdownHeight=360,
            ),
            dmc.TextInput(
                id="stops-by",
                label="Who says so",
                placeholder="Your name",
                persistence=True,
                persistence_type="local",
            ),
            html.Details(
                [
                    html.Summary("Only a part of it"),
                    html.Div(
                        [
                            dmc.TimeInput(id="stops-begins", label="From"),
                            dmc.TimeInput(id="stops-ends", label="To"),
                        ],
                        className="say-part",
                    ),
                    html.P(id="stops-span", className="note"),
                ],
                id="stops-part",
                hidden=True,
            ),
            html.Div(
                dmc.Switch(
                    id="stops-as-one",
                    label="They are one stop",
                    description="Counted once; what lies between them stays what it was.",
                ),
                id="stops-join",
                hidden=True,
            ),
            html.Button("Say so", id="stops-say", className="say-button", disabled=True),
            html.Div(id="stops-told", **{"aria-live": "polite"}),
            html.Div(id="stops-kept", **{"aria-live": "polite"}),
        ],
        id="stops-form",
        className="panel say",
        **{"aria-label": "Say why"},
    )


def _said() -> Component:
    return html.Section(
        [
            html.Header(html.H2("Said lately")),
            html.Ul(id="stops-said", className="remarks"),
            html.Ul(id="stops-before", className="remarks"),
            html.P("Nothing yet.", className="note nothing-said"),
        ],
        className="panel said",
    )


def _pareto(chosen: Selection) -> Component:
    return html.Section(
        [
            html.Header(
                [
                    html.H2("What do reasons cost?"),
                    dmc.SegmentedControl(
                        id="stops-period",
                        data=queue.period_names(),
                        value=chosen["period"],
                        size="xs",
                        **{"aria-label": "Stops that began in"},
                    ),
                ]
            ),
            dcc.Graph(
                id="stops-costs",
                config={"displayModeBar": False},
                responsive=True,
                className="chart",
                style={"height": "300px"},
            ),
        ],
        className="panel",
    )


clientside_callback(
    ClientsideFunction("stops", "open"),
    Output("stops-page", "data-followed"),
    Input("stops-page", "id"),
)
clientside_callback(
    ClientsideFunction("stops", "choose"),
    Output("stops-chosen", "data"),
    Input("stops-where", "value"),
    Input("stops-order", "value"),
    Input("stops-period", "value"),
    State("stops-chosen", "data"),
    prevent_initial_call=True,
)

CHOSEN = Input("stops-chosen", "data")
PUBLISHED = Input("stops-publication", "data")
PENDING = Input("stops-pending", "data")
PICKED = Input("stops-picked", "value")


@callback(
    Output("stops-shown", "data"),
    Input("stops-more", "n_clicks"),
    State("stops-shown", "data"),
    prevent_initial_call=True,
)
def show_more(_clicks: int, shown: int) -> int:
    """One page more of the list."""
    return shown + A_PAGE


@callback(
    Output("stops-heading", "children"),
    Output("stops-picked", "children"),
    Output("stops-picked", "value"),
    Output("stops-picked", "className"),
    Output("stops-instead", "children"),
    Output("stops-more", "hidden"),
    CHOSEN,
    Input("stops-shown", "data"),
    PUBLISHED,
    PENDING,
    State("stops-picked", "value"),
)
async def show_queue(
    chosen: Selection, shown: int, published: object, _pending: object, picked: list[str]
) -> tuple[Any, ...]:
    """The stops that wait; what was picked and still waits stays picked."""
    if published is None:
        return (no_update,) * 6  # the page has not heard of the lake yet
    listed = await to_thread(queue.waiting, current(), chosen, shown)
    return (
        listed.heading,
        listed.rows,
        [stop_id for stop_id in picked or () if stop_id in listed.stop_ids],
        "stop-list",
        listed.instead,
        listed.rest <= 0,
    )


@callback(Output("stops-reason", "data"), PUBLISHED)
async def show_reasons(_published: object) -> list[dict[str, str]]:
    """The reasons to choose from."""
    return await to_thread(queue.reasons, current())


@callback(
    Output("stops-costs", "figure"),
    Output("stops-costs", "style"),
    CHOSEN,
    PUBLISHED,
)
async def show_costs(chosen: Selection, _published: object) -> components.SizedFigure:
    """What the reasons of the chosen period cost."""
    return components.sized(await to_thread(queue.reason_chart, current(), chosen))


@callback(Output("stops-before", "children"), PUBLISHED, PENDING)
async def show_said(_published: object, _pending: object) -> list[Component]:
    """What was said last, as the marts know it."""
    return await to_thread(queue.said_before, current())


@callback(
    Output("stops-summary", "children"),
    Output("stops-say", "disabled"),
    Output("stops-part", "hidden"),
    Output("stops-span", "children"),
    Output("stops-join", "hidden"),
    Output("stops-as-one", "checked"),
    Output("stops-form", "className"),
    PICKED,
)
async def show_picked(picked: list[str]) -> tuple[Any, ...]:
    """What is picked, and whether a part of it can be told, or that it is one."""
    dashboard = current()
    stops = await to_thread(queue.chosen, dashboard, picked or ())
    summary = queue.chosen_in_words(stops)
    span = queue.span_of(dashboard, stops[0]) if len(stops) == 1 else ""
    shape = "panel say has-picked" if stops else "panel say"
    told = f"Of the stop {span}, by the site's clock."
    can_be_one = queue.can_be_one(stops)
    as_one = no_update if can_be_one else False  # nobody means what he does not see
    return summary, not stops, len(stops) != 1, told, not can_be_one, as_one, shape


@callback(
    Output("stops-told", "children"),
    Output("stops-picked", "value", allow_duplicate=True),
    Output("stops-begins", "value"),
    Output("stops-ends", "value"),
    Output("stops-as-one", "checked", allow_duplicate=True),
    inputs={"_clicks": Input("stops-say", "n_clicks")},
    state={
        "picked": State("stops-picked", "value"),
        "reason_id": State("stops-reason", "value"),
        "said_by": State("stops-by", "value"),
        "begins": State("stops-begins", "value"),
        "ends": State("stops-ends", "value"),
        "as_one": State("stops-as-one", "checked"),
    },
    prevent_initial_call=True,
    running=[(Output("stops-say", "disabled"), True, False)],
)
async def say(
    *,
    _clicks: int,
    picked: list[str],
    reason_id: str | None,
    said_by: str | None,
    begins: str | None,
    ends: str | None,
    as_one: bool | None,
) -> tuple[Any, ...]:
    """Enter what was filled in; what was refused stays as it is."""
    named = tuple(picked or ())
    form = Form(named, reason_id, said_by, begins or None, ends or None, as_one=bool(as_one))
    try:
        remarks = await to_thread(explaining.say, current(), form)
    except TaktError as error:
        return _refusal(error), no_update, no_update, no_update, no_update
    what = wording.count(len(named), "stop")
    joined = " as one" if remarks[0].entry.merges else ""
    return html.P(f"Said of {what}{joined}: {remarks[0].reason_name}."), [], "", "", False


@callback(
    Output("stops-told", "children", allow_duplicate=True),
    Input("stops-undo", "data"),
    State("stops-by", "value"),
    prevent_initial_call=True,
)
async def undo(asked: dict[str, str], said_by: str | None) -> Component:
    """Take back what was said."""
    try:
        remark = await to_thread(explaining.take_back, current(), asked["name"], said_by)
    except TaktError as error:
        return _refusal(error)
    return html.P(f"Taken back: {remark.reason_name} of {remark.work_unit_name}.")


def _refusal(error: TaktError) -> Component:
    return html.P(str(error), className="refusal", role="alert")
