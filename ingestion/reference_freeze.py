"""Activation and closing freeze: no file changes what was measured by or reported (pure).

Belongs here: what loaded active costing versions and closed periods forbid a folder's files. What
the cost cards of such a version are made of is in `reference_card_freeze`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from ingestion import reference_card_freeze
from ingestion.reference_checks import Loaded, Values, told, validity
from ingestion.reference_report import Findings, Problem
from ingestion.reference_rows import FileTable, Row
from ingestion.reference_values import Value

_WAY_OUT = (
    "state a new version, or, where this one was wrong from the start, load it as pending in"
    " cost_version first and as active again after the correction"
)

_PERIOD = ("period_id", "starts_at", "ends_at")

Key = tuple[Value | None, ...]
Frozen = Mapping[Key, Row]
MayAdd = Callable[[Row], bool]


def check(tables: Mapping[str, FileTable], loaded: Loaded, findings: Findings) -> None:
    """Note every change of what belongs to a version that is loaded as active and stays so."""
    active = _active(tables, loaded)
    may_add: dict[str, Callable[[Loaded, Frozen], MayAdd]] = {
        "cost_version": _nothing,
        "cost_rate": _later_rates,
        "item_cost": _costs_of_items_without,
        "overhead_formula": _nothing,
    }
    for name, addition in may_add.items():
        table = tables.get(name)
        if table is not None and not table.unfit_columns and active:
            frozen = _frozen(table, active, loaded)
            rows = [row for row in table.rows if row.values["cost_version_id"] in active]
            _check_table(table, rows, frozen, addition(loaded, frozen), findings)
    reference_card_freeze.check(tables, active, loaded, findings)
    if "period" in tables:
        _check_closed_periods(tables["period"], loaded, findings)


def _check_closed_periods(table: FileTable, loaded: Loaded, findings: Findings) -> None:
    """A period that was reported keeps its name and its bounds."""
    stated = {row.take(_PERIOD) for row in table.rows}
    for period in sorted(loaded.values("closed_period", _PERIOD) - stated, key=str):
        cause = "it is closed and not there as it was reported; keep it, or takt reopen it first"
        findings.add(Problem(table.file, cause, None, ", ".join(_PERIOD), told(period)))


def _active(tables: Mapping[str, FileTable], loaded: Loaded) -> set[Value | None]:
    """The versions loaded as active, but those that the folder sets back to pending."""
    stated = tables["cost_version"].rows if "cost_version" in tables else ()
    pending = {row.values["cost_version_id"] for row in stated if row.values["status"] == "pending"}
    versions = loaded.values("cost_version", ("cost_version_id", "status"))
    return {version for version, status in versions if status == "active"} - pending


def _frozen(table: FileTable, active: set[Value | None], loaded: Loaded) -> Frozen:
    """The loaded rows of active versions by key; they have no number."""
    columns = [column.name for column in table.contract.columns]
    rows = (
        Row(0, dict(zip(columns, values, strict=True)))
        for values in loaded.values(table.contract.name, columns)
    )
    return {
        row.take(table.contract.key): row for row in rows if row.values["cost_version_id"] in active
    }


def _check_table(
    table: FileTable, rows: Sequence[Row], frozen: Frozen, may_add: MayAdd, findings: Findings
) -> None:
    key = table.contract.key
    for row in rows:
        before = frozen.get(row.take(key))
        if before is not None:
            for column in _changed(before, row):
                found = told(row.take((column,)))
                cause = f"it is active with {told(before.take((column,)))}; {_WAY_OUT}"
                findings.add(Problem(table.file, cause, row.number, column, found))
        elif not may_add(row):
            cause = f"added to a version that is active; {_WAY_OUT}"
            findings.add(
                Problem(table.file, cause, row.number, ", ".join(key), told(row.take(key)))
            )
    for values in sorted(frozen.keys() - {row.take(key) for row in rows}, key=str):
        cause = f"left out, but it is of a version that is active; keep it, or {_WAY_OUT}"
        findings.add(Problem(table.file, cause, None, ", ".join(key), told(values)))


def _changed(before: Row, after: Row) -> Iterator[str]:
    return (column for column, value in after.values.items() if value != before.values[column])


def _nothing(_loaded: Loaded, _frozen: Frozen) -> MayAdd:
    return lambda _row: False


def _later_rates(_loaded: Loaded, frozen: Frozen) -> MayAdd:
    """A rate that begins after all of its kind that are there; they stay what they were."""
    latest: dict[Values, datetime] = {}
    for row in frozen.values():
        begins = validity(row)[0]
        latest[row.take(_RATE)] = max(begins, latest.get(row.take(_RATE), begins))
    return lambda row: latest.get(row.take(_RATE), datetime.min) < validity(row)[0]  # noqa: DTZ901


_RATE = ("cost_version_id", "cost_category_id", "work_unit_id", "kind")


def _costs_of_items_without(loaded: Loaded, _frozen: Frozen) -> MayAdd:
    """What an item costs of which neither the version nor those it falls back on say anything."""
    known = loaded.values("item_cost", ("cost_version_id", "item_id"))
    versions = loaded.values("cost_version", ("cost_version_id", "fallback_version_id"))
    fallbacks = {each[0]: each[1] for each in versions}

    def is_without(row: Row) -> bool:
        version, item = row.take(("cost_version_id", "item_id"))
        while version is not None:
            if (version, item) in known:
                return False
            version = fallbacks.get(version)
        return True

    return is_without
