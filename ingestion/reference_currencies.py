"""What is priced in one currency can be told in another: each has a rate when it is used (pure).

Belongs here: prices and exchange rates, across the files of a folder and what is loaded.
"""

from collections.abc import Mapping
from datetime import datetime

from ingestion.reference_checks import Loaded, stated
from ingestion.reference_report import Findings, Problem
from ingestion.reference_rows import FileTable
from ingestion.reference_values import Value

_PRICED = {
    "material_movement": "moved_at",
    "subcontract_receipt": "received_at",
    "customer_return": "returned_at",
}
"""Tables that hold prices, and when these were."""
_WORTH = {"exchange_rate": ("currency", "valid_from"), "cost_version": ("currency",)}
_CURRENCY = ("currency",)
_EVER = datetime.min  # noqa: DTZ901 - naive is UTC here

Begun = Mapping[Value | None, datetime]


def check(tables: Mapping[str, FileTable], loaded: Loaded, findings: Findings) -> None:
    """Note every price whose currency is no costing version's and has no rate at its time."""
    if any(name in tables and tables[name].unfit_columns for name in _WORTH):
        return
    begun = _begun(tables, loaded)
    for name, dated_at in _PRICED.items():
        if name in tables:
            _check_prices(tables[name], dated_at, begun, findings)
    if "exchange_rate" in tables:
        _check_left_out(tables["exchange_rate"], loaded, begun, findings)


def _begun(tables: Mapping[str, FileTable], loaded: Loaded) -> Begun:
    """From when on each currency can be told in others."""
    begun: dict[Value | None, datetime] = {}
    for name, columns in _WORTH.items():
        for currency, *valid_from in stated(name, columns, tables, loaded):
            first = valid_from[0] if valid_from and isinstance(valid_from[0], datetime) else _EVER
            begun[currency] = min(first, begun.get(currency, first))
    return begun


def _check_prices(table: FileTable, dated_at: str, begun: Begun, findings: Findings) -> None:
    for row in table.rows:
        currency, at = row.take(("currency", dated_at))
        if currency is None or not isinstance(at, datetime):
            continue
        if currency not in begun or at < begun[currency]:
            cause = f"has no rate at {at}; add one to exchange_rate, or correct the currency"
            findings.add(Problem(table.file, cause, row.number, "currency", str(currency)))


def _check_left_out(table: FileTable, loaded: Loaded, begun: Begun, findings: Findings) -> None:
    used = {(currency, name) for name in _PRICED for (currency,) in loaded.values(name, _CURRENCY)}
    for currency, name in sorted(used, key=str):
        if currency is not None and currency not in begun:
            cause = f"left out, but loaded rows of {name} are priced in it; keep it"
            findings.add(Problem(table.file, cause, None, "currency", str(currency)))
