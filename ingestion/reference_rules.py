"""What single tables demand of their rows beyond keys and references (pure).

Belongs here: one rule per function, named after what must hold. What holds for every table
alike is in `reference_checks`; the rules of the files of costs are in `reference_cost_rules`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import time
from itertools import combinations

from ingestion import reference_product_rules as product_rules
from ingestion import reference_sheet_rules as sheet_rules
from ingestion.reference_checks import Values, check_once, validity
from ingestion.reference_cost_rules import (
    active_versions_fall_back_on_active_ones,
    currencies_are_codes,
    no_more_is_rejected_than_received,
    nothing_replaces_itself,
    one_active_standard_begins_at_a_time,
    periods_tile,
    versions_of_a_site_share_a_currency,
)
from ingestion.reference_report import Findings, Problem
from ingestion.reference_rows import FileTable, Row
from takt.contracts import LEVELS
from takt.equipment import is_name, is_path

_WEEK_S = 7 * 86_400
_SINGLE_ROLES = ("state", "operation_mode", "order", "item")


def check(tables: Mapping[str, FileTable], findings: Findings) -> None:
    """Note every row that breaks a rule of its table."""
    for name, rules in _RULES.items():
        for rule in rules if name in tables else ():
            rule(tables[name], findings)


def _equipment_is_named_as_on_the_wire(table: FileTable, findings: Findings) -> None:
    for row in table.rows:
        site, equipment = row.take(("site_id", "equipment_id"))
        if isinstance(site, str) and not is_name(site):
            cause = "not a site name; use letters, digits, point, dash and underscore"
            findings.add(Problem(table.file, cause, row.number, "site_id", site))
        if isinstance(equipment, str) and not is_path(equipment):
            cause = "not an equipment path; join names by slashes, e.g. assembly/line1/press01"
            findings.add(Problem(table.file, cause, row.number, "equipment_id", equipment))


def _equipment_forms_a_tree(table: FileTable, findings: Findings) -> None:
    levels = {row.take(("site_id", "equipment_id")): row.values["level"] for row in table.rows}
    for row in table.rows:
        for column, cause in _misplaced(row, levels):
            found = row.values[column]
            shown = None if found is None else str(found)
            findings.add(Problem(table.file, cause, row.number, column, shown))


def _misplaced(row: Row, levels: Mapping[Values, object]) -> Iterator[tuple[str, str]]:
    site, equipment, parent, level = row.take(("site_id", "equipment_id", "parent_id", "level"))
    if level == "site":
        if equipment != site:
            yield "equipment_id", f"a site is its own equipment; write {site}"
        if parent is not None:
            yield "parent_id", "nothing stands above a site; leave it empty"
        if row.values["time_zone"] is None:
            yield "time_zone", "a site needs a time zone; use an IANA name"
    elif level is not None and parent is None:
        yield "parent_id", f"a {level} needs something above it; name its parent"
    elif level is not None and _rank(levels.get((site, parent))) >= _rank(level):
        yield "parent_id", f"a {level} cannot stand below a {levels[site, parent]}; correct one"


def _rank(level: object) -> int:
    return LEVELS.index(str(level)) if level in LEVELS else -1


def _exceptions_say_when(table: FileTable, findings: Findings) -> None:
    for row in table.rows:
        kind = row.values["kind"]
        needed = ["starts_at", "ends_at"] if kind in _TIMED_EXCEPTIONS else []
        needed += ["shift_id"] if kind in ("overtime", "changed_shift") else []
        for column in needed:
            if row.values[column] is None and column not in table.unfit_columns:
                cause = f"{kind} needs it; fill it in"
                findings.add(Problem(table.file, cause, row.number, column, ""))


_TIMED_EXCEPTIONS = ("overtime", "planned_downtime", "changed_shift")
_PATTERN = ("site_id", "equipment_id", "shift_id", "weekday")


def _breaks_belong_to_a_shift(table: FileTable, findings: Findings) -> None:
    shifts = {row.take(_PATTERN) for row in table.rows if row.values["kind"] == "shift"}
    if not table.unfit_columns.isdisjoint((*_PATTERN, "kind")):
        return
    for row in table.rows:
        if row.values["kind"] != "shift" and row.take(_PATTERN) not in shifts:
            cause = "no shift of that name, equipment and weekday; correct it or add the shift"
            found = ", ".join(map(str, row.take(("shift_id", "weekday"))))
            findings.add(Problem(table.file, cause, row.number, "shift_id, weekday", found))


def _shifts_do_not_overlap(table: FileTable, findings: Findings) -> None:
    if not table.unfit_columns.isdisjoint((*_PATTERN, "kind", "starts_local", "ends_local")):
        return
    shifts: defaultdict[Values, list[Row]] = defaultdict(list)
    for row in table.rows:
        if row.values["kind"] == "shift":
            shifts[row.take(("site_id", "equipment_id"))].append(row)
    for rows in shifts.values():
        for one, other in combinations(rows, 2):
            if _clash(one, other):
                cause = f"overlaps the shift of row {one.number}; correct one of them"
                found = f"{other.values['starts_local']} to {other.values['ends_local']}"
                columns = "starts_local, ends_local"
                findings.add(Problem(table.file, cause, other.number, columns, found))


def _clash(one: Row, other: Row) -> bool:
    if not _hold_together(one, other):
        return False
    first_start, first_length = _week_span(one)
    start, length = _week_span(other)
    # Seen from the start of either, the other begins before it has ended.
    return (start - first_start) % _WEEK_S < first_length or (
        first_start - start
    ) % _WEEK_S < length


def _hold_together(one: Row, other: Row) -> bool:
    (first, last), (other_first, other_last) = validity(one), validity(other)
    return first < other_last and other_first < last


def _week_span(row: Row) -> tuple[int, int]:
    """Start in the week and length, in seconds; an end not after the start is a day later."""
    weekday, starts, ends = row.take(("weekday", "starts_local", "ends_local"))
    assert isinstance(weekday, int)
    assert isinstance(starts, time)
    assert isinstance(ends, time)
    length = (_second(ends) - _second(starts)) % 86_400 or 86_400
    return (weekday - 1) * 86_400 + _second(starts), length


def _second(moment: time) -> int:
    return moment.hour * 3600 + moment.minute * 60 + moment.second


def _one_signal_tells_state_mode_order_and_item(table: FileTable, findings: Findings) -> None:
    if table.unfit_columns.isdisjoint(("site_id", "equipment_id", "role")):
        rows = [row for row in table.rows if row.values["role"] in _SINGLE_ROLES]
        check_once(table, ("site_id", "equipment_id", "role"), rows, findings)


def _consumption_names_its_material(table: FileTable, findings: Findings) -> None:
    for row in table.rows:
        role, material = row.take(("role", "material_item_id"))
        if role == "consumption" and material is None:
            cause = "consumption of what is not said; name the item"
            findings.add(Problem(table.file, cause, row.number, "material_item_id", None))
        if role != "consumption" and material is not None:
            cause = "only a consumption counter measures material; leave it empty"
            findings.add(Problem(table.file, cause, row.number, "material_item_id", str(material)))


def _reasons_form_a_tree(table: FileTable, findings: Findings) -> None:
    _check_tree(table, "reason_id", "parent_reason_id", findings)


def _versions_fall_back_on_others(table: FileTable, findings: Findings) -> None:
    _check_tree(table, "cost_version_id", "fallback_version_id", findings)


def _check_tree(table: FileTable, key: str, parent_key: str, findings: Findings) -> None:
    parents = {row.values[key]: row.values[parent_key] for row in table.rows}
    for row in table.rows:
        seen = {row.values[key]}
        parent = row.values[parent_key]
        while parent is not None and parent not in seen:
            seen.add(parent)
            parent = parents.get(parent)
        if parent is not None and parent == row.values[key]:
            cause = "stands above itself; correct the tree"
            findings.add(Problem(table.file, cause, row.number, parent_key, str(parent)))


def _versions_fall_back_on_their_currency(table: FileTable, findings: Findings) -> None:
    currencies = {row.values["cost_version_id"]: row.values["currency"] for row in table.rows}
    for row in table.rows:
        fallback, currency = row.take(("fallback_version_id", "currency"))
        other = currencies.get(fallback, currency)
        if None not in (other, currency) and other != currency:
            cause = f"its amounts are {other}, not {currency}; name one of the same currency"
            findings.add(
                Problem(table.file, cause, row.number, "fallback_version_id", str(fallback))
            )


_RULES: dict[str, tuple[Callable[[FileTable, Findings], None], ...]] = {
    "equipment": (_equipment_is_named_as_on_the_wire, _equipment_forms_a_tree),
    "shift_pattern": (_breaks_belong_to_a_shift, _shifts_do_not_overlap),
    "calendar_exception": (_exceptions_say_when,),
    "signal_map": (_one_signal_tells_state_mode_order_and_item, _consumption_names_its_material),
    "reason_code": (_reasons_form_a_tree,),
    "bom_line": (
        product_rules.further_products_are_stated_by_quantity,
        product_rules.co_products_come_of_one_process,
        product_rules.only_by_products_have_burdens,
        product_rules.shares_are_not_more_than_the_cost,
        product_rules.no_item_is_made_of_itself,
    ),
    "cost_version": (
        _versions_fall_back_on_others,
        _versions_fall_back_on_their_currency,
        one_active_standard_begins_at_a_time,
        active_versions_fall_back_on_active_ones,
        versions_of_a_site_share_a_currency,
    ),
    "material_movement": (nothing_replaces_itself,),
    "subcontract_receipt": (no_more_is_rejected_than_received,),
    "costing_sheet": (
        sheet_rules.added_lines_are_not_stated,
        sheet_rules.rows_of_a_line_say_the_same,
        sheet_rules.a_cost_group_is_on_one_line,
        sheet_rules.lines_take_cost_groups_or_have_lines,
        sheet_rules.no_line_is_below_itself,
    ),
    "exchange_rate": (currencies_are_codes,),
    "period": (periods_tile,),
}
