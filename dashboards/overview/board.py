"""The overview's live part: what the feed read, as components by id.

Rendered once per reading for everybody who looks; what a page selects (a line, a period) is
applied in the browser, so that it never needs a rendering of its own.
"""

import json
from dataclasses import replace
from zoneinfo import ZoneInfo

from dash import html
from dash.development.base_component import Component

from dashboards import components, readings, wording
from dashboards.components import Child
from dashboards.feed import Moment, Reading
from dashboards.live import Parts
from dashboards.queries.live import Equipment, Interval, Loss
from takt.settings import DashboardSettings

PAGE = "overview"
_BREAK = "planned_downtime"
_STILL_WORKS = (
    "The board shows the last moment read; charts already open stay. Machine data is kept by the "
    "collectors."
)


def card_id(unit_id: str) -> dict[str, str]:
    """The id of a work unit's card."""
    return {"page": PAGE, "unit": unit_id}


def line_id(work_center_id: str) -> dict[str, str]:
    """The id of a line's heading."""
    return {"page": PAGE, "line": work_center_id}


def render(reading: Reading, options: DashboardSettings) -> Parts:
    """Everything on the overview that changes by itself.

    Args:
        reading: What the feed knows.
        options: Of them the OEE a shift should reach, and below which coverage it is withheld.
    """
    moment = reading.moment or Moment()
    site = moment.site
    parts: dict[object, dict[str, object]] = {
        "overview-page": {"className": f"page {readings.mood(reading)}"},
        "overview-notice": {"children": _notice(reading)},
        "frame-freshness": {"children": _freshness(reading)},
    }
    if site is None:
        parts["overview-empty"] = {"children": readings.empty(reading)}
        return parts  # type: ignore[return-value]
    zone = ZoneInfo(site.time_zone)
    parts |= {
        "frame-site": {
            "children": [site.name, html.Small(wording.zone_name(zone, reading.at))],
            "data-zone": site.time_zone,
        },
        "overview-shift": {"children": _shift(moment, site, zone)},
        "overview-oee": {"children": _oee(site, options)},
        "overview-factors": {"children": _factors(site)},
        "overview-lost": {"children": _lost(site, moment.biggest_loss)},
        "overview-board": {"children": _shells(moment)},
        "overview-line": {"data": _line_choices(moment)},
        "overview-publication": {"data": readings.publication(reading)},
    }
    for line in moment.lines:
        units = moment.units(line.equipment_id)
        parts[_key(line_id(line.equipment_id))] = {"children": _line_heading(line, units, options)}
    for unit in moment.equipment:
        if unit.level == "work_unit":
            parts[_key(card_id(unit.equipment_id))] = _card(unit, moment, zone, options)
    return parts  # type: ignore[return-value]


def _key(component_id: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(component_id.items()))


def _notice(reading: Reading) -> Child:
    if reading.failure:
        return readings.silence(reading, _STILL_WORKS)
    if reading.is_stale and reading.moment:
        latest = reading.moment.latest_commit_at
        zone = readings.zone(reading)
        return components.notice(
            f"No new data since {wording.clock_or_day(latest, zone, reading.at)}.",
            [
                "The board shows what was known then. Collectors keep what machines say and send "
                "it later; if this lasts, look at the edge collector and the broker."
            ],
            "stale",
        )
    return None


def _freshness(reading: Reading) -> list[Child]:
    site = reading.moment.site if reading.moment else None
    if reading.failure:
        return [html.Span(className="dot dot-error", **{"aria-hidden": "true"}), "Not answering"]
    if site is None:
        return [html.Span(className="dot", **{"aria-hidden": "true"}), "Waiting for data"]
    zone = ZoneInfo(site.time_zone)
    kind, word, at = "dot-live", "Live", site.computed_through_at
    if reading.is_stale and reading.moment and reading.moment.latest_commit_at:
        kind, word, at = "dot-stale", "Stale since", reading.moment.latest_commit_at
    return [
        html.Span(className=f"dot {kind}", **{"aria-hidden": "true"}),
        html.Span(word, className="freshness-word"),
        html.Time(wording.clock(at, zone, seconds=True)),
    ]


def _shift(moment: Moment, site: Equipment, zone: ZoneInfo) -> list[Child]:
    running = {row.shift_id for row in moment.equipment if row.shift_id is not None}
    now = site.computed_through_at
    if site.shift_started_at is None or site.shift_ended_at is None:
        return [
            html.Span("No shift is running", className="label"),
            html.Span(wording.clock(now, zone), className="number"),
        ]
    length = site.shift_ended_at - site.shift_started_at
    gone = min(max((now - site.shift_started_at) / length, 0.0), 1.0)
    left = max((site.shift_ended_at - now).total_seconds(), 0)
    times = (
        f"{wording.clock(site.shift_started_at, zone)}–{wording.clock(site.shift_ended_at, zone)}"
    )
    return [
        html.Span([wording.shift_name(*sorted(running)), html.Small(times)], className="label"),
        html.Span(wording.clock(now, zone), className="number"),
        components.ratio_bar(gone, "Share of the shift gone"),
        html.Span(
            f"{wording.percent(gone, 0)} gone, {wording.duration(left)} left", className="note"
        ),
    ]


def _oee(site: Equipment, options: DashboardSettings) -> list[Child]:
    target, oee = options.oee_target, components.oee(site, options.withheld_below)
    reason = components.withheld(site, options.withheld_below)
    return [
        html.Span("Plant OEE, shift so far", className="label"),
        html.Span(
            [wording.percent(oee), components.provisional_mark(site)],
            className="number",
        ),
        components.ratio_bar(oee, "OEE of the shift so far", target),
        html.Span(reason or _against_target(oee, target), className="note"),
    ]


def _against_target(ratio: float | None, target: float) -> str:
    if ratio is None:
        return f"target {wording.percent(target, 0)}"
    return f"{wording.points(ratio - target)} to the target of {wording.percent(target, 0)}"


def _factors(site: Equipment) -> list[Child]:
    factors = (
        ("Availability", site.availability),
        ("Effectiveness", site.effectiveness),
        ("Quality", site.quality_ratio),
    )
    return [
        html.Div(
            [
                html.Span(name, className="label"),
                components.ratio_bar(ratio, name),
                html.Span(wording.percent(ratio), className="factor-value"),
            ],
            className="factor",
        )
        for name, ratio in factors
    ]


def _lost(site: Equipment, biggest: Loss | None) -> list[Child]:
    planned = wording.hours_minutes(site.planned_busy_time_s)
    cause: list[Child] = ["No stop so far"]
    if biggest is not None:
        cause = [
            html.Strong(f"{biggest.work_center_name}: "),
            f"{wording.duration(biggest.lost_s)} {_in_sentence(biggest.reason_name)}, "
            f"{wording.count(biggest.stops, 'stop')}",
        ]
    return [
        html.Span("Machine time lost so far", className="label"),
        html.Span(wording.hours_minutes(site.lost_time_s), className="number"),
        html.Span(f"of {planned} planned", className="note"),
        html.Span(cause, className="cause"),
    ]


def _in_sentence(name: str) -> str:
    return name if name[:2].isupper() else name[:1].lower() + name[1:]


def _line_choices(moment: Moment) -> list[dict[str, str]]:
    lines = [{"value": line.equipment_id, "label": line.name} for line in moment.lines]
    return [{"value": "", "label": "All lines"}, *lines]


def _shells(moment: Moment) -> list[Component]:
    shells = [
        _shell(
            line.equipment_id,
            line.name,
            html.Header(id=line_id(line.equipment_id), className="line-heading"),
            moment.units(line.equipment_id),
        )
        for line in moment.lines
    ]
    if without_line := moment.units(None):
        heading = html.Header(html.H2("Other machines"), className="line-heading")
        shells.append(_shell("", "Other machines", heading, without_line))
    return shells


def _shell(line: str, name: str, heading: Component, units: list[Equipment]) -> Component:
    cards = [
        html.Article(id=card_id(unit.equipment_id), className="card is-loading") for unit in units
    ]
    return html.Section(
        [heading, html.Div(cards, className="cards")],
        className="line",
        **{"data-line": line, "aria-label": name},
    )


def _line_heading(
    line: Equipment, units: list[Equipment], options: DashboardSettings
) -> list[Child]:
    oee = components.oee(line, options.withheld_below)
    withheld = components.withheld(line, options.withheld_below)
    producing = sum(unit.category == "production" for unit in units)
    return [
        html.H2(line.name),
        html.Span(f"{producing} of {len(units)} producing", className="note"),
        html.Span(
            [
                "OEE ",
                html.Strong(wording.percent(oee), title=withheld or ""),
                components.provisional_mark(line),
            ],
            className="line-oee",
        ),
        components.ratio_bar(oee, f"OEE of {line.name}", options.oee_target),
    ]


def _card(
    unit: Equipment, moment: Moment, zone: ZoneInfo, options: DashboardSettings
) -> dict[str, object]:
    intervals = [row for row in moment.intervals if row.work_unit_id == unit.equipment_id]
    unit = _on_break(unit, intervals)
    kind = components.spent(unit.category, unit.cause, is_minor=bool(unit.is_minor))
    return {
        "className": f"card card-{kind}",
        "children": [
            html.Header([_card_name(unit), _card_oee(unit, options)]),
            html.P([components.state_pill(unit), _since(unit, zone)], className="state"),
            _order(unit, zone),
            _counts(unit),
            _card_ribbon(unit, intervals, zone),
        ],
    }


def _on_break(unit: Equipment, intervals: list[Interval]) -> Equipment:
    # A machine that stands still in a break is on break, not stopped; without a shift neither.
    last = intervals[-1] if intervals else None
    if last is None or last.category != _BREAK or unit.category in {"production", "unknown"}:
        return unit
    category = _BREAK if unit.shift_started_at else components.NOT_SCHEDULED
    return replace(
        unit, category=category, reason_name=last.reason_name, state_since_at=last.started_at
    )


def _card_name(unit: Equipment) -> Component:
    picked = json.dumps({"unit": unit.equipment_id})
    said = f"{unit.name}: show its stops"
    button = html.Button(unit.name, **{"data-pick": picked, "aria-label": said})
    return html.H3(button, className="card-name")


def _card_oee(unit: Equipment, options: DashboardSettings) -> Component:
    oee = components.oee(unit, options.withheld_below)
    reason = components.withheld(unit, options.withheld_below)
    return html.Div(
        [
            html.Span("OEE", className="label"),
            html.Strong(wording.percent(oee, 0)),
            components.ratio_bar(oee, f"OEE of {unit.name}", options.oee_target),
            html.Small(reason) if reason else components.provisional_mark(unit),
        ],
        className="card-oee",
    )


def _since(unit: Equipment, zone: ZoneInfo) -> Component | None:
    if unit.category == components.NOT_SCHEDULED:
        # Its machine may change its state meanwhile; that begins nothing.
        return None
    now = unit.computed_through_at
    if unit.state_since_at is None:
        return html.Span("never heard of", className="note")
    length = wording.duration((now - unit.state_since_at).total_seconds())
    at = wording.clock_or_day(unit.state_since_at, zone, now)
    return html.Span(f"since {at} · {length}", className="note")


def _order(unit: Equipment, zone: ZoneInfo) -> Component:
    if unit.production_order_id is None:
        return html.Div(html.Span("No order", className="note"), className="order")
    title = html.Div(
        [
            html.Span(unit.item_name or "Unknown item", className="order-item"),
            html.Span(unit.production_order_id, className="note"),
        ],
        className="order-title",
    )
    if not unit.order_quantity or unit.order_good_quantity is None:
        return html.Div(title, className="order")
    share = float(unit.order_good_quantity / unit.order_quantity)
    done = f"{unit.order_good_quantity:,.0f} of {wording.quantity(unit.order_quantity, unit.unit)}"
    finish = None if unit.category == "unknown" else unit.expected_finish_at
    ready = wording.clock_or_day(finish, zone, unit.computed_through_at)
    return html.Div(
        [
            title,
            components.ratio_bar(share, f"Order {unit.production_order_id}: {done}"),
            html.Div(
                [html.Span(done), html.Span(f"ready {ready}" if finish else "")],
                className="order-progress note",
            ),
        ],
        className="order",
    )


def _counts(unit: Equipment) -> Component:
    return html.Dl(
        [
            html.Div([html.Dt("Good"), html.Dd(wording.quantity(unit.good_quantity, unit.unit))]),
            html.Div(
                [html.Dt("Rejects"), html.Dd(wording.quantity(unit.scrap_quantity, unit.unit))]
            ),
        ],
        className="counts",
    )


def _card_ribbon(unit: Equipment, intervals: list[Interval], zone: ZoneInfo) -> Child:
    if unit.shift_started_at is None or unit.shift_ended_at is None:
        return html.P("No shift is running", className="note ribbon-none")
    return components.ribbon(
        intervals,
        start=unit.shift_started_at,
        end=unit.shift_ended_at,
        now=unit.computed_through_at,
        zone=zone,
        name=unit.name,
    )
