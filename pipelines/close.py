"""Closing accounting periods: what was reported stays, and what changes later is posted by name.

Belongs here: when a period may be closed or reopened, and copying its rows into `accounting`.
What is posted, and what speaks against it, is decided in `dbt_project` (`period_posting`,
`period_check`).
"""

import logging
import uuid
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal

import duckdb

import lake
from pipelines.refresh import LOCK_WAIT_S, RefreshError, refresh_held
from takt.errors import ConfigurationError, TaktError
from takt.progress import Progress, silent
from takt.settings import Settings

_log = logging.getLogger(__name__)

_SUBJECTS_SHOWN = 3

_PERIODS = """
select
    period_id, starts_at, ends_at, closings.closing_id is not null as is_closed,
    closings.closed_at, closings.closed_by,
    (select count(*) from lake.marts.period_posting as postings
     where postings.period_id = periods.period_id) as postings
from lake.marts.dim_period as periods
left join (
    select closing_id, period_id, closed_at, closed_by from lake.accounting.closing
    anti join lake.accounting.reopening using (closing_id)
) as closings using (period_id)
order by starts_at
"""
_FINDINGS = """
select
    problem, is_acceptable, count(*), sum(quantity),
    list_sort(list(distinct coalesce(production_order_id, subject)))[:$shown]
from lake.marts.period_check
where period_id = $period
group by problem, is_acceptable
order by is_acceptable, problem
"""
_POST = """
insert into lake.accounting.posting by name
select
    $closing as closing_id, period_id, origin_period_id, production_order_id, cost_group_id,
    measure, amount, currency
from lake.marts.period_posting
where period_id = $period and not is_posted
"""
_KEEP_VARIANCES = """
insert into lake.accounting.order_variance by name
select $closing as closing_id, * exclude (is_final)
from lake.marts.order_variance
where period_id = $period and is_final
"""
_CLOSE = """
insert into lake.accounting.closing by name
select
    $closing as closing_id, $period as period_id, timezone('UTC', now()) as closed_at,
    $by as closed_by, $accepted as accepted
"""
_REOPEN = """
insert into lake.accounting.reopening by name
select
    closings.closing_id, timezone('UTC', now()) as reopened_at, $by as reopened_by,
    $reason as reason
from lake.accounting.closing as closings
anti join lake.accounting.reopening as reopenings using (closing_id)
where closings.period_id = $period
"""
_POSTED = """
select count(*), coalesce(sum(amount) filter (where period_id <> origin_period_id), 0)
from lake.accounting.posting where closing_id = $closing
"""
_WHAT_TO_DO = {
    "uncosted_order": "load a cost_version that holds for its site and time",
    "uncovered_time": "bring in what machines told meanwhile (takt balance, takt import)",
    "off_route_time": "name its work unit in routing_operation or order_operation",
    "no_price": "load its item_cost or cost_rate, or state a unit_price",
    "no_exchange_rate": "load its exchange_rate",
    "order_of_co_product": "order the item beside which it is made",
    "unknown_output": "correct its item_id, or name it in bom_line as made beside the item",
    "does_not_tie_out": "this is a fault of Takt: keep the lake and report it",
}


@dataclass(frozen=True)
class Period:
    """An accounting period as people list it.

    Attributes:
        period_id: Its name.
        starts_at: Start, UTC.
        ends_at: End, UTC.
        is_closed: Whether it is closed.
        closed_at: When it was, UTC; None: it is open.
        closed_by: Who closed it.
        postings: How many amounts it posts.
    """

    period_id: str
    starts_at: object
    ends_at: object
    is_closed: bool
    closed_at: object
    closed_by: str | None
    postings: int


@dataclass(frozen=True)
class Finding:
    """Something that speaks against closing.

    Attributes:
        problem: As in `marts.period_check`.
        is_acceptable: Whether who closes may accept it.
        count: How often.
        quantity: Orders, seconds, units, prices or money, as the problem says.
        subjects: A few of the orders that it concerns.
    """

    problem: str
    is_acceptable: bool
    count: int
    quantity: Decimal
    subjects: Sequence[str]

    def __str__(self) -> str:
        """What, how much of it, where, and what to do."""
        how_much = f"{self.quantity / 3600:.1f} h" if "time" in self.problem else str(self.count)
        where = ", ".join(self.subjects) + (" …" if self.count > len(self.subjects) else "")
        return f"{self.problem} ({how_much}: {where}): {_WHAT_TO_DO[self.problem]}"


@dataclass(frozen=True)
class CloseReport:
    """What a close did.

    Attributes:
        period_id: The period.
        postings: How many amounts were posted.
        adjusted_amount: Sum of those that belong to earlier periods.
        accepted: What spoke against it and was accepted.
    """

    period_id: str
    postings: int
    adjusted_amount: Decimal
    accepted: Sequence[Finding]

    def __str__(self) -> str:
        """One line, and one for each thing that was accepted."""
        told = (
            f"{self.period_id} is closed: {self.postings} postings, of these"
            f" {self.adjusted_amount} adjust earlier periods"
        )
        return "\n".join([told, *(f"  accepted: {finding}" for finding in self.accepted)])


def periods(settings: Settings) -> list[Period]:
    """The periods as of the last refresh, the earliest first.

    Raises:
        ConfigurationError: Nothing was refreshed yet.
        lake.LakeUnavailable: The catalog does not answer.
    """
    with closing(lake.open(settings, read_only=True)) as con:
        return _periods(con)


def close(
    settings: Settings,
    period_id: str,
    *,
    by: str,
    accepting: Collection[str] = (),
    progress: Progress = silent,
) -> CloseReport:
    """Refresh, check, and copy what a period posts into `accounting`; then publish.

    Args:
        settings: Of the installation.
        period_id: The period; it has ended, and those before it that post anything are closed.
        by: Who closes it.
        accepting: Problems of `period_check` that are known and accepted; they are recorded.
        progress: Is told how far the refresh is.

    Raises:
        ConfigurationError: There is no such period, or it may not be closed: why, what to do.
        pipelines.refresh.RefreshError: A law does not hold; it says so if it was closed already.
        lake.LockTimeout: Another refresh, load or close holds the lake for ten minutes.
        lake.LakeUnavailable: The catalog does not answer.
        lake.OutcomeUnknown: The catalog was lost while committing; list the periods.
    """
    _check_known(accepting)
    lake.schema.create(settings)
    with lake.locks.refresh_lock(settings, wait_s=LOCK_WAIT_S):
        refresh_held(settings, progress=progress)
        with closing(lake.open(settings)) as con:
            _check_may_close(_periods(con), period_id, _now(con))
            findings = _findings(con, period_id)
            _check_accepted(period_id, findings, accepting)
            posted, adjusted = _copy(con, settings, period_id, by, findings)
        _show(settings, f"{period_id} is closed", progress)
    report = CloseReport(period_id, posted, adjusted, findings)
    _log.info("close: %s", report)
    return report


def reopen(
    settings: Settings, period_id: str, *, by: str, reason: str, progress: Progress = silent
) -> None:
    """Let the closing of a period count no more; both stay recorded.

    Args:
        settings: Of the installation.
        period_id: The last closed period.
        by: Who reopens it.
        reason: Why.
        progress: Is told how far the refresh is.

    Raises:
        ConfigurationError: It is not closed, or a later one is.
        pipelines.refresh.RefreshError: A law does not hold.
        lake.LockTimeout: Another refresh, load or close holds the lake for ten minutes.
        lake.LakeUnavailable: The catalog does not answer.
        lake.OutcomeUnknown: The catalog was lost while committing; list the periods.
    """
    lake.schema.create(settings)
    with lake.locks.refresh_lock(settings, wait_s=LOCK_WAIT_S):
        with closing(lake.open(settings)) as con:
            _check_may_reopen(_periods(con), period_id)
            with lake.transaction(con):
                con.execute(_REOPEN, {"period": period_id, "by": by, "reason": reason})
                lake.durable.commit(con, settings, ["accounting"])
        _show(settings, f"{period_id} is open again", progress)
    _log.info("%s is open again, by %s: %s", period_id, by, reason)


def _periods(con: duckdb.DuckDBPyConnection) -> list[Period]:
    try:
        return [Period(*row) for row in con.execute(_PERIODS).fetchall()]
    except duckdb.CatalogException as error:
        raise ConfigurationError("no period is known yet; run takt refresh first") from error


def _now(con: duckdb.DuckDBPyConnection) -> object:
    """As of when the marts are."""
    found = con.execute("select evaluated_at from lake.intermediate.int_run").fetchone()
    assert found is not None, "every run writes it"
    return found[0]


def _findings(con: duckdb.DuckDBPyConnection, period_id: str) -> list[Finding]:
    rows = con.execute(_FINDINGS, {"period": period_id, "shown": _SUBJECTS_SHOWN}).fetchall()
    return [Finding(*row) for row in rows]


def _find(known: Sequence[Period], period_id: str) -> Period:
    for period in known:
        if period.period_id == period_id:
            return period
    names = ", ".join(period.period_id for period in known) or "none"
    raise ConfigurationError(f"there is no period {period_id}; known are {names}")


def _check_may_close(known: Sequence[Period], period_id: str, now: object) -> None:
    period = _find(known, period_id)
    if period.is_closed:
        raise ConfigurationError(
            f"{period_id} was closed at {period.closed_at}Z by {period.closed_by}"
        )
    if period.ends_at > now:  # type: ignore[operator]
        raise ConfigurationError(f"{period_id} goes on until {period.ends_at}Z")
    for earlier in known:
        if earlier.period_id == period_id:
            return
        if not earlier.is_closed and earlier.postings:
            raise ConfigurationError(f"{earlier.period_id} comes first: it is still open")


def _copy(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    period_id: str,
    by: str,
    accepted: Sequence[Finding],
) -> tuple[int, Decimal]:
    """Write down what the period reports; how many postings, and the sum of adjustments."""
    values = {"closing": uuid.uuid4().hex, "period": period_id}
    told = "; ".join(f"{each.problem} {each.count} {each.quantity}" for each in accepted) or None
    with lake.transaction(con):
        con.execute(_POST, values)
        con.execute(_KEEP_VARIANCES, values)
        con.execute(_CLOSE, values | {"by": by, "accepted": told})
        lake.durable.commit(con, settings, ["accounting"])
    posted = con.execute(_POSTED, {"closing": values["closing"]}).fetchone()
    assert posted is not None, "an aggregate gives a row"
    return posted[0], posted[1]


def _show(settings: Settings, done: str, progress: Progress) -> None:
    """Let the marts follow what `accounting` says already."""
    try:
        refresh_held(settings, progress=progress)
    except TaktError as error:
        told = f"{done}, but the marts show it only after the next takt refresh: {error}"
        raise RefreshError(told, getattr(error, "results", ())) from error


def _check_known(accepting: Collection[str]) -> None:
    if unknown := set(accepting) - set(_WHAT_TO_DO):
        known = ", ".join(_WHAT_TO_DO)
        raise ConfigurationError(f"--accept knows no {', '.join(sorted(unknown))}, but {known}")


def _check_accepted(
    period_id: str, findings: Sequence[Finding], accepting: Collection[str]
) -> None:
    against = [f for f in findings if not (f.is_acceptable and f.problem in accepting)]
    if against:
        named = "\n".join(f"  {finding}" for finding in against)
        raise ConfigurationError(
            f"{period_id} stays open; this speaks against it:\n{named}\n"
            "mend it, or accept what may be with --accept PROBLEM"
        )


def _check_may_reopen(known: Sequence[Period], period_id: str) -> None:
    if not _find(known, period_id).is_closed:
        raise ConfigurationError(f"{period_id} is open")
    last = [period for period in known if period.is_closed][-1]
    if last.period_id != period_id:
        raise ConfigurationError(f"{last.period_id} was closed after it; reopen that first")
