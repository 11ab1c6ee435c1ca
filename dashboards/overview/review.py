"""The overview's lower half: what the chosen period was like, from published history.

Every function takes the dashboard and the page's selection and answers in words where there is
nothing to show or the lake is away.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import plotly.graph_objects as go
from dash import html
from dash.development.base_component import Component

from dashboards import components, periods, wording
from dashboards.app import Dashboard
from dashboards.figures import paretos, trends, waterfalls
from dashboards.figures.drawing import or_message
from dashboards.queries import shifts, stops
from dashboards.theme import LOOKS, Spent
from takt.errors import TaktError

Selection = Mapping[str, str | None]
"""What the URL says: `period`, `line`, `unit` and `reason`; None or absent is all."""

_FORTNIGHT = timedelta(days=13)
_COMPARED_DAYS = 14


def shift_chart(dashboard: Dashboard, selection: Selection) -> go.Figure:
    """OEE per shift over two weeks, one small multiple a line."""

    def draw() -> go.Figure:
        site = dashboard.site
        frame = dashboard.history.ask(
            shifts.oee_per_shift,
            first_day=periods.production_day(site) - _FORTNIGHT,
            work_center_id=selection.get("line"),
        )
        zone = ZoneInfo(site.time_zone)
        return trends.oee_per_shift(
            frame,
            target=dashboard.options.oee_target,
            withheld_below=dashboard.options.withheld_below,
            zone=zone,
        )

    return or_message(draw)


def loss_chart(dashboard: Dashboard, selection: Selection) -> go.Figure:
    """The Pareto of stops of the chosen period."""
    return or_message(
        lambda: paretos.stop_time(
            dashboard.history.ask(
                stops.losses,
                **_period(dashboard, selection),
                work_center_id=selection.get("line"),
            )
        )
    )


def waterfall_chart(dashboard: Dashboard, selection: Selection) -> go.Figure:
    """From planned busy time to good time, of the shifts that began in the chosen period."""
    return or_message(
        lambda: waterfalls.planned_time(
            dashboard.history.ask(
                shifts.waterfall,
                **_period(dashboard, selection),
                work_center_id=selection.get("line"),
            )
        )
    )


def heading(dashboard: Dashboard, selection: Selection) -> str:
    """What the Pareto and the table are about: period, line and how far history reaches."""
    try:
        chosen = _bounds(dashboard, selection)
        site = dashboard.site
    except TaktError:
        return "Where did the time go?"
    through = wording.clock_or_day(chosen.until, ZoneInfo(site.time_zone), site.computed_through_at)
    return f"{chosen.label} · up to {through}"


def stops_page(
    dashboard: Dashboard, selection: Selection, request: Mapping[str, Any]
) -> dict[str, Any]:
    """The rows of the table that its viewer has scrolled to, as AG Grid asks for them.

    Args:
        dashboard: Where to ask.
        selection: What the URL says.
        request: AG Grid's `getRowsRequest`: startRow, endRow, sortModel.
    """
    first, last = request.get("startRow", 0), request.get("endRow", 100)
    sort = tuple((rule["colId"], rule["sort"] == "desc") for rule in request.get("sortModel") or ())
    try:
        frame = _stops(dashboard, selection, first=first, limit=last - first, sort=sort)
    except TaktError:
        return {"rowData": [], "rowCount": 0}
    rows = _readable(frame, ZoneInfo(dashboard.site.time_zone))
    return {"rowData": rows, "rowCount": int(frame["matching"].iloc[0]) if len(frame) else 0}


def stops_csv(dashboard: Dashboard, selection: Selection) -> str:
    """The whole table as CSV: times in UTC, seconds as numbers."""
    frame = _stops(dashboard, selection)
    return str(frame.drop(columns=["matching", "stop_id"]).to_csv(index=False))


def trend(dashboard: Dashboard) -> Component | None:
    """OEE of the last working days as small bars."""
    try:
        frame = dashboard.history.ask(
            shifts.site_oee_per_day,
            before=periods.production_day(dashboard.site),
            limit=_COMPARED_DAYS,
        )
    except TaktError:
        return None
    is_told = frame["coverage_ratio"] >= dashboard.options.withheld_below
    told = frame[is_told].dropna(subset=["oee_index"])
    said = f"OEE of the last {wording.count(len(told), 'working day')}"
    return components.spark(list(told["oee_index"]), said) if len(told) else None


def chips(dashboard: Dashboard, selection: Selection) -> list[Component]:
    """What narrows the table beyond period and line, each with a way to remove it."""
    chosen = {
        "unit": _unit_name(dashboard, selection.get("unit")),
        "reason": selection.get("reason"),
    }
    if (period := selection.get("period")) and period not in periods.NAMES:
        chosen = {"period": heading(dashboard, selection).split(" · ")[0], **chosen}
    return [
        html.Button(
            [text, html.Span(" ×", **{"aria-hidden": "true"})],
            className="chip",
            **{"data-pick": json.dumps({kind: None}), "aria-label": f"Remove {text}"},
        )
        for kind, text in chosen.items()
        if text
    ]


def _stops(dashboard: Dashboard, selection: Selection, **paging: Any) -> pd.DataFrame:
    frame: pd.DataFrame = dashboard.history.ask(
        stops.stops,
        **_period(dashboard, selection),
        work_center_id=selection.get("line"),
        work_unit_id=selection.get("unit"),
        reason_name=selection.get("reason"),
        **paging,
    )
    return frame


def _readable(frame: pd.DataFrame, zone: ZoneInfo) -> list[dict[str, Any]]:
    return [
        {
            "stop_id": row.stop_id,
            "started_at": wording.local(row.started_at.to_pydatetime(), zone).strftime(
                "%a %-d %b %H:%M"
            ),
            "work_center_name": row.work_center_name,
            "work_unit_name": row.work_unit_name,
            "reason_name": row.reason_name,
            "cause": _cause(row.cause, is_minor=row.is_minor),
            "lost_s": wording.duration(row.lost_s),
        }
        for row in frame.itertuples()
    ]


def _cause(cause: str, *, is_minor: bool) -> str:
    if is_minor:
        return LOOKS[Spent.MINOR_STOP].label
    return {"internal": "Internal", "external": "External"}.get(cause, "Unknown")


def _period(dashboard: Dashboard, selection: Selection) -> dict[str, Any]:
    chosen = _bounds(dashboard, selection)
    return {"since": chosen.since, "until": chosen.until}


def _bounds(dashboard: Dashboard, selection: Selection) -> periods.Bounds:
    return periods.published(dashboard, selection.get("period") or periods.DEFAULT)


def _unit_name(dashboard: Dashboard, unit_id: str | None) -> str | None:
    moment = dashboard.feed.latest.moment
    rows = moment.equipment if moment else ()
    return next((row.name for row in rows if row.equipment_id == unit_id), unit_id)
