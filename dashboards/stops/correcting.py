"""Correcting counts: what may be said of one, and what is entered so that it holds.

Belongs here: refusing what cannot be meant. Which counts and corrections there are is in `counts`.
How an entry travels is `edge.terminal`; what it does is decided in `dbt_project`.
"""

import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import duckdb

from dashboards.stops import counts
from dashboards.stops.classifying import check_reason, known_reasons
from dashboards.stops.counts import Correction, Output, Unread, Where
from edge import terminal
from lake.query import open_published
from takt.count_entry import LARGEST, CountEntry, Result
from takt.errors import ConfigurationError
from takt.settings import Settings


@dataclass(frozen=True)
class Said:
    """What somebody says that a count was.

    Attributes:
        pieces: So many; of a difference, so many more or less.
        is_difference: Whether it is a difference.
    """

    pieces: Decimal
    is_difference: bool


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
        output = counts.find_output(con, settings.site, where)
        unread = counts.unread(con, settings.site, output)
        counted_at = counts.moment_within(con, settings.site, output)
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
        holding = counts.find_corrections(
            con, settings.site, correction_id=correction_id, withdrawn=False
        )
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


def _check_all_left(settings: Settings) -> None:
    if terminal.waits(settings):
        raise ConfigurationError(
            "an entry of this host waits for ingestion; run `takt counts deliver` and `takt"
            " refresh` first, or say by how much, e.g. +5"
        )


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
    for output in counts.outputs(con, site, where):
        if made == (output.production_order_id, output.operation_id, output.item_id):
            unread = counts.unread(con, site, output)
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


def _difference(output: Output, result: Result, said: Said) -> Decimal:
    counted = output.counted[result]
    pieces = said.pieces if said.is_difference else said.pieces - counted
    if abs(pieces) >= LARGEST:
        raise ConfigurationError(f"{result} {said.pieces:g} is too much")
    return pieces
