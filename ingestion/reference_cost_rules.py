"""What the files of costs demand of their rows beyond keys and references (pure).

Belongs here: one rule per function, named after what must hold within one file. What an active
costing version forbids a later file is in `reference_freeze`.
"""

import re
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from ingestion.reference_checks import Values
from ingestion.reference_report import Findings, Problem
from ingestion.reference_rows import FileTable, Row

_CURRENCY = re.compile("[A-Z]{3}")


def one_active_standard_begins_at_a_time(table: FileTable, findings: Findings) -> None:
    """Of two active standard versions of a site one must be the later."""
    begun: dict[Values, Row] = {}
    for row in table.rows:
        site, kind, status, valid_from = row.take(("site_id", "type", "status", "valid_from"))
        if (kind, status) != ("standard", "active") or "valid_from" in table.unfit_columns:
            continue
        before = begun.setdefault((site, valid_from), row)
        if before is not row:
            cause = (
                f"row {before.number} is an active standard version of {site} from the same moment"
                " on; leave one pending, or let it begin at another"
            )
            found = None if valid_from is None else str(valid_from)
            findings.add(Problem(table.file, cause, row.number, "valid_from", found))


def versions_of_a_site_share_a_currency(table: FileTable, findings: Findings) -> None:
    """What an order uses is priced by the versions of its time, in the currency of its own."""
    first: dict[object, Row] = {}
    for row in table.rows:
        site, currency = row.take(("site_id", "currency"))
        before = first.setdefault(site, row)
        if None not in (currency, before.values["currency"]) and (
            currency != before.values["currency"]
        ):
            cause = (
                f"row {before.number} of {site} is in {before.values['currency']}; state the costs"
                " of a site in one currency"
            )
            findings.add(Problem(table.file, cause, row.number, "currency", str(currency)))


def active_versions_fall_back_on_active_ones(table: FileTable, findings: Findings) -> None:
    """What an active version looks up elsewhere is as frozen as it is itself."""
    status = {row.values["cost_version_id"]: row.values["status"] for row in table.rows}
    for row in table.rows:
        fallback = row.values["fallback_version_id"]
        if row.values["status"] == "active" and status.get(fallback) == "pending":
            cause = "it is pending, but an active version looks costs up in it; make it active too"
            findings.add(
                Problem(table.file, cause, row.number, "fallback_version_id", str(fallback))
            )


def periods_tile(table: FileTable, findings: Findings) -> None:
    """Each period begins where the one before it ends."""
    if not table.unfit_columns.isdisjoint(("starts_at", "ends_at")):
        return
    for before, after in pairwise(sorted(table.rows, key=lambda row: _moment(row, "starts_at"))):
        ends, starts = _moment(before, "ends_at"), _moment(after, "starts_at")
        if starts != ends:
            what = "leaves a gap after" if starts > ends else "overlaps"
            cause = f"{what} the period of row {before.number}, which ends {ends}; begin it there"
            findings.add(Problem(table.file, cause, after.number, "starts_at", str(starts)))


def _moment(row: Row, column: str) -> datetime:
    moment = row.values[column]
    assert isinstance(moment, datetime), "a cell that is required and fits"
    return moment


def no_more_is_rejected_than_received(table: FileTable, findings: Findings) -> None:
    """What a vendor's delivery had wrong is a part of it."""
    for row in table.rows:
        received, rejected = row.take(("quantity", "rejected_quantity"))
        if isinstance(received, Decimal) and isinstance(rejected, Decimal) and rejected > received:
            cause = f"more than the {received:f} received, of which it is a part; correct one"
            findings.add(
                Problem(table.file, cause, row.number, "rejected_quantity", f"{rejected:f}")
            )


def nothing_replaces_itself(table: FileTable, findings: Findings) -> None:
    """An item stands in for another one."""
    for row in table.rows:
        item, replaced = row.take(("item_id", "replaces_item_id"))
        if item is not None and item == replaced:
            cause = "it is the item issued; name the one it replaces, or leave it empty"
            findings.add(Problem(table.file, cause, row.number, "replaces_item_id", str(replaced)))


def currencies_are_codes(table: FileTable, findings: Findings) -> None:
    """A currency is written as ISO 4217 has it."""
    for row in table.rows:
        currency = row.values["currency"]
        if isinstance(currency, str) and not _CURRENCY.fullmatch(currency):
            cause = "not a currency code; write the three capitals of ISO 4217, e.g. EUR"
            findings.add(Problem(table.file, cause, row.number, "currency", currency))
