"""What stands for a phantom are its components: nothing else comes out of making it (pure).

Belongs here: phantoms and further products, across the files of a folder and what is loaded.
"""

from collections.abc import Mapping

from ingestion.reference_checks import Loaded, stated
from ingestion.reference_product_rules import FURTHER
from ingestion.reference_report import Findings, Problem
from ingestion.reference_rows import FileTable
from ingestion.reference_values import Value

_ITEM = ("item_id", "is_phantom")
_LINE = ("item_id", "line_type")
_BLOWN_THROUGH = "its bill of material has co- or by-products, whose cost would count twice; "

Items = set[Value | None]


def check(tables: Mapping[str, FileTable], loaded: Loaded, findings: Findings) -> None:
    """Note every item with co- or by-products for which its components are to stand."""
    if any(name in tables and tables[name].unfit_columns for name in ("item", "bom_line")):
        return
    phantoms = {item for item, is_phantom in stated("item", _ITEM, tables, loaded) if is_phantom}
    lines = stated("bom_line", _LINE, tables, loaded)
    processes = {item for item, line_type in lines if line_type in FURTHER}
    if "bom_line" in tables:
        _check_lines(tables["bom_line"], phantoms, processes, findings)
    elif "item" in tables:
        _check_items(tables["item"], processes, findings)


def _check_lines(table: FileTable, phantoms: Items, processes: Items, findings: Findings) -> None:
    for row in table.rows:
        item, line_type, component = row.take((*_LINE, "component_item_id"))
        if line_type in FURTHER and item in phantoms:
            cause = f"a phantom has no {line_type}: its components stand for it; remove one"
            findings.add(Problem(table.file, cause, row.number, "item_id", str(item)))
        if row.values["is_phantom"] and component in processes:
            cause = f"{component}: {_BLOWN_THROUGH}leave it empty"
            findings.add(Problem(table.file, cause, row.number, "is_phantom", "true"))


def _check_items(table: FileTable, processes: Items, findings: Findings) -> None:
    for row in table.rows:
        if row.values["is_phantom"] and row.values["item_id"] in processes:
            cause = f"{_BLOWN_THROUGH}leave it empty"
            findings.add(Problem(table.file, cause, row.number, "is_phantom", "true"))
