"""What holds between rows and tables of business data, for every table alike (pure).

Belongs here: keys, validity, references. What one table alone demands is in `reference_rules`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Protocol

from ingestion.reference_report import Findings, Problem
from ingestion.reference_rows import FileTable, Row
from ingestion.reference_values import Value
from takt.contracts import TABLES, Kind, Reference, TableContract

Values = tuple[Value | None, ...]


class Loaded(Protocol):
    """What the lake holds already."""

    def values(self, table: str, columns: Sequence[str]) -> set[Values]:
        """The distinct values of some columns over a table's current rows."""


def stated(
    table: str, columns: Sequence[str], tables: Mapping[str, FileTable], loaded: Loaded
) -> Iterable[Values]:
    """The values that hold once the folder is loaded; its files state whole tables."""
    if table in tables:
        return [row.take(columns) for row in tables[table].rows]
    return loaded.values(table, columns)


def check(tables: Mapping[str, FileTable], loaded: Loaded, findings: Findings) -> None:
    """Note every broken key, span and reference of a folder's tables."""
    for table in tables.values():
        _check_spans(table, findings)
        _check_keys(table, findings)
        for reference in table.contract.references:
            _check_reference(table, reference, tables, loaded, findings)
    for contract in TABLES.values():
        for reference in contract.references:
            _check_left_out(contract, reference, tables, loaded, findings)


def _check_spans(table: FileTable, findings: Findings) -> None:
    for start, end in table.contract.spans:
        for row in table.rows:
            first, last = row.take((start, end))
            if first is not None and last is not None and not _moment(first) < _moment(last):
                cause = f"{end} must lie after {start} ({first}); correct one of them"
                findings.add(Problem(table.file, cause, row.number, end, str(last)))


def _moment(value: Value) -> datetime:
    if isinstance(value, datetime):
        return value
    assert isinstance(value, date), f"{value!r} is no moment"
    return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - naive is UTC here


def _check_keys(table: FileTable, findings: Findings) -> None:
    # A cell that does not fit reads as empty: rows would seem to share a key.
    if table.unfit_columns.isdisjoint(table.contract.key):
        check_once(table, table.contract.key, table.rows, findings)


def check_once(
    table: FileTable, key: Sequence[str], rows: Iterable[Row], findings: Findings
) -> None:
    """Note rows that share `key`; if effective-dated, at one moment."""
    groups: defaultdict[Values, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.take(key)].append(row)
    for values, group in groups.items():
        for before, after in pairwise(sorted(group, key=validity)):
            if validity(after)[0] < validity(before)[1]:
                findings.add(_twice(table, key, values, before, after))


def validity(row: Row) -> tuple[datetime, datetime]:
    """From when to before when a row holds, UTC; all time where its table has no validity."""
    first, last = row.values.get("valid_from"), row.values.get("valid_to")
    return (
        datetime.min if first is None else _moment(first),  # noqa: DTZ901 - naive is UTC here
        datetime.max if last is None else _moment(last),  # noqa: DTZ901 - naive is UTC here
    )


def _twice(
    table: FileTable, key: Sequence[str], values: Values, before: Row, after: Row
) -> Problem:
    what = "holds at the same time as" if table.contract.is_effective_dated else "repeats"
    cause = f"{what} row {before.number}; remove one, or correct the key or validity"
    return Problem(table.file, cause, after.number, ", ".join(key), told(values))


def _check_reference(
    table: FileTable,
    reference: Reference,
    tables: Mapping[str, FileTable],
    loaded: Loaded,
    findings: Findings,
) -> None:
    known = _known(reference, tables, loaded)
    if known is None:
        return
    for row in table.rows:
        values = row.take(reference.columns)
        if None not in values and values not in known:
            cause = f"not in {_where(reference, tables)}; correct it or add it there"
            columns = ", ".join(reference.columns)
            findings.add(Problem(table.file, cause, row.number, columns, told(values)))


def _known(
    reference: Reference, tables: Mapping[str, FileTable], loaded: Loaded
) -> set[Values] | None:
    """What may be referred to; None when errors in that file make it unknowable."""
    given: set[Values] = {(name,) for name in reference.given}
    target = tables.get(reference.table)
    if target is None:
        return given | loaded.values(reference.table, reference.to_columns)
    if not target.unfit_columns.isdisjoint(reference.to_columns):
        return None
    known = given | {row.take(reference.to_columns) for row in target.rows}
    if target.contract.kind is Kind.TRANSACTION:
        known |= loaded.values(reference.table, reference.to_columns)
    return known


def _where(reference: Reference, tables: Mapping[str, FileTable]) -> str:
    target = tables.get(reference.table)
    if target is None:
        return f"what is loaded of {reference.table}"
    return target.file if target.contract.kind is Kind.MASTER else f"{target.file} nor loaded"


def _check_left_out(
    contract: TableContract,
    reference: Reference,
    tables: Mapping[str, FileTable],
    loaded: Loaded,
    findings: Findings,
) -> None:
    """Note rows that stay loaded although what they refer to would be closed."""
    target = tables.get(reference.table)
    stays = contract.name not in tables or contract.kind is Kind.TRANSACTION
    if target is None or target.contract.kind is not Kind.MASTER or not stays:
        return
    known = _known(reference, tables, loaded)
    if known is None:
        return
    for values in sorted(_staying(contract, reference, tables, loaded) - known, key=str):
        cause = (
            f"left out, but loaded rows of {contract.name} refer to it;"
            f" keep it, or load {contract.name} without it in the same folder"
        )
        columns = ", ".join(reference.to_columns)
        findings.add(Problem(target.file, cause, None, columns, told(values)))


def _staying(
    contract: TableContract,
    reference: Reference,
    tables: Mapping[str, FileTable],
    loaded: Loaded,
) -> set[Values]:
    key = contract.key
    in_folder = tables[contract.name].rows if contract.name in tables else ()
    replaced = {row.take(key) for row in in_folder}
    rows = loaded.values(contract.name, (*key, *reference.columns))
    staying = {row[len(key) :] for row in rows if row[: len(key)] not in replaced}
    return {values for values in staying if None not in values}


def told(values: Values) -> str:
    """Values as a problem quotes them."""
    return ", ".join("(empty)" if value is None else str(value) for value in values)
