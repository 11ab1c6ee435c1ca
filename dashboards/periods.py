"""The periods people choose by name, as bounds in time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dashboards import wording
from dashboards.app import Dashboard
from dashboards.history import NothingPublished
from dashboards.queries import shifts
from dashboards.queries.live import Equipment

NAMES = {"shift": "This shift", "today": "Today", "7d": "7 days", "14d": "14 days"}
"""Choices by their value in the URL; any other value is the start of a shift, ISO 8601 UTC."""

DEFAULT = "today"
_DAYS_BACK = {"today": 0, "7d": 6, "14d": 13}

Ask = Callable[..., Any]


@dataclass(frozen=True)
class Bounds:
    """A period [since, until) in UTC and how people call it."""

    since: datetime
    until: datetime
    label: str


def bounds(period: str, site: Equipment, through: datetime, ask: Ask) -> Bounds:
    """The bounds of a period of the URL.

    Args:
        period: A key of `NAMES`, or the start of a shift; anything else is the default.
        site: The site with its running shift.
        through: Up to when history reaches.
        ask: Asks history a question of `queries`.
    """
    if period == "shift" and site.shift_started_at is not None:
        label = f"This shift, {wording.shift_name(site.shift_id).lower()}"
        return Bounds(site.shift_started_at, max(through, site.shift_started_at), label)
    if period not in NAMES and (chosen := _chosen_shift(period, site, through, ask)):
        return chosen
    name = period if period in _DAYS_BACK else DEFAULT
    first_day = production_day(site) - timedelta(days=_DAYS_BACK[name])
    start = ask(shifts.period_start, first_day=first_day) or through
    label = NAMES[name] if name == "today" else f"Last {NAMES[name]}"
    return Bounds(start, max(through, start), label)


def published(dashboard: Dashboard, period: str) -> Bounds:
    """The bounds of a period of the URL, up to the last publication.

    Raises:
        NothingPublished: There is no history yet.
        HistoryUnavailable: The lake does not answer.
    """
    moment = dashboard.feed.latest.moment
    if moment is None or moment.publication is None:
        raise NothingPublished("no refresh has been published yet")
    return bounds(
        period,
        dashboard.site,
        moment.publication.published_at,
        dashboard.history.ask,
    )


def production_day(site: Equipment) -> date:
    """The production day that runs; between shifts the day on the site's wall clock."""
    if site.production_date is not None:
        return site.production_date
    return wording.local(site.computed_through_at, ZoneInfo(site.time_zone)).date()


def _chosen_shift(period: str, site: Equipment, through: datetime, ask: Ask) -> Bounds | None:
    try:
        start = datetime.fromisoformat(period)
    except ValueError:
        return None
    if start.tzinfo is not None:
        start = start.astimezone(UTC).replace(tzinfo=None)
    shift = ask(shifts.shift_at, start=start)
    if shift is None:
        return None
    day = wording.local(start, ZoneInfo(site.time_zone)).strftime("%a %-d %b")
    label = f"{wording.shift_name(shift.shift_id)}, {day}"
    return Bounds(start, min(shift.shift_ended_at, through), label)
