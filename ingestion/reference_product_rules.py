"""What bills of material demand of their lines beyond keys and references (pure).

Belongs here: one rule per function, named after what must hold within the file.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter

from ingestion.reference_checks import Values, validity
from ingestion.reference_report import Findings, Problem
from ingestion.reference_rows import FileTable, Row
from ingestion.reference_values import Value

FURTHER = ("co_product", "by_product")
"""Types of the lines that say what is made beside an item."""
_OF_COMPONENTS = ("constant_quantity", "scrap_ratio", "constant_scrap_quantity", "is_phantom")
_BURDEN = ("burden_kind", "burden_rate")
_PRODUCT = ("item_id", "bom_version", "component_item_id")


def further_products_are_stated_by_quantity(table: FileTable, findings: Findings) -> None:
    """What is made beside an item comes with each unit of it, on one line."""
    seen: dict[Values, Row] = {}
    for row in table.rows:
        if row.values["line_type"] not in FURTHER:
            continue
        if not row.values["quantity_per"] and "quantity_per" not in table.unfit_columns:
            cause = "how much of it is made with each unit of the item; state more than nought"
            findings.add(Problem(table.file, cause, row.number, "quantity_per", ""))
        for column in _OF_COMPONENTS:
            if row.values[column]:
                cause = f"a {row.values['line_type']} has none; leave it empty"
                findings.add(Problem(table.file, cause, row.number, column, _found(row, column)))
        before = seen.setdefault(row.take(_PRODUCT), row)
        if before is not row and _hold_together(before, row):
            cause = f"row {before.number} states it too; keep one line of each product"
            found = str(row.values["component_item_id"])
            findings.add(Problem(table.file, cause, row.number, "component_item_id", found))


def co_products_come_of_one_process(table: FileTable, findings: Findings) -> None:
    """What a co-product costs is said by one bill of material, not by its own as well."""
    made = {row.values["item_id"]: row for row in table.rows}
    sources: dict[Value | None, Row] = {}
    for row in table.rows:
        item, product = row.take(_PART)
        if row.values["line_type"] != "co_product" or "item_id" in table.unfit_columns:
            continue
        before = sources.setdefault(product, row)
        other = made.get(product)
        if before.values["item_id"] != item:
            cause = f"row {before.number} makes it beside another item; let it come of one"
        elif other is not None and product != item:
            cause = f"row {other.number} says what it is made of; let it come of one"
        else:
            continue
        findings.add(Problem(table.file, cause, row.number, "component_item_id", str(product)))


def only_by_products_have_burdens(table: FileTable, findings: Findings) -> None:
    """A burden is of a kind and so much; what a co-product bears is a share."""
    for row in table.rows:
        kind, rate, line_type = row.take(("burden_kind", "burden_rate", "line_type"))
        if (kind is None) != (rate is None) and table.unfit_columns.isdisjoint(_BURDEN):
            missing = _BURDEN[0] if kind is None else _BURDEN[1]
            cause = "a burden needs both its kind and its rate; fill it in"
            findings.add(Problem(table.file, cause, row.number, missing, ""))
        elif kind is not None and line_type != "by_product":
            cause = f"a {line_type or 'component'} has none; leave it empty"
            findings.add(Problem(table.file, cause, row.number, "burden_kind", str(kind)))


def shares_are_not_more_than_the_cost(table: FileTable, findings: Findings) -> None:
    """Stated shares of co-products leave something to the item, or nothing; not less."""
    shared = [row for row in table.rows if row.values["cost_share_ratio"]]
    for row in shared:
        version, at = row.take(_PRODUCT[:2]), validity(row)[0]
        beside = [
            other.values["cost_share_ratio"]
            for other in shared
            if other.take(_PRODUCT[:2]) == version and validity(other)[0] <= at < validity(other)[1]
        ]
        total = sum((share for share in beside if isinstance(share, Decimal)), Decimal(0))
        if total > 1:
            cause = "the co-products together bear more than the cost; correct their shares"
            findings.add(Problem(table.file, cause, row.number, "cost_share_ratio", _plain(total)))
            return


def _found(row: Row, column: str) -> str:
    value = row.values[column]
    return _plain(value) if isinstance(value, Decimal) else str(value).lower()


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _hold_together(one: Row, other: Row) -> bool:
    (first, last), (other_first, other_last) = validity(one), validity(other)
    return first < other_last and other_first < last


def no_item_is_made_of_itself(table: FileTable, findings: Findings) -> None:
    """A co-product is made of the item beside which it is made."""
    for lines in _lines_of_each_moment(table.rows):
        circle = _circle(lines)
        if circle:
            row = next(row for row in lines if _part(row) == tuple(circle[:2]))
            cause = f"it is made of itself: {' → '.join(map(str, circle))}; remove one of the lines"
            found = str(row.values["component_item_id"])
            findings.add(Problem(table.file, cause, row.number, "component_item_id", found))
            return


_PART = ("item_id", "component_item_id")


def _part(row: Row) -> Values:
    """An item and one of which it is made."""
    part = row.take(_PART)
    return part[::-1] if row.values["line_type"] == "co_product" else part


def _lines_of_each_moment(lines: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """What holds together at each moment at which a line begins; nothing where none can matter."""
    if _circle(lines):
        for moment in sorted({validity(row)[0] for row in lines}):
            yield [row for row in lines if validity(row)[0] <= moment < validity(row)[1]]


def _circle(lines: Iterable[Row]) -> list[Value | None]:
    """Items of which each is made of the next, the last being the first; empty without any."""
    parts = TopologicalSorter[Value | None]()
    for row in lines:
        if row.values["line_type"] != "by_product":
            parts.add(*_part(row))
    try:
        parts.prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []
