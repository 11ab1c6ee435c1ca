"""What orders are costed by stays: the bills of material of active standards (pure).

Belongs here: what no file may change of master data that an active costing version's cost cards
are made of, once an order is costed by it. Which versions these are is in
`reference_used_versions`, what becomes of a version's own files in `reference_freeze`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from ingestion.reference_checks import Loaded, told, validity
from ingestion.reference_report import Findings, Problem
from ingestion.reference_rows import FileTable, Row
from ingestion.reference_used_versions import UsedVersion, used_versions
from ingestion.reference_values import Value
from takt.contracts import TABLES

_WAY_OUT = (
    "state a new bom_version that begins later, or, where this one was wrong from the start, load"
    " cost_version with it as pending first and as active again after the correction"
)
_VALIDITY = ("valid_from", "valid_to")
_ITEM = ("joint_cost_method", "is_phantom", "cost_group_id", "item_group_id")
_MEANT = {"line_type": "component", "joint_cost_method": "tca", "cost_group_id": "material"}
"""What an empty cell of a column means, where it means something else than nothing."""

Bills = Mapping[Value | None, Sequence[Row]]
"""By item the lines that its cost card is made of."""


def check(
    tables: Mapping[str, FileTable],
    active: Iterable[Value | None],
    loaded: Loaded,
    findings: Findings,
) -> None:
    """Note every change of what the cost cards of the `active` versions in use are made of."""
    changed = [tables[name] for name in ("bom_line", "item") if name in tables]
    if not changed or any(table.unfit_columns for table in changed):
        return
    columns = [column.name for column in TABLES["bom_line"].columns]
    rows = loaded.values("bom_line", columns)
    lines = [Row(0, dict(zip(columns, values, strict=True))) for values in rows]
    for version in used_versions(set(active), loaded):
        bills = _bills(lines, version.costed_at)
        if "bom_line" in tables:
            _check_bills(tables["bom_line"], version, bills, findings)
        if "item" in tables:
            _check_items(tables["item"], version, bills, loaded, findings)


def _bills(lines: Iterable[Row], moment: datetime) -> Bills:
    """The lines that hold at a moment, of several versions those of the one that began last."""
    began: dict[tuple[Value | None, ...], datetime] = {}
    then: defaultdict[Value | None, list[Row]] = defaultdict(list)
    for row in lines:
        version, (first, last) = row.take(("item_id", "bom_version")), validity(row)
        began[version] = min(first, began.get(version, first))
        if first <= moment < last:
            then[row.values["item_id"]].append(row)
    bills = {}
    for item, rows in then.items():
        last_version = _last(rows, began)
        bills[item] = [row for row in rows if row.values["bom_version"] == last_version]
    return bills


def _last(rows: Iterable[Row], began: Mapping[tuple[Value | None, ...], datetime]) -> Value | None:
    versions = {row.take(("item_id", "bom_version")) for row in rows}
    return max(versions, key=lambda version: (began[version], str(version[1])))[1]


def _check_bills(table: FileTable, version: UsedVersion, bills: Bills, findings: Findings) -> None:
    after = _bills(table.rows, version.costed_at)
    _check_bought(table, version, bills, after, findings)
    for item, lines in sorted(bills.items(), key=str):
        stated = after.get(item, [])
        was, found = lines[0].values["bom_version"], {row.values["bom_version"] for row in stated}
        if not stated:
            cause = f"left out, but it is of {version}; keep it, or {_WAY_OUT}"
            findings.add(
                Problem(table.file, cause, None, "item_id, bom_version", told((item, was)))
            )
        elif found != {was}:
            cause = (
                f"it would take the place of {told((was,))} in {version}; let it begin after"
                f" {version.costed_at}, or {_WAY_OUT}"
            )
            row = stated[0]
            findings.add(Problem(table.file, cause, row.number, "bom_version", told((*found,))))
        else:
            _check_lines(table, version, lines, stated, findings)


def _check_bought(
    table: FileTable, version: UsedVersion, bills: Bills, after: Bills, findings: Findings
) -> None:
    """What a card has at its price does not become something that is made then."""
    lines = [row for rows in bills.values() for row in rows]
    used = {row.values["component_item_id"] for row in lines} - bills.keys()
    for item in sorted(used & after.keys(), key=str):
        row = after[item][0]
        cause = (
            f"{item} would be made in {version}, and was bought; let it begin after"
            f" {version.costed_at}, or {_WAY_OUT}"
        )
        findings.add(Problem(table.file, cause, row.number, "item_id", told((item,))))


def _check_lines(
    table: FileTable,
    version: UsedVersion,
    before: Sequence[Row],
    after: Sequence[Row],
    findings: Findings,
) -> None:
    key = ("item_id", "bom_version", "line_id")
    stated = {row.values["line_id"]: row for row in after}
    known = {row.values["line_id"]: row for row in before}
    for line in sorted(known.keys() - stated.keys(), key=str):
        cause = f"left out, but it is of {version}; keep it, or {_WAY_OUT}"
        findings.add(Problem(table.file, cause, None, ", ".join(key), told(known[line].take(key))))
    for line, row in stated.items():
        if line not in known:
            cause = f"added to {version}; {_WAY_OUT}"
            findings.add(
                Problem(table.file, cause, row.number, ", ".join(key), told(row.take(key)))
            )
            continue
        for column in row.values:
            if column not in _VALIDITY and _meant(row, column) != _meant(known[line], column):
                was = told(known[line].take((column,)))
                cause = f"it is {was} in {version}; {_WAY_OUT}"
                found = told(row.take((column,)))
                findings.add(Problem(table.file, cause, row.number, column, found))


def _check_items(
    table: FileTable, version: UsedVersion, bills: Bills, loaded: Loaded, findings: Findings
) -> None:
    """What the cards take of their items themselves."""
    columns = ("item_id", *_ITEM)
    rows = (Row(0, dict(zip(columns, row, strict=True))) for row in loaded.values("item", columns))
    known = {row.values["item_id"]: row for row in rows}
    lines = [line for bill in bills.values() for line in bill]
    on_cards = bills.keys() | {line.values["component_item_id"] for line in lines}
    formulas = loaded.values("overhead_formula", ("kind", "base"))
    grouped = {base for kind, base in formulas if kind == "per_unit"} - {None}
    for row in table.rows:
        before = known.get(row.values["item_id"])
        if before is not None and row.values["item_id"] in on_cards:
            for column in _item_columns(before, row, bills, grouped):
                if _meant(row, column) != _meant(before, column):
                    findings.add(_changed_item(table, version, before, row, column))


def _item_columns(before: Row, row: Row, bills: Bills, grouped: set[Value | None]) -> Iterator[str]:
    """The columns that the cards depend on; a group in sales only where overheads go by it."""
    yield from ("is_phantom", "cost_group_id")
    lines = bills.get(row.values["item_id"], [])
    if any(line.values["line_type"] == "co_product" for line in lines):
        yield "joint_cost_method"
    if grouped & {before.values["item_group_id"], row.values["item_group_id"]}:
        yield "item_group_id"


def _changed_item(
    table: FileTable, version: UsedVersion, before: Row, row: Row, column: str
) -> Problem:
    item, was = row.values["item_id"], told(before.take((column,)))
    found = f"{item} is divided by {was}" if column == "joint_cost_method" else f"it is {was}"
    cause = (
        f"{found} in {version}; keep it, or, where that was wrong from the start, load"
        " cost_version with it as pending first and as active again after the correction"
    )
    return Problem(table.file, cause, row.number, column, told(row.take((column,))))


def _meant(row: Row, column: str) -> Value | None:
    return row.values[column] or _MEANT.get(column)
