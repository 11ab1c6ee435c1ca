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

from dashboards.stops.classifying import check_reason, known_reasons
from edge import terminal
from lake.query import open_published
from takt.count_entry import LARGEST, CountEntry, Result
from takt.errors import ConfigurationError
from takt.settings import Settings

ID_SHOWN = 8
WITHOUT = "-"
"""Names what was made without an order, an operation or an item."""

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
# Unread is what the figures have not: like them the completed run is as last published.
_UNREAD = """
with
entries as (
    select distinct
        observed_at, told ->> '$.result' as result,
        coalesce(nullif(told ->> '$.id', ''), concat_ws('|', collector, epoch, row_number))
            as correction_id,
        coalesce(try_cast(value as decimal(18, 6)), 0) as quantity
    from (select *, snapshot_id, try_cast(text as json) as told from raw.telemetry)
    where
        signal = '$count_correction' and site = $site and equipment = $work_unit
        and observed_at >= $began and observed_at < $ended
        and observed_date between $began::date and $ended::date
        and snapshot_id > (select max(pinned_snapshot_id) from intermediate.int_completed_run)
)
select
    entries.result, entries.quantity - coalesce(known.quantity, 0),
    intervals.started_at is not null
from entries
left join marts.count_correction as known
    on
        known.site_id = $site and known.work_unit_id = $work_unit and not known.is_withdrawn
        and known.correction_id = entries.correction_id and known.result = entries.result
        and known.counted_at = entries.observed_at
left join marts.state_interval as intervals
    on
        intervals.site_id = $site and intervals.work_unit_id = $work_unit
        and intervals.production_date = $day
        and intervals.production_order_id is not distinct from $order
        and intervals.operation_id is not distinct from $operation
        and intervals.item_id is not distinct from $item
        and entries.observed_at >= intervals.started_at
        and entries.observed_at < intervals.ended_at
"""
_CORRECTIONS = """
select
    correction_id, work_unit_id, production_date, shift_id, production_order_id, operation_id,
    item_id, counted_at, result, quantity, before_quantity, after_quantity, reason_id,
    comment_text, corrected_by, corrected_at, is_withdrawn, withdrawn_by, withdrawn_at
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
        return " / ".join(WITHOUT if each is None else each for each in told)


@dataclass(frozen=True)
class Unread:
    """A correction of a shift that the lake has and reports have not.

    Attributes:
        result: Which count; None: it cannot be read and corrects nothing.
        pieces: By how many it changes what reports say; of what is taken back, the opposite.
        is_of_output: Whether it is of what is being corrected, not of another order.
    """

    result: Result | None
    pieces: Decimal
    is_of_output: bool


@dataclass(frozen=True)
class Correction:
    """A correction of one count, as `marts.count_correction` lists it."""

    correction_id: str
    work_unit_id: str
    production_date: date | None
    shift_id: str | None
    production_order_id: str | None
    operation_id: str | None
    item_id: str | None
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
        production_order_id: The order; `WITHOUT`: made without one; None: the only one.
        operation_id: The operation; likewise.
        item_id: The item; likewise.
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
        unread = _unread(con, settings.site, output)
        counted_at = _moment(con, settings.site, output)
    if is_compared:
        _check_all_read(unread)
    differences = {result: _difference(output, result, told) for result, told in said.items()}
    for result, pieces in differences.items():
        _check_some_are_left(output, result, pieces, unread)
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
        ConfigurationError: There is none that counts, several are, fewer pieces than none would be
            left, or there is no lake.
        LakeUnavailable: The catalog does not answer.
    """
    with closing(open_published(settings)) as con:
        holding = _corrections(con, settings.site, correction_id=correction_id, withdrawn=False)
        if not (correction_id and holding):
            raise ConfigurationError(
                f"no correction {correction_id or 'without an id'} counts; `takt counts list` names"
                " those that do, a new one after the next refresh"
            )
        if len({each.correction_id for each in holding}) > 1:
            raise ConfigurationError(
                f"several corrections begin with {correction_id}; write more of the id"
            )
        for each in holding:
            _check_can_be_missed(con, settings.site, each)
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
        return _corrections(con, settings.site, work_unit_id, correction_id, withdrawn=withdrawn)


def _corrections(
    con: duckdb.DuckDBPyConnection,
    site: str,
    work_unit_id: str | None = None,
    correction_id: str = "",
    *,
    withdrawn: bool,
) -> list[Correction]:
    rows = _ask(
        con,
        _CORRECTIONS,
        site=site,
        work_unit=work_unit_id,
        correction=correction_id,
        withdrawn=withdrawn,
    )
    return [Correction(*row) for row in rows]


def _output(con: duckdb.DuckDBPyConnection, site: str, where: Where) -> Output:
    found = _outputs(con, site, where)
    shift = f"{where.work_unit_id} {where.production_date} {where.shift_id}"
    if not found:
        raise ConfigurationError(
            f"no shift {shift}; marts.work_unit_shift lists those that were refreshed"
        )
    meant = [each for each in found if _is_meant(where, each)]
    if len(meant) == 1:
        return meant[0]
    what = (
        "nothing such was made" if not meant else "say for which with --order, --operation, --item"
    )
    told = ", ".join(each.name for each in found)
    raise ConfigurationError(f"{what}; {shift} was for (order / operation / item): {told}")


def _outputs(con: duckdb.DuckDBPyConnection, site: str, where: Where) -> list[Output]:
    """All that a work unit made in a shift, whatever of it is meant."""
    rows = _ask(
        con,
        _OUTPUTS,
        site=site,
        work_unit=where.work_unit_id,
        day=where.production_date,
        shift=where.shift_id,
    )
    return [_named(where, row) for row in rows]


def _named(where: Where, row: tuple[Any, ...]) -> Output:
    order, operation, item, began, ended, good, scrap, rework = row
    counted: dict[Result, Decimal] = {"good": good, "scrap": scrap, "rework": rework}
    shift = (where.work_unit_id, where.production_date, where.shift_id)
    return Output(*shift, order, operation, item, began, ended, counted)


def _is_meant(where: Where, output: Output) -> bool:
    named = (
        (where.production_order_id, output.production_order_id),
        (where.operation_id, output.operation_id),
        (where.item_id, output.item_id),
    )
    return all(wanted in (None, WITHOUT if made is None else made) for wanted, made in named)


def _check_all_left(settings: Settings) -> None:
    if terminal.waits(settings):
        raise ConfigurationError(
            "an entry of this host waits for ingestion; run `takt counts deliver` and `takt"
            " refresh` first, or say by how much, e.g. +5"
        )


def _unread(con: duckdb.DuckDBPyConnection, site: str, output: Output) -> list[Unread]:
    rows = _ask(
        con,
        _UNREAD,
        site=site,
        work_unit=output.work_unit_id,
        began=output.began,
        ended=output.ended,
        day=output.production_date,
        order=output.production_order_id,
        operation=output.operation_id,
        item=output.item_id,
    )
    return [Unread(*row) for row in rows]


def _check_all_read(unread: Sequence[Unread]) -> None:
    # A number counted from what reports say would count what they do not say yet a second time.
    if unread:
        raise ConfigurationError(
            "a correction of this shift waits for the next refresh; run `takt refresh` first, or"
            " say by how much, e.g. +5"
        )


def _check_can_be_missed(con: duckdb.DuckDBPyConnection, site: str, withdrawn: Correction) -> None:
    """Others may have taken away since what a correction gave."""
    if withdrawn.production_date is None or withdrawn.shift_id is None:
        return  # no report says what was made of an order between shifts
    where = Where(withdrawn.work_unit_id, withdrawn.production_date, withdrawn.shift_id)
    made = (withdrawn.production_order_id, withdrawn.operation_id, withdrawn.item_id)
    for output in _outputs(con, site, where):
        if made == (output.production_order_id, output.operation_id, output.item_id):
            unread = _unread(con, site, output)
            _check_some_are_left(output, withdrawn.result, -withdrawn.quantity, unread)


def _check_some_are_left(
    output: Output, result: Result, pieces: Decimal, unread: Sequence[Unread]
) -> None:
    counted = output.counted[result]
    waiting = sum(
        (each.pieces for each in unread if each.is_of_output and each.result == result), Decimal()
    )
    if pieces < 0 and counted + waiting + pieces < 0:
        coming = f" and {waiting.normalize():+f} waits for the next refresh" if waiting else ""
        raise ConfigurationError(
            f"{result} {pieces.normalize():+f} would leave fewer than none:"
            f" reports say {counted.normalize():f}{coming}"
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
        raise ConfigurationError(f"{result} {said.pieces:g} is too much")
    return pieces


def _ask(con: duckdb.DuckDBPyConnection, sql: str, **values: object) -> Sequence[tuple[Any, ...]]:
    try:
        return con.execute(sql, values).fetchall()
    except duckdb.CatalogException as error:
        raise ConfigurationError("counts are known after the first `takt refresh`") from error
