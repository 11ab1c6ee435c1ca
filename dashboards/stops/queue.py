"""The stops page, from published history: what waits for a reason, and what reasons cost.

Every function takes the dashboard and the page's selection and answers in words where there is
nothing to show or the lake is away.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import dash_mantine_components as dmc
import plotly.graph_objects as go
from dash import html
from dash.development.base_component import Component

from dashboards import components, periods, wording
from dashboards.app import Dashboard
from dashboards.components import Child
from dashboards.figures import paretos
from dashboards.figures.drawing import or_message
from dashboards.history import HistoryUnavailable, NothingPublished
from dashboards.queries import stop_reasons
from dashboards.queries.stop_reasons import WaitingStop, WaitingTotal
from dashboards.stops import explaining, said
from dashboards.stops.remarks import Remark
from takt.errors import TaktError

Selection = Mapping[str, Any]
"""What the URL says: `where` (a line or work unit), `order`, `period`; None or absent is all."""

ORDERS = {"money": "Money", "time": "Time", "newest": "Newest"}
DEFAULT_PERIOD = "14d"
A_PAGE = 40


@dataclass(frozen=True)
class Queue:
    """The stops that wait, as the page lists them.

    Attributes:
        heading: How many wait and what they cost.
        rows: The stops shown, each to be chosen.
        stop_ids: Their ids.
        instead: What to say where there is none; None where there is one.
        rest: How many more wait than are shown.
    """

    heading: str
    rows: list[Component]
    stop_ids: frozenset[str] = frozenset()
    instead: Child = None
    rest: int = 0


def waiting(dashboard: Dashboard, selection: Selection, shown: int) -> Queue:
    """The stops that wait for a reason, without those that were just explained."""
    try:
        without = tuple(sorted(dashboard.remarks.said_of()))
        where = selection.get("where") or None
        order = selection.get("order")
        ask = dashboard.history.ask
        totals = ask(stop_reasons.waiting_totals, equipment_id=where, without=without)
        stops = ask(
            stop_reasons.waiting_stops,
            equipment_id=where,
            without=without,
            order=order if order in ORDERS else "money",
            limit=shown,
        )
        zone, now = ZoneInfo(dashboard.site.time_zone), dashboard.site.computed_through_at
    except TaktError as error:
        return Queue("", [], instead=_why_nothing(error))
    if not stops:
        return Queue("No stop waits for a reason", [], instead=_all_explained(where))
    pending = dashboard.remarks.pending()
    rows = [_row(stop, _parts_said(stop, pending), zone, now) for stop in stops]
    count = sum(total.stops for total in totals)
    shown_ids = frozenset(stop.stop_id for stop in stops)
    return Queue(_heading(totals), rows, shown_ids, rest=count - len(stops))


def chosen_in_words(stops: Sequence[WaitingStop]) -> str:
    """How many stops are chosen, and what they cost together."""
    if not stops:
        return "Choose stops in the list, then say why they were."
    return f"{wording.count(len(stops), 'stop')}: {_sum(stops)}"


def chosen(dashboard: Dashboard, stop_ids: Sequence[str]) -> list[WaitingStop]:
    """The chosen stops that still wait; none while the lake is away."""
    try:
        return list(
            dashboard.history.ask(
                stop_reasons.waiting_stops_named, stop_ids=tuple(sorted(stop_ids))
            )
        )
    except TaktError:
        return []


def can_be_one(stops: Sequence[WaitingStop]) -> bool:
    """Whether stops are several of one work unit."""
    return len(stops) > 1 and len({stop.work_unit_id for stop in stops}) == 1


def span_of(dashboard: Dashboard, stop: WaitingStop) -> str:
    """From when to when a stop was, by the site's clock."""
    zone, now = ZoneInfo(dashboard.site.time_zone), dashboard.site.computed_through_at
    return _span(stop, zone, now)


def reasons(dashboard: Dashboard) -> list[dict[str, str]]:
    """The reasons to choose from, in order of their tree; each says its way through it."""
    try:
        known = dashboard.history.ask(stop_reasons.reasons)
    except TaktError:
        return []
    return [{"value": each.reason_id, "label": each.path} for each in known]


def reason_chart(dashboard: Dashboard, selection: Selection) -> go.Figure:
    """The Pareto by money of the stops of the chosen period that have a reason."""

    def draw() -> go.Figure:
        bounds = periods.published(dashboard, selection.get("period") or DEFAULT_PERIOD)
        frame = dashboard.history.ask(
            stop_reasons.reason_costs,
            since=bounds.since,
            until=bounds.until,
            equipment_id=selection.get("where") or None,
        )
        return paretos.stop_money(frame)

    return or_message(draw)


def said_before(dashboard: Dashboard) -> list[Component]:
    """What was said last and the marts have, to be taken back."""
    try:
        remarks = explaining.said_before(dashboard)
        site = dashboard.site
    except TaktError:
        return []
    zone = ZoneInfo(site.time_zone)
    return said.remark_list(remarks, zone, site.computed_through_at, is_pending=False)


def period_names() -> list[dict[str, str]]:
    """The periods of the Pareto, for a control."""
    return [{"value": value, "label": name} for value, name in periods.NAMES.items()]


def _row(
    stop: WaitingStop, parts_said: Sequence[Remark], zone: ZoneInfo, now: datetime
) -> Component:
    alarm = html.Small(stop.alarm_text) if stop.alarm_text else None
    notes = [
        html.Small(
            f"{wording.clock(each.entry.began, zone)}–{wording.clock(each.entry.ended, zone)}"
            f" {each.reason_name}: waits for the next refresh",
            className="pending",
        )
        for each in parts_said
    ]
    return dmc.CheckboxCard(
        [
            dmc.CheckboxIndicator(),
            html.Span(
                [
                    html.Span(
                        [html.Strong(stop.work_unit_name), html.Small(stop.work_center_name)],
                        className="stop-where",
                    ),
                    html.Span([_span(stop, zone, now), alarm, *notes], className="stop-when"),
                    html.Span(wording.duration(stop.planned_busy_time_s), className="stop-time"),
                    html.Span(_pieces(stop.lost_quantity), className="stop-pieces"),
                    html.Span(
                        wording.money(stop.lost_amount, stop.currency), className="stop-money"
                    ),
                ],
                className="stop",
            ),
        ],
        value=stop.stop_id,
        className="stop-choice",
    )


def _span(stop: WaitingStop, zone: ZoneInfo, now: datetime) -> str:
    began = wording.clock_or_day(stop.started_at, zone, now)
    return f"{began}–{wording.clock(stop.ended_at, zone)}" if stop.ended_at else f"{began}, still"


def _pieces(quantity: Decimal | None) -> str:
    return wording.NOTHING if quantity is None else wording.count(round(quantity), "piece")


def _parts_said(stop: WaitingStop, pending: Sequence[Remark]) -> list[Remark]:
    began = stop.started_at.replace(tzinfo=UTC)
    ended = stop.ended_at and stop.ended_at.replace(tzinfo=UTC)
    return [
        each
        for each in reversed(pending)
        if each.entry.work_unit_id == stop.work_unit_id
        and not each.taken_back
        and each.entry.ended > began
        and (ended is None or each.entry.began < ended)
    ]


def _heading(totals: Sequence[WaitingTotal]) -> str:
    stops = wording.count(sum(total.stops for total in totals), "stop waits", "stops wait")
    return f"{stops} for a reason: {_sum(totals)}"


def _sum(parts: Sequence[WaitingTotal | WaitingStop]) -> str:
    amounts: defaultdict[str | None, Decimal] = defaultdict(Decimal)
    for part in parts:
        if part.lost_amount is not None:
            amounts[part.currency] += part.lost_amount
    time = wording.duration(sum((part.planned_busy_time_s for part in parts), Decimal()))
    money = [wording.money(amount, currency) for currency, amount in sorted(amounts.items())]
    return ", ".join([time, *money])


def _all_explained(where: str | None) -> Component:
    if where:
        return html.P("Every stop here that took planned time has a reason.")
    return html.P("Every stop that took planned time has a reason. Nothing to do here.")


def _why_nothing(error: TaktError) -> Component:
    if isinstance(error, NothingPublished):
        return html.P(
            [
                "Stops are known after the first refresh. Now instead of in some minutes: ",
                components.command("takt refresh"),
            ]
        )
    assert isinstance(error, HistoryUnavailable)
    return html.P("The lake does not answer now; the list returns by itself.")
