"""The rows of a business file with typed values, and what is wrong with single cells.

Belongs here: header and cells. What rows must say about each other does not.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingestion import reference_files
from ingestion.reference_files import Cells, UnreadableFileError
from ingestion.reference_report import Findings, Problem
from ingestion.reference_values import UnfitValueError, Value, parse
from takt.contracts import Column, TableContract

_LONGEST_QUOTE = 60


@dataclass(frozen=True)
class Row:
    """One row: its number in the file (the header is 1) and a value for every column."""

    number: int
    values: Mapping[str, Value | None]

    def take(self, columns: Sequence[str]) -> tuple[Value | None, ...]:
        """The values of some columns."""
        return tuple(self.values[column] for column in columns)


@dataclass(frozen=True)
class FileTable:
    """A business file as read.

    Attributes:
        contract: The table it states.
        file: Its name, for messages.
        rows: Cells that do not fit are None, as empty ones are.
        unfit_columns: Columns that are missing or have a cell that does not fit.
    """

    contract: TableContract
    file: str
    rows: Sequence[Row]
    unfit_columns: frozenset[str]


def read_table(path: Path, contract: TableContract, findings: Findings) -> FileTable:
    """Read a business file; whatever does not fit its contract is a problem."""
    reader = _Reader(path.name, contract, findings)
    try:
        sheet = reference_files.read(path, contract)
        reader.take_header(sheet.header)
        for number, cells in sheet.rows:
            reader.take_row(number, cells)
    except UnreadableFileError as error:
        findings.add(Problem(path.name, str(error)))
        reader.unfit.update(column.name for column in contract.columns)
    return FileTable(contract, path.name, reader.rows, frozenset(reader.unfit))


class _Reader:
    """Takes a file's header, then its rows."""

    def __init__(self, file: str, contract: TableContract, findings: Findings) -> None:
        self.rows: list[Row] = []
        self.unfit: set[str] = set()
        self._file = file
        self._contract = contract
        self._findings = findings
        self._width = 0
        self._places: dict[str, int] = {}

    def take_header(self, header: Sequence[str]) -> None:
        known = [column.name for column in self._contract.columns]
        for name, times in Counter(header).items():
            if name not in known:
                cause = f"{self._contract.name} has no such column; it has {', '.join(known)}"
                self._note(cause, 1, name or "(no name)")
            elif times > 1:
                self._note("named more than once; remove all but one", 1, name)
        for column in self._contract.columns:
            if column.is_required and column.name not in header:
                self._note("required column is missing; add it", 1, column.name)
                self.unfit.add(column.name)
        self._width = len(header)
        self._places = {name: place for place, name in enumerate(header)}

    def take_row(self, number: int, cells: Cells) -> None:
        if any(cell not in (None, "") for cell in cells[self._width :]):
            cause = "more values than columns; quote values that hold the separator"
            self._note(cause, number)
        values = {c.name: self._value(number, cells, c) for c in self._contract.columns}
        self.rows.append(Row(number, values))

    def _value(self, number: int, cells: Cells, column: Column) -> Value | None:
        place = self._places.get(column.name)
        if place is None:
            return None
        cell = cells[place] if place < len(cells) else None
        try:
            return parse(cell, column)
        except UnfitValueError as error:
            self.unfit.add(column.name)
            self._note(str(error), number, column.name, _quoted(cell))
            return None

    def _note(
        self, cause: str, row: int, column: str | None = None, found: str | None = None
    ) -> None:
        self._findings.add(Problem(self._file, cause, row, column, found))


def _quoted(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"
