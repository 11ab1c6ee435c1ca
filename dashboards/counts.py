"""Counts as people correct them: of which shift and order, and what may be said.

Belongs here: finding shifts and corrections in the marts as last published, and refusing what
cannot be meant. How an entry travels is `edge.terminal`; what it does is decided in `dbt_project`.
"""

import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb

from dashboards.stops import check_reason, known_reasons
from edge import terminal
from lake.query import open_published
from takt.count_entry import LARGEST, CountEntry, Result
from takt.errors import ConfigurationError
from takt.settings import Settings

ID_SHOWN = 8

_OUTPUTS = """
select
    production_order_id, operation_id, item_id, shift_started_at, shift_ended_at, good_quantity,
    scrap_quantity, rework_quantity
from marts.work_unit_shift_order
where
    definition_id = 'iso22400' and site_id = $site and work_unit_id = $work_unit
    and production_date = $day and shift_id = $shift
order by production_order_id, operation_id, item_id
"""
_MOMENT = """
select started_at + to_microseconds(datediff('microsecond', started_at, ended_at) // 2)
from marts.state_interval
where
    site_id = $site and work_unit_id = $work_unit and production_date = $day
    and shift_id = $shift and production_order_id is not distinct from $order
    and operation_id is not distinct from $operation and item_id is not distinct from $item
order by category = 'production' desc, ended_at - started_at desc, started_at
limit 1
"""
_UNREAD = """
select count(*) from (select *, snapshot_id from raw.telemetry)
where
    signal = '$count_correction' and site = $site and equipment = $work_unit
    and observed_at >= $began and observed_at < $ended
    and observed_date between $began::date and $ended::date
    and snapshot_id > (select max(pinned_snapshot_id) from intermediate.int_completed_run)
"""
_CORRECTIONS = """
select
    correction_id, work_unit_id, production_date, shift_id, production_order_id, counted_at,
    result, quantity, before_quantity, after_quantity, reason_id, comment_text, corrected_by,
    corrected_at, is_withdrawn, withdrawn_by, withdrawn_at
from marts.count_correction
where
    site_id = $site and ($work_unit is null or work_unit_id = $work_unit)
    and starts_with(correction_id, $correction) and ($withdrawn or not is_withdrawn)
order by corrected_at desc, correction_id, result
"""


@dataclass(frozen=True)
class Said:
    """What somebody says that a count was.

    Attributes:
        pieces: So many; of a difference, so many more or less.
        is_difference: Whether it is a difference.
    """

    pieces: Decimal
    is_difference: bool


@dataclass(frozen=True)
class Output:
    """What a work unit made in a shift for an order, as reports say.

    Attributes:
        work_unit_id: The work unit.
        production_date: Of the shift.
        shift_id: The shift.
        production_order_id: The order; None: without one.
        operation_id: The operation.
        item_id: The item.
        began: Start of the shift, UTC without a zone.
        ended: Its end.
        counted: Pieces by result.
    """

    work_unit_id: str
    production_date: date
    shift_id: str
    production_order_id: str | None
    operation_id: str | None
    item_id: str | None
    began: datetime
    ended: datetime
    counted: Mapping[Result, Decimal]

    @property
    def name(self) -> str:
        """Names the order, the operation and the item."""
        told = (self.production_order_id, self.operation_id, self.item_id)
        return " / ".join(each if each is not None else "-" for each in told)


@dataclass(frozen=True)
class Correction:
    """A correction of one count, as `marts.count_correction` lists it."""

    correction_id: str
    work_unit_id: str
    production_date: date | None
    shift_id: str | None
    production_order_id: str | None
    counted_at: datetime
    result: Result
    quantity: Decimal
    before_quantity: Decimal | None
    after_quantity: Decimal | None
    reason_id: str | None
    comment_text: str | None
    corrected_by: str | None
    corrected_at: datetime
    is_withdrawn: bool
    withdrawn_by: str | None
    withdrawn_at: datetime | None


@dataclass(frozen=True)
class Where:
    """Which count is meant.

    Attributes:
        work_unit_id: The work unit.
        production_date: Of the shift.
        shift_id: The shift.
        production_order_id: The order; None: the only one.
        operation_id: The operation; None: the only one.
        item_id: The item; None: the only one.
    """

    work_unit_id: str
    production_date: date
    shift_id: str
    production_order_id: str | None = None
    operation_id: str | None = None
    item_id: str | None = None


def correction(
    settings: Settings,
    where: Where,
    said: Mapping[Result, Said],
    said_by: str,
    *,
    why: str,
    reason_id: str | None = None,
) -> list[CountEntry]:
    """What to enter so that counts of a shift and order become what somebody says.

    Args:
        settings: Of the installation.
        where: Which shift and order.
        said: What each result was.
        said_by: Who says so.
        why: In their words.
        reason_id: Of the scrap and rework.

    Raises:
        ConfigurationError: No such shift, order or reason, several orders, nothing that differs, a
            number while another correction is on its way, or there is no lake.
        LakeUnavailable: The catalog does not answer.
    """
    is_compared = not all(each.is_difference for each in said.values())
    if is_compared:
        _check_all_left(settings)  # before the lake is asked: what leaves meanwhile is found there
    with closing(open_published(settings)) as con:
        if reason_id is not None:
            check_reason(reason_id, known_reasons(con))
        output = _output(con, settings.site, where)
        if is_compared:
            _check_all_read(con, settings.site, output)
        counted_at = _moment(con, settings.site, output)
    differences = {result: _difference(output, result, told) for result, told in said.items()}
    if not any(differences.values()):
        raise ConfigurationError("reports say so already; there is nothing to correct")
    name, now = uuid.uuid4().hex, datetime.now(UTC)
    return [
        CountEntry(
            output.work_unit_id,
            counted_at,
            name,
            result,
            pieces,
            said_by,
            now,
            why,
            reason_id if result != "good" else None,
            output.counted[result],
        )
        for result, pieces in differences.items()
        if pieces
    ]


def withdrawal(settings: Settings, correction_id: str, said_by: str) -> list[CountEntry]:
    """What to enter so that a correction does not count any more.

    Args:
        settings: Of the installation.
        correction_id: Its id or the beginning of it.
        said_by: Who says so.

    Raises:
        ConfigurationError: There is none that counts, several are, or there is no lake.
        LakeUnavailable: The catalog does not answer.
    """
    holding = corrections(settings, correction_id=correction_id, withdrawn=False)
    if not (correction_id and holding):
        raise ConfigurationError(
            f"no correction {correction_id or 'without an id'} counts; `takt counts list` names"
            " those that do, a new one after the next refresh"
        )
    if len({each.correction_id for each in holding}) > 1:
        raise ConfigurationError(
            f"several corrections begin with {correction_id}; write more of the id"
        )
    now = datetime.now(UTC)
    return [
        CountEntry(
            each.work_unit_id,
            each.counted_at.replace(tzinfo=UTC),
            each.correction_id,
            each.result,
            Decimal(0),
            said_by,
            now,
        )
        for each in holding
    ]


def corrections(
    settings: Settings,
    work_unit_id: str | None = None,
    correction_id: str = "",
    *,
    withdrawn: bool = True,
) -> list[Correction]:
    """The corrections of this site as the marts have them, newest first.

    Args:
        settings: Of the installation.
        work_unit_id: Only of this work unit.
        correction_id: Only those whose id begins so.
        withdrawn: Also those that do not count any more.

    Raises:
        ConfigurationError: There is no lake, or nothing was refreshed yet.
        LakeUnavailable: The catalog does not answer.
    """
    with closing(open_published(settings)) as con:
        rows = _ask(
            con,
            _CORRECTIONS,
            site=settings.site,
            work_unit=work_unit_id,
            correction=correction_id,
            withdrawn=withdrawn,
        )
    return [Correction(*row) for row in rows]


def _output(con: duckdb.DuckDBPyConnection, site: str, where: Where) -> Output:
    rows = _ask(
        con,
        _OUTPUTS,
        site=site,
        work_unit=where.work_unit_id,
        day=where.production_date,
        shift=where.shift_id,
    )
    shift = f"{where.work_unit_id} {where.production_date} {where.shift_id}"
    if not rows:
        raise ConfigurationError(
            f"no shift {shift}; marts.work_unit_shift lists those that were refreshed"
        )
    found = [_named(where, row) for row in rows]
    meant = [each for each in found if _is_meant(where, each)]
    if len(meant) == 1:
        return meant[0]
    what = (
        "nothing such was made" if not meant else "say for which with --order, --operation, --item"
    )
    told = ", ".join(each.name for each in found)
    raise ConfigurationError(f"{what}; {shift} was for (order / operation / item): {told}")


def _named(where: Where, row: tuple[Any, ...]) -> Output:
    order, operation, item, began, ended, good, scrap, rework = row
    counted: dict[Result, Decimal] = {"good": good, "scrap": scrap, "rework": rework}
    shift = (where.work_unit_id, where.production_date, where.shift_id)
    return Output(*shift, order, operation, item, began, ended, counted)


def _is_meant(where: Where, output: Output) -> bool:
    return (
        where.production_order_id in (None, output.production_order_id)
        and where.operation_id in (None, output.operation_id)
        and where.item_id in (None, output.item_id)
    )


def _check_all_left(settings: Settings) -> None:
    if terminal.waits(settings):
        raise ConfigurationError(
            "an entry of this host waits for ingestion; run `takt counts deliver` and `takt"
            " refresh` first, or say by how much, e.g. +5"
        )


def _check_all_read(con: duckdb.DuckDBPyConnection, site: str, output: Output) -> None:
    # A number counted from what reports say would count what they do not say yet a second time.
    [(unread,)] = _ask(
        con,
        _UNREAD,
        site=site,
        work_unit=output.work_unit_id,
        began=output.began,
        ended=output.ended,
    )
    if unread:
        raise ConfigurationError(
            "a correction of this shift waits for the next refresh; run `takt refresh` first, or"
            " say by how much, e.g. +5"
        )


def _moment(con: duckdb.DuckDBPyConnection, site: str, output: Output) -> datetime:
    """A moment that stays in the shift and order also when late data move their ends."""
    [(moment,)] = _ask(
        con,
        _MOMENT,
        site=site,
        work_unit=output.work_unit_id,
        day=output.production_date,
        shift=output.shift_id,
        order=output.production_order_id,
        operation=output.operation_id,
        item=output.item_id,
    )
    assert isinstance(moment, datetime)
    return moment.replace(tzinfo=UTC)


def _difference(output: Output, result: Result, said: Said) -> Decimal:
    counted = output.counted[result]
    pieces = said.pieces if said.is_difference else said.pieces - counted
    if abs(pieces) >= LARGEST:
        raise ConfigurationError(f"{result} {said.pieces:f} is too much")
    if counted + pieces < 0:
        raise ConfigurationError(
            f"{result} {pieces:+f} would leave fewer than none: reports say {counted:f}"
        )
    return pieces


def _ask(con: duckdb.DuckDBPyConnection, sql: str, **values: object) -> Sequence[tuple[Any, ...]]:
    try:
        return con.execute(sql, values).fetchall()
    except duckdb.CatalogException as error:
        raise ConfigurationError("counts are known after the first `takt refresh`") from error
