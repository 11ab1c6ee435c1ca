"""What a contract of a business table can say: columns, keys, references, spans."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Kind(StrEnum):
    """How a file relates to what is loaded already."""

    MASTER = "master"
    """A file states the whole table; what it leaves out is closed."""
    TRANSACTION = "transaction"
    """A file adds rows or replaces those of equal key; what it leaves out stays."""


class Type(StrEnum):
    """What a value means; its DuckDB type is `Column.duckdb_type`."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    """An instant: ISO 8601; without an offset it is UTC."""
    LOCAL_TIME = "local time"
    """A time of day in the site's time zone: HH:MM or HH:MM:SS."""
    TIME_ZONE = "time zone"
    """An IANA name such as Europe/Copenhagen."""


_DUCKDB_TYPES = {
    Type.TEXT: "VARCHAR",
    Type.INTEGER: "BIGINT",
    Type.DECIMAL: "DECIMAL(18,6)",
    Type.BOOLEAN: "BOOLEAN",
    Type.DATE: "DATE",
    Type.TIMESTAMP: "TIMESTAMP",
    Type.LOCAL_TIME: "TIME",
    Type.TIME_ZONE: "VARCHAR",
}

LOAD_COLUMNS = {"load_id": "VARCHAR", "loaded_at": "TIMESTAMP", "closed_at": "TIMESTAMP"}
"""What a load adds to each row, with DuckDB types; `closed_at` is null for current rows."""


@dataclass(frozen=True)
class Column:
    """One column of a business file.

    Attributes:
        name: As in the file's header and in the lake.
        type: What its values mean.
        description: Meaning and unit, for people.
        is_required: Whether each row must have a value; other columns may be left out altogether.
        allowed: The only legal values; empty when any will do.
        minimum: Smallest legal number.
        maximum: Largest legal number.
        above: Every legal number is greater than this.
    """

    name: str
    type: Type
    description: str
    is_required: bool = False
    allowed: tuple[str, ...] = ()
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    above: Decimal | None = None

    @property
    def duckdb_type(self) -> str:
        """The column's type in the lake."""
        return _DUCKDB_TYPES[self.type]

    @property
    def meaning(self) -> str:
        """The description with the values that are legal."""
        allowed = f"One of: {', '.join(self.allowed)}." if self.allowed else ""
        bounds = {"at least": self.minimum, "at most": self.maximum, "more than": self.above}
        limits = [f"{word} {bound}" for word, bound in bounds.items() if bound is not None]
        limit = f"{', '.join(limits).capitalize()}." if limits else ""
        return " ".join(filter(None, (self.description, allowed, limit)))


@dataclass(frozen=True)
class Reference:
    """Values of `columns`, unless one is null, must stand in `to_columns` of `table`.

    Those `given` need not: they are there without a file.
    """

    columns: tuple[str, ...]
    table: str
    to_columns: tuple[str, ...]
    given: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableContract:
    """One business table.

    Attributes:
        name: Of the file (without ending) and of the table in schema `reference`.
        kind: Master data or transactions.
        description: What one row is.
        columns: In the order of the documentation; a file may order them otherwise.
        key: Unique among current rows; when effective-dated, unique at each moment.
        references: What must exist in the same folder or be loaded.
        spans: Pairs (start, end) of columns; the start lies before the end.
    """

    name: str
    kind: Kind
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    references: tuple[Reference, ...] = ()
    spans: tuple[tuple[str, str], ...] = ()

    @property
    def is_effective_dated(self) -> bool:
        """Whether rows hold from `valid_from` to before `valid_to`; null is unbounded."""
        return ("valid_from", "valid_to") in self.spans

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: There is none.
        """
        return next(column for column in self.columns if column.name == name)
