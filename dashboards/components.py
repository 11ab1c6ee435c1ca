"""Furniture that pages share: rows in, components out; no question is asked here.

What a reader hears equals what a viewer sees: ribbons and bars carry their content as text.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias
from zoneinfo import ZoneInfo

import plotly.graph_objects as go
from dash import html
from dash.development.base_component import Component

from dashboards import wording
from dashboards.queries.live import Equipment, Interval
from dashboards.theme import LOOKS, Spent

Child: TypeAlias = Component | str | None
NOT_SCHEDULED = "not_scheduled"
"""The category of time in which no shift is running; it looks like a break."""

SizedFigure: TypeAlias = tuple[go.Figure, dict[str, str]]


def spent(category: str | None, cause: str | None, *, is_minor: bool) -> Spent:
    """The look of a stretch of time: a mart's category, with its cause where that matters."""
    if category == "delay":
        if is_minor:
            return Spent.MINOR_STOP
        return Spent.DELAY_EXTERNAL if cause == "external" else Spent.DELAY_INTERNAL
    return {
        "production": Spent.PRODUCTION,
        "setup": Spent.SETUP,
        "down": Spent.NO_ORDER,
        "planned_downtime": Spent.PLANNED,
        NOT_SCHEDULED: Spent.PLANNED,
    }.get(category or "", Spent.UNKNOWN)


def icon(kind: Spent) -> Component:
    """The category's sign; decoration, its label always stands beside it."""
    return html.Span(className=f"icon icon-{kind}", **{"aria-hidden": "true"})


def state_pill(unit: Equipment) -> Component:
    """What a work unit is doing, in colour, sign and words."""
    kind = spent(unit.category, unit.cause, is_minor=bool(unit.is_minor))
    label = "Not scheduled" if unit.category == NOT_SCHEDULED else LOOKS[kind].label
    label = unit.reason_name or label
    return html.Span([icon(kind), html.Span(label)], className=f"pill pill-{kind}")


def ratio_bar(ratio: float | None, label: str, target: float | None = None) -> Component:
    """A thin bar of a ratio with the target as a tick; above 100 % the bar is full."""
    share = 0.0 if ratio is None else min(max(ratio, 0.0), 1.0)
    fill: list[Component] = [html.Div(className="bar-fill", style={"width": f"{share:.2%}"})]
    if target is not None:
        fill.append(html.Div(className="bar-target", style={"left": f"{target:.2%}"}))
    said = f"{label}: {wording.percent(ratio)}"
    if target is not None:
        said += f", target {wording.percent(target, 0)}"
    return html.Div(fill, className="bar", role="img", **{"aria-label": said})


def oee(row: Equipment, withheld_below: float) -> float | None:
    """A row's OEE unless it is withheld."""
    return None if withheld(row, withheld_below) else row.oee_index


def provisional_mark(row: Equipment) -> Child:
    """A mark on a number whose time is not covered by data well enough."""
    if row.is_covered or row.coverage_ratio is None:
        return None
    said = f"Provisional: only {wording.percent(row.coverage_ratio)} of the time has data"
    return html.Span("provisional", className="provisional", title=said, **{"aria-label": said})


def withheld(row: Equipment, below: float) -> str | None:
    """Why a row's OEE is not shown, in words; None when it is.

    Args:
        row: The equipment in its shift.
        below: The least share of time that must have data, 0 to 1.
    """
    if row.coverage_ratio is not None and row.coverage_ratio < below:
        return f"only {wording.percent(row.coverage_ratio, 0)} of the shift so far has data"
    if row.oee_index is not None:
        return None
    if row.shift_started_at is None:
        return "no shift is running"
    if not row.planned_busy_time_s:
        return "nothing planned yet in this shift"
    if row.availability == 0:
        return "no production yet in this shift"
    return "no planned time per unit for what is made"


def ribbon(
    intervals: Sequence[Interval],
    *,
    start: datetime,
    end: datetime,
    now: datetime,
    zone: ZoneInfo,
    name: str,
) -> Component:
    """A shift as a place: time runs left to right, stops stand higher than production."""
    scale = _Scale(start, end)
    past = [_segment(interval, scale, zone) for interval in intervals]
    marker = html.Div(className="ribbon-now", style={"left": scale.percent(now)})
    return html.Div(
        [
            html.Div(
                [*past, marker],
                className="ribbon",
                role="img",
                **{"aria-label": ribbon_in_words(name, intervals)},
            ),
            html.Div(
                [
                    html.Span(wording.clock(at, zone))
                    for at in (start, start + (end - start) / 2, end)
                ],
                className="ribbon-scale",
                **{"aria-hidden": "true"},
            ),
        ],
        className="ribbon-frame",
    )


def ribbon_in_words(name: str, intervals: Sequence[Interval]) -> str:
    """What a ribbon shows, for ears: time per category, most first."""
    seconds: dict[Spent, float] = {}
    for interval in intervals:
        kind = spent(interval.category, interval.cause, is_minor=interval.is_minor)
        length = (interval.ended_at - interval.started_at).total_seconds()
        seconds[kind] = seconds.get(kind, 0) + length
    parts = [
        f"{LOOKS[kind].label} {wording.duration(total)}"
        for kind, total in sorted(seconds.items(), key=lambda item: -item[1])
    ]
    return f"This shift of {name}: {', '.join(parts) or 'no data yet'}"


def spark(ratios: Sequence[float], label: str) -> Component:
    """A trend as small bars, oldest first, the last one marked."""
    said = f"{label}: {', '.join(wording.percent(ratio, 0) for ratio in ratios) or 'none yet'}"
    bars = [html.Span(style={"height": f"{min(max(ratio, 0.02), 1):.0%}"}) for ratio in ratios]
    return html.Div(bars, className="spark", role="img", title=label, **{"aria-label": said})


def legend() -> Component:
    """All categories with their second cues."""
    return html.Ul(
        [
            html.Li([html.Span(className=f"swatch spent-{kind}"), look.label])
            for kind, look in LOOKS.items()
        ],
        className="legend",
        **{"aria-label": "What the colours of the ribbons mean"},
    )


def notice(title: str, body: Sequence[Child], kind: str) -> Component:
    """A banner over a page that still works: `kind` is `stale` or `error`."""
    return html.Div(
        [html.Strong(title), html.Span([*body])],
        className=f"notice notice-{kind}",
        role="status" if kind == "stale" else "alert",
    )


def sized(figure: go.Figure) -> SizedFigure:
    """A figure with the height of the graph that holds it; its width follows the page."""
    return figure, {"height": f"{figure.layout.height}px"}


def command(text: str) -> Component:
    """A command to type, in one piece."""
    return html.Code(text, className="command")


class _Scale:
    def __init__(self, start: datetime, end: datetime) -> None:
        self.start = start
        self.end = end
        self.length_s = max((end - start).total_seconds(), 1.0)

    def percent(self, at: datetime) -> str:
        inside = min(max(at, self.start), self.end)
        return f"{(inside - self.start).total_seconds() / self.length_s:.3%}"

    def width(self, interval: Interval) -> str:
        inside = min(interval.ended_at, self.end) - max(interval.started_at, self.start)
        return f"{max(inside.total_seconds(), 0) / self.length_s:.3%}"


def _segment(interval: Interval, scale: _Scale, zone: ZoneInfo) -> Component:
    kind = spent(interval.category, interval.cause, is_minor=interval.is_minor)
    length = (interval.ended_at - interval.started_at).total_seconds()
    span = f"{wording.clock(interval.started_at, zone)}–{wording.clock(interval.ended_at, zone)}"
    what = interval.reason_name or LOOKS[kind].label
    return html.Div(
        className=f"segment spent-{kind}",
        style={"left": scale.percent(interval.started_at), "width": scale.width(interval)},
        title=f"{span} · {wording.duration(length)} · {what}",
    )
