"""What should a unit of an item cost, and what is that made of?

What each part shows is in `dashboards.costs`: in `rollup`, `costing_sheets` and `revaluations`. The
URL says what is selected and opened.
"""

from asyncio import to_thread
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, callback, clientside_callback, html
from dash.development.base_component import Component

from dashboards.app import current
from dashboards.costs import costing_sheets, outline, revaluations, rollup
from dashboards.costs.ledger import Chosen
from takt.errors import TaktError

dash.register_page(
    __name__, order=4, path=rollup.PATH, name="Standard costs", title="Takt · Standard costs"
)

_PAGE = "item"


def layout(**query: str) -> Component:
    """The page's skeleton; the query string may name what is selected."""
    return outline.page(
        _PAGE,
        "What should a unit of an item cost, and what is that made of?",
        query,
        _filters(query),
        [
            html.Div(id="item-warnings"),
            html.Section(
                outline.waiting_tiles(2), id="item-headline", className="headline",
                **{"aria-label": "The item in figures"},
            ),
            html.Section(
                [
                    html.Header([html.H2("What is it made of?")]),
                    html.Div(id="item-tree", className="rows is-loading"),
                ],
                className="panel",
            ),
            html.Section(
                [
                    html.Header([html.H2("Costing sheet of a unit")]),
                    html.Div(id="item-sheet", className="rows is-loading"),
                ],
                className="panel detail",
            ),
            html.Section(
                [
                    html.Header([html.H2("What does the version make of what is there?")]),
                    html.Div(id="item-revaluation", className="rows is-loading"),
                ],
                className="panel detail",
            ),
        ],
    )  # fmt: skip


def _filters(query: Chosen) -> list[Component]:
    return [
        outline.select(_PAGE, "version", "Costing version"),
        outline.select(
            _PAGE,
            "item",
            "Item",
            searchable=True,
            searchValue="",
            nothingFoundMessage="No such made item",
        ),
        outline.select(_PAGE, "with", "Compare with"),
        dmc.SegmentedControl(
            id="item-level",
            data=[{"value": value, "label": name} for value, name in rollup.LEVELS.items()],
            value=query.get("level", "rolled_up"),
            **{"aria-label": "Cost groups of made components"},
        ),
    ]


clientside_callback(
    ClientsideFunction("costs", "open"),
    Output("item-page", "data-followed"),
    Input("item-page", "id"),
)
clientside_callback(
    ClientsideFunction("costs", "choose"),
    Output("item-chosen", "data"),
    Input("item-version", "value"),
    Input("item-item", "value"),
    Input("item-with", "value"),
    Input("item-level", "value"),
    State("item-chosen", "data"),
    prevent_initial_call=True,
)

clientside_callback(
    ClientsideFunction("costs", "offer"),
    Output("item-content", "data-offered"),
    Input("item-offers", "data"),
    prevent_initial_call=True,
)

CHOSEN = Input("item-chosen", "data")
PUBLISHED = Input("item-publication", "data")


@callback(
    Output("item-instead", "children"),
    Output("item-content", "hidden"),
    Output("item-offers", "data"),
    CHOSEN,
    PUBLISHED,
)
async def show_frame(chosen: Chosen, _published: object) -> tuple[Any, ...]:
    """What may be chosen, or what to do where nothing has a cost."""
    return await to_thread(_frame, chosen)


def _frame(chosen: Chosen) -> tuple[Any, ...]:
    try:
        found = rollup.looked(current(), chosen)
        versions = rollup.version_choices(current())
        others = rollup.other_choices(current(), found.version)
        items = rollup.item_choices(current(), chosen, "")
    except TaktError as error:
        return outline.instead(error)
    return None, False, {
        **outline.offer(_PAGE, "version", versions, chosen),
        **outline.offer(_PAGE, "item", items, chosen),
        **outline.offer(_PAGE, "with", others, chosen),
        "item-with-box": {"hidden": not others},
    }  # fmt: skip


@callback(
    Output("item-item", "data"),
    Input("item-item", "searchValue"),
    State("item-chosen", "data"),
    prevent_initial_call=True,
)
async def show_items(typed: str | None, chosen: Chosen) -> Any:
    """The items that what was typed may mean."""
    return await to_thread(rollup.item_choices, current(), chosen, typed or "")


@callback(Output("item-headline", "children"), CHOSEN, PUBLISHED)
async def show_headline(chosen: Chosen, _published: object) -> Any:
    """What a unit costs."""
    return await to_thread(outline.parts, rollup.headline, current(), chosen)


@callback(Output("item-warnings", "children"), CHOSEN, PUBLISHED)
async def show_warnings(chosen: Chosen, _published: object) -> Any:
    """What makes the cost doubtful."""
    return await to_thread(outline.parts, rollup.warnings, current(), chosen)


@callback(Output("item-tree", "children"), Output("item-tree", "className"), CHOSEN, PUBLISHED)
async def show_tree(chosen: Chosen, _published: object) -> tuple[Any, str]:
    """What the unit is made of."""
    return await to_thread(outline.parts, rollup.tree, current(), chosen), "rows"


@callback(Output("item-sheet", "children"), Output("item-sheet", "className"), CHOSEN, PUBLISHED)
async def show_sheet(chosen: Chosen, _published: object) -> tuple[Any, str]:
    """The costing sheet, also in the other version."""
    return await to_thread(outline.parts, costing_sheets.of_item, current(), chosen), "rows"


@callback(
    Output("item-revaluation", "children"),
    Output("item-revaluation", "className"),
    CHOSEN,
    PUBLISHED,
)
async def show_revaluation(chosen: Chosen, _published: object) -> tuple[Any, str]:
    """What the costing version made of stock and work in process."""
    return await to_thread(outline.parts, revaluations.shown, current(), chosen), "rows"
