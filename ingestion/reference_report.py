"""What a check or load of business files found, for people and for machines.

Belongs here: findings and their wording. Reading, checking and loading do not.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

MAX_PROBLEMS = 100
"""So many are told one by one; the rest are counted."""


@dataclass(frozen=True)
class Problem:
    """One thing that makes a folder unloadable.

    Attributes:
        file: The file's name inside the folder.
        cause: What is wrong, with what to do about it.
        row: As a spreadsheet numbers it: the header is row 1; None: the whole file.
        column: None: the whole row or file.
        found: The value as it stands in the file.
    """

    file: str
    cause: str
    row: int | None = None
    column: str | None = None
    found: str | None = None

    def __str__(self) -> str:
        """`equipment.csv, row 3, column level, found 'machine': …`."""
        row = "" if self.row is None else f", row {self.row}"
        column = "" if self.column is None else f", column {self.column}"
        found = "" if self.found is None else f", found {self.found!r}"
        return f"{self.file}{row}{column}{found}: {self.cause}"


@dataclass
class Findings:
    """Problems as they are found; the first `MAX_PROBLEMS` are kept, all are counted."""

    problems: list[Problem] = field(default_factory=list)
    total: int = 0

    def add(self, problem: Problem) -> None:
        """Note a problem."""
        self.total += 1
        if self.total <= MAX_PROBLEMS:
            self.problems.append(problem)


@dataclass(frozen=True)
class TableChange:
    """What a load did to one table; `closed` rows are gone or stand changed in `added`."""

    table: str
    file: str
    rows: int
    added: int = 0
    closed: int = 0


@dataclass(frozen=True)
class Report:
    """The outcome of a check or load.

    Attributes:
        folder: What was read.
        tables: One entry per file read; all zero changes when nothing was loaded.
        errors: The first `MAX_PROBLEMS`; any makes the folder unloadable.
        error_count: How many there are altogether.
        load_id: Names the load in `load_id` of its rows; None when nothing was written.
        loaded_at: When that was, UTC.
    """

    folder: Path
    tables: Sequence[TableChange]
    errors: Sequence[Problem] = ()
    error_count: int = 0
    load_id: str | None = None
    loaded_at: datetime | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether the folder is fit to load, or was loaded."""
        return self.error_count == 0

    def __str__(self) -> str:
        """One line per table, or one per problem."""
        if self.is_accepted:
            return "\n".join([f"{self.folder}: {self._verdict()}", *map(_line, self.tables)])
        more = self.error_count - len(self.errors)
        rest = [f"… and {more} more"] if more else []
        head = f"{self.folder}: rejected, nothing was loaded; {self.error_count} error(s)"
        return "\n".join([head, *map(str, self.errors), *rest])

    def as_json(self) -> dict[str, object]:
        """The same as plain JSON values."""
        return {
            "folder": str(self.folder),
            "accepted": self.is_accepted,
            "load_id": self.load_id,
            "loaded_at": None if self.loaded_at is None else f"{self.loaded_at.isoformat()}Z",
            "tables": [asdict(table) for table in self.tables],
            "error_count": self.error_count,
            "errors": [asdict(problem) for problem in self.errors],
        }

    def _verdict(self) -> str:
        return "nothing was written" if self.load_id is None else f"loaded as {self.load_id}"


def _line(change: TableChange) -> str:
    return (
        f"{change.table}: {change.rows} rows in {change.file};"
        f" {change.added} added, {change.closed} closed"
    )
