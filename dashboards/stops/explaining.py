"""Saying why machines stood, on the page: from what was filled in to what is entered.

Belongs here: what a form may mean, and refusing in words what it cannot. How an entry travels is
`edge.terminal`; which entry holds is decided in `dbt_project`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dashboards import wording
from dashboards.app import Dashboard
from dashboards.queries import stop_reasons
from dashboards.queries.stop_reasons import Reason, WaitingStop
from dashboards.stops.classifying import ID_SHOWN, lies_between
from dashboards.stops.remarks import Remark
from takt.errors import TaktError
from takt.stop_entry import StopEntry

SAID_BEFORE = 12
"""So many of what the marts know are listed, and can be taken back."""

_LONGEST_NAME = 60
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


class Refused(TaktError):
    """What was filled in cannot be meant; the page says why and keeps it."""


@dataclass(frozen=True)
class Form:
    """What was filled in.

    Attributes:
        stop_ids: The stops that are meant.
        reason_id: Why they were.
        said_by: Who says so.
        begins: For a part of one stop: from when on, `HH:MM` of the site; empty: its start.
        ends: Up to when; empty: its end.
        as_one: Whether several stops, and all between them, are one.
    """

    stop_ids: Sequence[str]
    reason_id: str | None
    said_by: str | None
    begins: str | None = None
    ends: str | None = None
    as_one: bool = False


def say(dashboard: Dashboard, form: Form) -> list[Remark]:
    """Enter the reason of one stop, a part of it, or several stops.

    Raises:
        TaktError: It cannot be meant or was not kept, and why.
    """
    said_by = speaker(form.said_by)
    reason = _reason(dashboard, form.reason_id)
    stops = _stops(dashboard, form.stop_ids)
    now = datetime.now(UTC)
    if form.as_one and len(stops) > 1:
        remarks = [_joining(dashboard, stops, form, reason, said_by)]
    else:
        spans = [_span(dashboard, stop, form) for stop in stops]
        remarks = [
            _remark(stop, span, reason, said_by, now)
            for stop, span in zip(stops, spans, strict=True)
        ]
    dashboard.remarks.say(remarks)
    return remarks


def take_back(dashboard: Dashboard, name: str, said_by: str | None) -> Remark:
    """Enter that something that was said does not hold.

    Args:
        dashboard: Where it was said.
        name: Of the remark.
        said_by: Who takes it back.

    Raises:
        TaktError: It is not known any more, or was not kept.
    """
    who = speaker(said_by)
    listed = [*dashboard.remarks.pending(), *said_before(dashboard)]
    remark = next((each for each in listed if each.name == name and not each.taken_back), None)
    if remark is None:
        raise Refused("That was taken back already, or something else was said of it since.")
    dashboard.remarks.take_back(remark, who)
    return remark


def said_before(dashboard: Dashboard) -> list[Remark]:
    """What was said last and holds, as the marts know it, newest first.

    Raises:
        TaktError: History cannot be asked.
    """
    known = dashboard.history.ask(stop_reasons.classifications, limit=SAID_BEFORE * 4)
    dashboard.remarks.forget(
        {
            (
                each.work_unit_id,
                _utc(each.started_at),
                each.classified_by or "",
                _utc(each.classified_at),
            )
            for each in known
        }
    )
    again = {each.name for each in dashboard.remarks.pending()}
    found = [
        Remark(
            StopEntry(
                each.work_unit_id,
                _utc(each.started_at),
                _utc(each.ended_at),
                each.reason_id,
                each.classified_by or "",
                _utc(each.classified_at),
            ),
            each.work_unit_name,
            each.reason_name or "",
        )
        for each in known
        if each.reason_id is not None and not each.is_superseded
    ]
    return [each for each in found if each.name not in again][:SAID_BEFORE]


def speaker(said_by: str | None) -> str:
    """The name of who says something, in one line.

    Raises:
        Refused: There is none.
    """
    name = " ".join((said_by or "").split())[:_LONGEST_NAME]
    if not name:
        raise Refused("Write who says so: the name stays with what is said.")
    return name


def moment_within(text: str, stop: WaitingStop, ended: datetime, zone: ZoneInfo) -> datetime:
    """The first moment of a stop at which the site's clock shows `HH:MM`; UTC.

    A time in the minute of the stop's start or end is that start or end.

    Raises:
        Refused: The clock shows it before or after the stop only.
    """
    shown = time.fromisoformat(text)
    began = _utc(stop.started_at)
    first_day = began.astimezone(zone).date()
    days = (ended.astimezone(zone).date() - first_day).days
    for day in range(days + 1):
        moment = datetime.combine(first_day + day * _DAY, shown, zone).astimezone(UTC)
        if began - _MINUTE < moment < began:
            return began
        if began <= moment <= ended:
            return ended if ended - moment < _MINUTE else moment
    raise Refused(
        f"{text} is not within the stop, which is from {wording.clock(began, zone)} to"
        f" {wording.clock(ended, zone)}."
    )


def _span(dashboard: Dashboard, stop: WaitingStop, form: Form) -> tuple[datetime, datetime]:
    """The time that is meant: a stop that goes on is explained up to now."""
    site = dashboard.site
    zone = ZoneInfo(site.time_zone)
    began, ended = _utc(stop.started_at), _utc(stop.ended_at or site.computed_through_at)
    if not (form.begins or form.ends):
        return began, ended
    if len(form.stop_ids) > 1:
        raise Refused("A part can be told of one stop only: choose one, or leave the times empty.")
    if ended - began > _DAY:
        raise Refused(
            "The stop is longer than a day; a part of it is told with"
            " `takt stops classify … --from … --to …`."
        )
    part = (
        moment_within(form.begins, stop, ended, zone) if form.begins else began,
        moment_within(form.ends, stop, ended, zone) if form.ends else ended,
    )
    if part[0] >= part[1]:
        raise Refused("The part has to begin before it ends.")
    return part


def _remark(
    stop: WaitingStop,
    span: tuple[datetime, datetime],
    reason: Reason,
    said_by: str,
    now: datetime,
) -> Remark:
    entry = StopEntry(stop.work_unit_id, *span, reason.reason_id, said_by, now)
    is_whole = span[0] == _utc(stop.started_at) and (
        stop.ended_at is None or span[1] == _utc(stop.ended_at)
    )
    stop_ids = (stop.stop_id,) if is_whole else ()
    return Remark(entry, stop.work_unit_name, reason.name, stop_ids)


def _joining(
    dashboard: Dashboard, stops: Sequence[WaitingStop], form: Form, reason: Reason, said_by: str
) -> Remark:
    """That stops of one work unit, oldest first, are one."""
    first, last = stops[0], stops[-1]
    if any(stop.work_unit_id != first.work_unit_id for stop in stops):
        raise Refused("Only stops of one machine can be one stop: choose again.")
    named = tuple(stop.stop_id for stop in stops)
    between = dashboard.history.ask(
        lies_between,
        site_id=dashboard.settings.site,
        work_unit_id=first.work_unit_id,
        began=first.started_at,
        ended=last.started_at,
        named=named,
    )
    if between is not None:
        raise _lies_between(dashboard, between, named, reason)
    began, _ = _span(dashboard, first, form)
    _, ended = _span(dashboard, last, form)
    entry = StopEntry(
        first.work_unit_id,
        began,
        ended,
        reason.reason_id,
        said_by,
        datetime.now(UTC),
        merges=True,
    )
    return Remark(entry, first.work_unit_name, reason.name, named)


def _lies_between(
    dashboard: Dashboard, between: str, named: Sequence[str], reason: Reason
) -> Refused:
    """That a stop was left out, and how it comes in: only what waits is listed to be chosen."""
    waits = dashboard.history.ask(stop_reasons.waiting_stops_named, stop_ids=(between,))
    if waits and between not in dashboard.remarks.said_of():
        return Refused("Another stop lies between them: choose it too, or say it of each.")
    first, *others = (stop_id[:ID_SHOWN] for stop_id in (*named, between))
    merged = " ".join(f"--merge {stop_id}" for stop_id in others)
    return Refused(
        "A stop lies between them that does not wait for a reason, so it cannot be chosen here: say"
        f" it of each, or join all with `takt stops classify {first} {reason.reason_id} {merged}`."
    )


def _reason(dashboard: Dashboard, reason_id: str | None) -> Reason:
    if not reason_id:
        raise Refused("Choose a reason.")
    known = dashboard.history.ask(stop_reasons.reasons)
    found = next((each for each in known if each.reason_id == reason_id), None)
    if found is None:
        raise Refused(f"The reason {reason_id} is not known any more; choose another.")
    return found


def _stops(dashboard: Dashboard, stop_ids: Sequence[str]) -> list[WaitingStop]:
    if not stop_ids:
        raise Refused("Choose a stop first.")
    wanted = set(stop_ids) - dashboard.remarks.said_of()
    found = dashboard.history.ask(stop_reasons.waiting_stops_named, stop_ids=tuple(sorted(wanted)))
    if len(found) < len(stop_ids):
        raise Refused("Of some of these stops a reason was told meanwhile; choose again.")
    return list(found)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
