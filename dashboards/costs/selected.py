"""What the URL of a page of costs selects: site, currency, period, which orders.

Belongs here: turning what a reader chose, or did not, into the arguments of `queries`.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from dashboards.app import Dashboard
from dashboards.costs.ledger import Chosen, NoCosts
from dashboards.history import NothingPublished
from dashboards.queries import cost_choices
from dashboards.queries.cost_choices import CostVersion, Period, Scope
from dashboards.queries.order_selection import Selection
from dashboards.queries.work_in_process import WipRow, work_in_process

EVER = "all"
"""The period of a URL that means all of them; an absent one is the current."""

STATUS = {"": "All orders", "ended": "Ended", "running": "Running"}


@dataclass(frozen=True, kw_only=True)
class View:
    """What is looked at.

    Attributes:
        scopes: All sites and currencies there are, first the one that is usual.
        scope: The chosen one.
        periods: All that have begun, the latest first.
        period: The chosen one; None: all of them.
        is_current: Whether the chosen one runs.
        selection: The orders that are chosen by it.
        zone: Time zone of the chosen site.
        now: Up to when history reaches.
    """

    scopes: list[Scope]
    scope: Scope
    periods: list[Period]
    period: Period | None
    is_current: bool
    selection: Selection
    zone: ZoneInfo
    now: datetime

    @property
    def currency(self) -> str:
        """Of all amounts of the view."""
        return self.scope.currency

    @property
    def period_name(self) -> str:
        """The chosen period in words."""
        if self.period is None:
            return "all periods"
        return f"{self.period.period_id}, so far" if self.is_current else self.period.period_id

    def of_order(self, order_id: str | None) -> Selection:
        """One order, whenever it ended; None: all that are chosen."""
        if not order_id:
            return self.selection
        return replace(
            self.selection, period_id=None, is_current=True, is_final=None, order_id=order_id
        )

    def of_period(self, period: Period) -> Selection:
        """The orders that ended in a period."""
        return replace(self.selection, period_id=period.period_id, is_current=False, is_final=None)


def view(dashboard: Dashboard, chosen: Chosen) -> View:
    """What a reader chose.

    Raises:
        NoCosts: No costing version is loaded.
        NothingPublished: No refresh has been published yet, or no order costed.
        HistoryUnavailable: The lake does not answer.
    """
    ask = dashboard.history.ask
    site = dashboard.site
    usual = Scope(site_id=site.equipment_id, currency=known_versions(dashboard)[0].currency)
    now = _published_at(dashboard)
    scopes = ask(cost_choices.cost_scopes) or [usual]
    scopes = sorted(scopes, key=lambda each: each.site_id != site.equipment_id)
    scope = next((each for each in scopes if scope_value(each) == chosen.get("site")), scopes[0])
    periods = ask(cost_choices.cost_periods, until=now)
    period = _period(periods, chosen.get("period"))
    is_current = period is None or period.ends_at > now
    selection = Selection(
        site_id=scope.site_id,
        currency=scope.currency,
        period_id=period.period_id if period else None,
        is_current=is_current,
        is_final={"ended": True, "running": False}.get(chosen.get("status", "")),
    )
    return View(
        scopes=scopes,
        scope=scope,
        periods=periods,
        period=period,
        is_current=is_current,
        selection=selection,
        zone=zone_of(dashboard, scope.site_id),
        now=now,
    )


def in_process(dashboard: Dashboard, found: View) -> tuple[Period, list[WipRow]] | None:
    """The chosen period, of all of them the latest, and its work in process; None: no period.

    Raises:
        NothingPublished: No refresh has been published yet.
        HistoryUnavailable: The lake does not answer.
    """
    period = found.period or next(iter(found.periods), None)
    if period is None:
        return None
    rows = dashboard.history.ask(
        work_in_process,
        site_id=found.scope.site_id,
        currency=found.currency,
        period_id=period.period_id,
    )
    return period, rows


def known_versions(dashboard: Dashboard) -> list[CostVersion]:
    """The costing versions, the one that counts first: those that are still to begin come last.

    Raises:
        NoCosts: There is none.
        NothingPublished: No refresh has been published yet.
        HistoryUnavailable: The lake does not answer.
    """
    versions: list[CostVersion] = dashboard.history.ask(cost_choices.cost_versions)
    if not versions:
        raise NoCosts("no costing version is loaded")
    return sorted(versions, key=lambda each: is_to_begin(dashboard, each))


def is_to_begin(dashboard: Dashboard, version: CostVersion) -> bool:
    """Whether a costing version holds only from some time in the future on.

    Raises:
        NothingPublished: No refresh has been published yet.
    """
    return bool(version.valid_from and version.valid_from > _published_at(dashboard))


def zone_of(dashboard: Dashboard, site_id: str | None) -> ZoneInfo:
    """The time zone of a site; of one without work units that of the dashboard's own."""
    moment = dashboard.feed.latest.moment
    sites = [row for row in moment.equipment if row.level == "site"] if moment else []
    site = next((row for row in sites if row.equipment_id == site_id), dashboard.site)
    return ZoneInfo(site.time_zone)


def scope_value(scope: Scope) -> str:
    """A site with its currency, as the URL says it."""
    return f"{scope.site_id}/{scope.currency}"


def period_choices(found: View) -> list[dict[str, str]]:
    """The periods to choose from; the current one is the empty choice."""
    now = next((each for each in found.periods if each.ends_at > found.now), None)
    choices = [{"value": "", "label": f"{now.period_id if now else 'Current period'}, so far"}]
    choices += [
        {
            "value": each.period_id,
            "label": f"{each.period_id}, closed" if each.is_closed else each.period_id,
        }
        for each in found.periods
        if each is not now
    ]
    return [*choices, {"value": EVER, "label": "All periods"}]


def scope_choices(found: View) -> list[dict[str, Any]]:
    """The sites to choose from, with currencies where these differ; the usual one is empty."""
    is_one_currency = len({scope.currency for scope in found.scopes}) == 1
    return [
        {
            "value": scope_value(scope) if scope != found.scopes[0] else "",
            "label": scope.site_id if is_one_currency else f"{scope.site_id}, {scope.currency}",
        }
        for scope in found.scopes
    ]


def _period(periods: list[Period], named: str | None) -> Period | None:
    if named == EVER:
        return None
    found = next((each for each in periods if each.period_id == named), None)
    return found or (periods[0] if periods else None)


def _published_at(dashboard: Dashboard) -> datetime:
    moment = dashboard.feed.latest.moment
    if moment is None or moment.publication is None:
        raise NothingPublished("no refresh has been published yet")
    published_at = moment.publication.published_at
    return (
        published_at.astimezone(UTC).replace(tzinfo=None) if published_at.tzinfo else published_at
    )
