"""What messages make of an order's business rows (pure).

Belongs here: one function per type of message, and the check of what it makes. Whose turn a
message is, and what becomes of one that does not fit, is decided in `mes_line`.

Starts take the earliest time, ends the latest, quantities add up: two messages that are swapped
leave the same rows.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from ingestion import reference_checks, reference_currencies
from ingestion.mes_messages import Told
from ingestion.mes_messages import Values as Said
from ingestion.reference_checks import Loaded, Values
from ingestion.reference_report import Findings
from ingestion.reference_rows import FileTable, Row
from ingestion.reference_values import UnfitValueError, Value, parse
from takt.contracts import QUALITY_KINDS, TABLES

Cells = Mapping[str, Value | None]
Key = tuple[str, Values]
"""A table and the key of a row in it."""

_BEFORE_START = (None, "created", "released")
_QUANTITIES = ("good_quantity", "scrap_quantity", "rework_quantity")


class UnfitError(Exception):
    """The message does not fit what is loaded now; the error says what is missing."""


class Orders:
    """The business rows that messages may change, as those before have left them.

    Args:
        rows: The current rows by table and key, of every order and line concerned.
        loaded: What references may lead to.
    """

    def __init__(self, rows: Mapping[Key, Cells], loaded: Loaded) -> None:
        self._rows = dict(rows)
        self._loaded = Remembered(loaded)
        self._changed: set[Key] = set()

    def apply(self, told: Told) -> None:
        """Let a message have its effect, all of it or none.

        Raises:
            UnfitError: It does not fit what is loaded now.
        """
        draft = _Draft(self._rows, told)
        _EFFECTS[told.type](draft)
        _check(draft.changed, self._loaded)
        self._rows |= draft.changed
        self._changed |= draft.changed.keys()

    def changed(self) -> dict[str, FileTable]:
        """The rows that messages have changed or made, by table."""
        return _tables({key: self._rows[key] for key in self._changed})


class Remembered:
    """What is loaded, asked once a question."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._answers: dict[tuple[str, tuple[str, ...]], set[Values]] = {}

    def values(self, table: str, columns: Sequence[str]) -> set[Values]:
        """The distinct values of some columns over a table's current rows."""
        question = (table, tuple(columns))
        if question not in self._answers:
            self._answers[question] = self._loaded.values(table, columns)
        return self._answers[question]


def keys_of(told: Told) -> Iterator[Key]:
    """The rows beside those of its order that a message may replace."""
    column = {"picking_list": "movement_id", "route_card": "booking_id"}.get(told.type)
    table = {"picking_list": "material_movement", "route_card": "labour_booking"}.get(told.type)
    for number, line in enumerate(told.lines, start=1):
        if table is not None and column is not None:
            yield table, (_line_id(told, line[column], number),)


class _Draft:
    """The rows as one message would leave them."""

    def __init__(self, rows: Mapping[Key, Cells], told: Told) -> None:
        self._rows = rows
        self.told = told
        self.changed: dict[Key, Cells] = {}

    def row(self, table: str, key: Values) -> Cells | None:
        return self.changed.get((table, key), self._rows.get((table, key)))

    def put(self, table: str, cells: Cells) -> None:
        contract = TABLES[table]
        fit = {}
        for column in contract.columns:
            try:
                fit[column.name] = parse(cells.get(column.name), column)
            except UnfitValueError as error:
                raise UnfitError(f"{column.name} of {table}: {error}") from error
        self.changed[table, tuple(fit[name] for name in contract.key)] = fit

    def put_own(self, table: str, cells: Cells) -> None:
        """Add or replace a row that is of this order, if it is there."""
        key = tuple(cells[name] for name in TABLES[table].key)
        before = self.row(table, key)
        if before is not None and before["production_order_id"] != self.told.order:
            told = reference_checks.told(key)
            raise UnfitError(
                f"{table} {told} is of order {before['production_order_id']};"
                " give the line an id of its own"
            )
        self.put(table, cells)

    def order(self) -> Cells:
        found = self.row("production_order", (self.told.order,))
        if found is None:
            raise UnfitError(
                f"order {self.told.order} is not loaded; load it as production_order, then retry"
            )
        return found

    def operation(self, said: Said) -> Cells:
        key = {
            "production_order_id": self.told.order,
            "operation_id": said["operation_id"],
            "work_unit_id": said["work_unit_id"],
        }
        return self.row("order_operation", tuple(key.values())) or key


def _order_start(draft: _Draft) -> None:
    order, said = draft.order(), draft.told.values
    if order["status"] in _BEFORE_START:
        draft.put("production_order", {**order, "status": "started"})
    if said["operation_id"] is not None:
        _widen(draft, said, said["started_at"], None)


def _report_finished(draft: _Draft) -> None:
    draft.order()
    said = draft.told.values
    before = draft.operation(said)
    sums = {name: _sum(before.get(name), said[name]) for name in _QUANTITIES}
    draft.put("order_operation", {**before, **sums})
    _widen(draft, said, None, said["finished_at"])


def _picking_list(draft: _Draft) -> None:
    draft.order()
    for number, line in enumerate(draft.told.lines, start=1):
        movement = {
            **line,
            "movement_id": _line_id(draft.told, line["movement_id"], number),
            "production_order_id": draft.told.order,
            "moved_at": line["moved_at"] or draft.told.values["created_at"],
        }
        draft.put_own("material_movement", movement)


def _route_card(draft: _Draft) -> None:
    draft.order()
    for number, line in enumerate(draft.told.lines, start=1):
        # Who examines or prevents needs no machine: its time stays that of the operation.
        if line["work_unit_id"] is not None and line["kind"] not in QUALITY_KINDS:
            _widen(draft, line, line["started_at"], line["finished_at"])
        if line["worker_id"] is not None:
            booking = {
                **line,
                "booking_id": _line_id(draft.told, line["booking_id"], number),
                "production_order_id": draft.told.order,
            }
            draft.put_own("labour_booking", booking)


def _order_end(draft: _Draft) -> None:
    said = draft.told.values
    order = draft.order()
    ended_at = _latest(order["ended_at"], said["ended_at"] or said["created_at"])
    draft.put("production_order", {**order, "ended_at": ended_at, "status": "ended"})


_EFFECTS: Mapping[str, Callable[[_Draft], None]] = {
    "order_start": _order_start,
    "report_finished": _report_finished,
    "picking_list": _picking_list,
    "route_card": _route_card,
    "order_end": _order_end,
}


def _widen(draft: _Draft, said: Said, start: Value | None, end: Value | None) -> None:
    """Let an operation begin at `start` at the latest and end at `end` at the earliest."""
    before = draft.operation(said)
    started_at = min(_moments(before.get("started_at"), start), default=None)
    finished_at = _latest(before.get("finished_at"), end)
    draft.put("order_operation", {**before, "started_at": started_at, "finished_at": finished_at})


def _latest(*values: Value | None) -> datetime | None:
    return max(_moments(*values), default=None)


def _moments(*values: Value | None) -> list[datetime]:
    return [value for value in values if isinstance(value, datetime)]


def _sum(before: Value | None, more: Value | None) -> Decimal | None:
    """Nothing said of a quantity leaves it unsaid."""
    given = [value for value in (before, more) if isinstance(value, Decimal)]
    return sum(given, Decimal()) if given else None


def _line_id(told: Told, given: Value | None, number: int) -> str:
    return str(given) if given is not None else f"{told.values['message_id']}/{number}"


def _check(changed: Mapping[Key, Cells], loaded: Loaded) -> None:
    findings = Findings()
    tables = _tables(changed)
    reference_checks.check(tables, loaded, findings)
    reference_currencies.check(tables, loaded, findings)
    for problem in findings.problems:
        column = f", {problem.column}" if problem.column else ""
        found = f" {problem.found!r}" if problem.found else ""
        raise UnfitError(f"{problem.file}{column}{found}: {problem.cause}")


def _tables(rows: Mapping[Key, Cells]) -> dict[str, FileTable]:
    by_table: dict[str, list[Row]] = {}
    for (table, _), cells in rows.items():
        by_table.setdefault(table, []).append(Row(0, cells))
    return {name: _table(name, of_it) for name, of_it in by_table.items()}


def _table(name: str, rows: Iterable[Row]) -> FileTable:
    return FileTable(TABLES[name], name, list(rows), frozenset())
