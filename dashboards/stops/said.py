"""The stops page's live part: what was said and the marts do not have yet.

Rendered once per reading for everybody who looks, as `dashboards.overview.board` is.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dash import html
from dash.development.base_component import Component

from dashboards import components, readings, wording
from dashboards.components import Child
from dashboards.feed import Moment, Reading
from dashboards.live import Parts
from dashboards.stops.remarks import Remark, Remarks

_SOON = timedelta(seconds=4)
_STILL_WORKS = "The stops shown are as last read. What is said now is kept and delivered later."


def render(reading: Reading, remarks: Remarks, broker: str) -> Parts:
    """Everything on the stops page that changes by itself.

    Args:
        reading: What the feed knows.
        remarks: What was said on the pages.
        broker: How the broker is called, for people.
    """
    moment = reading.moment or Moment()
    parts: dict[str, dict[str, object]] = {
        "stops-page": {"className": f"page {readings.mood(reading)}"},
        "stops-notice": {"children": readings.silence(reading, _STILL_WORKS)},
        "stops-kept": {"children": _kept(remarks, broker)},
    }
    if moment.site is None:
        parts["stops-empty"] = {"children": readings.empty(reading)}
        return parts  # type: ignore[return-value]
    zone = ZoneInfo(moment.site.time_zone)
    pending = remarks.pending()
    parts |= {
        "stops-where": {"data": _places(moment)},
        "stops-publication": {"data": readings.publication(reading)},
        "stops-pending": {"data": [[each.name, each.taken_back is None] for each in pending]},
        "stops-said": {"children": remark_list(pending, zone, reading.at, is_pending=True)},
    }
    return parts  # type: ignore[return-value]


def remark_list(
    remarks: Sequence[Remark], zone: ZoneInfo, now: datetime, *, is_pending: bool
) -> list[Component]:
    """What was said, by whom and when, each with a way to take it back."""
    return [_remark(each, zone, now, is_pending=is_pending) for each in remarks]


def _remark(remark: Remark, zone: ZoneInfo, now: datetime, *, is_pending: bool) -> Component:
    entry, taken_back = remark.entry, remark.taken_back
    span = f"{wording.clock_or_day(entry.began, zone, now)}–{wording.clock(entry.ended, zone)}"
    said = f"says {entry.said_by or 'somebody'}, {wording.clock_or_day(entry.said_at, zone, now)}"
    joined = " · one stop" if entry.merges else ""
    told: list[Child] = [
        html.Span([html.Strong(remark.work_unit_name), f" {span}"], className="remark-stop"),
        html.Span(
            [
                html.Del(remark.reason_name) if taken_back else remark.reason_name,
                f"{joined} · {said}",
            ]
        ),
    ]
    if taken_back:
        at = wording.clock_or_day(taken_back.said_at, zone, now)
        told.append(html.Span(f"taken back by {taken_back.said_by}, {at}"))
    if is_pending:
        told.append(html.Span("waits for the next refresh", className="pending"))
    if not taken_back:
        told.append(
            html.Button(
                "Undo",
                className="plain",
                **{
                    "data-undo": remark.name,
                    "aria-label": f"Take back: {remark.work_unit_name} {span} {remark.reason_name}",
                },
            )
        )
    return html.Li(told, className="remark")


def _kept(remarks: Remarks, broker: str) -> Child:
    """What to do where entries cannot leave; nothing while they are on their way."""
    waiting = remarks.waiting
    newest = max((_last_said(each) for each in remarks.pending()), default=None)
    if not waiting or (newest is not None and datetime.now(UTC) - newest < _SOON):
        return None
    entries = wording.count(waiting, "entry is", "entries are")
    if remarks.ailment:
        return components.notice(
            f"{entries} kept on this server: the broker {broker} cannot be reached.",
            [
                "Nothing is lost, and nothing has to be said again: it is delivered when the "
                "broker answers, also after a restart. What is wrong with it says ",
                components.command("takt doctor"),
            ],
            "stale",
        )
    return components.notice(
        f"{entries} kept on this server: the lake has not taken it yet.",
        [
            "Nothing is lost. If this lasts, see whether it runs: ",
            components.command("takt ingest"),
        ],
        "stale",
    )


def _last_said(remark: Remark) -> datetime:
    return (remark.taken_back or remark.entry).said_at


def _places(moment: Moment) -> list[dict[str, object]]:
    """What the page may be narrowed to: all, a line, a machine."""
    groups: list[dict[str, object]] = [{"value": "", "label": "All machines"}]
    for line in moment.lines:
        machines = [
            {"value": unit.equipment_id, "label": unit.name}
            for unit in moment.units(line.equipment_id)
        ]
        whole = {"value": line.equipment_id, "label": f"All of {line.name}"}
        groups.append({"group": line.name, "items": [whole, *machines]})
    if others := moment.units(None):
        items = [{"value": unit.equipment_id, "label": unit.name} for unit in others]
        groups.append({"group": "Other machines", "items": items})
    return groups
