"""Counts as people name them: of which shift and order, and how they were corrected.

Belongs here: finding shifts and corrections in the marts as last published, and in the lake what
these do not have yet. What may be said of a count is in `correcting`.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb

from lake.query import open_published
from takt.count_entry import Result
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
        return find_corrections(
            con, settings.site, work_unit_id, correction_id, withdrawn=withdrawn
        )


def find_corrections(
    con: duckdb.DuckDBPyConnection,
    site: str,
    work_unit_id: str | None = None,
    correction_id: str = "",
    *,
    withdrawn: bool,
) -> list[Correction]:
    """The corrections of a site, newest first; the arguments are those of `corrections`.

    Raises:
        ConfigurationError: Nothing was refreshed yet.
    """
    rows = _ask(
        con,
        _CORRECTIONS,
        site=site,
        work_unit=work_unit_id,
        correction=correction_id,
        withdrawn=withdrawn,
    )
    return [Correction(*row) for row in rows]


def find_output(con: duckdb.DuckDBPyConnection, site: str, where: Where) -> Output:
    """What was made of which a count is meant.

    Raises:
        ConfigurationError: There is no such shift, nothing such was made in it, several things
            were, or nothing was refreshed yet.
    """
    found = outputs(con, site, where)
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


def outputs(con: duckdb.DuckDBPyConnection, site: str, where: Where) -> list[Output]:
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


def unread(con: duckdb.DuckDBPyConnection, site: str, output: Output) -> list[Unread]:
    """The corrections of a shift that reports do not have yet, also those of its other orders."""
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


def moment_within(con: duckdb.DuckDBPyConnection, site: str, output: Output) -> datetime:
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


def _ask(con: duckdb.DuckDBPyConnection, sql: str, **values: object) -> Sequence[tuple[Any, ...]]:
    try:
        return con.execute(sql, values).fetchall()
    except duckdb.CatalogException as error:
        raise ConfigurationError("counts are known after the first `takt refresh`") from error
