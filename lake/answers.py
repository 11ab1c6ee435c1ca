"""Rows of a query as text for people, CSV, JSON or a spreadsheet.

Times are ISO 8601 with Z, decimals keep their places; in JSON they are strings.
"""

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import singledispatch

import openpyxl
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from takt.errors import ConfigurationError

XLSX_ROWS = 1_048_575
"""Rows that a sheet holds beside its header."""

_EXACT_IN_DOUBLE = 2**53
# XML, which spreadsheets are made of, has no place for these.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True)
class Answer:
    """What a query gave: names and DuckDB types of its columns, and its rows."""

    columns: Sequence[tuple[str, str]]
    rows: Sequence[tuple[object, ...]]

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [name for name, _ in self.columns]


def render(answer: Answer, output: str) -> str | bytes:
    """The answer in a format.

    Args:
        answer: Rows of a query.
        output: `table`, `csv`, `json` (one array of objects) or `xlsx` (typed, with filters).

    Returns:
        Text; bytes for `xlsx`.

    Raises:
        ConfigurationError: No such format, or too many rows for a spreadsheet.
    """
    match output:
        case "table":
            return _table(answer)
        case "csv":
            return _csv(answer)
        case "json":
            return _json(answer)
        case "xlsx":
            return _xlsx(answer)
        case _:
            raise ConfigurationError(f"no format {output}; there are table, csv, json and xlsx")


@singledispatch
def _plain(value: object) -> object:
    """A value as JSON has it."""
    return str(value)


@_plain.register
def _(value: str | int | None) -> object:
    return value


@_plain.register
def _(value: Decimal) -> object:
    return f"{value:f}"


@_plain.register
def _(value: float) -> object:
    return value if math.isfinite(value) else None


@_plain.register
def _(value: datetime) -> object:
    return f"{_utc(value).isoformat()}Z"


@_plain.register
def _(value: date | time) -> object:
    return value.isoformat()


@_plain.register
def _(value: bytes) -> object:
    return value.hex()


@_plain.register(list)
@_plain.register(tuple)
def _(value: Sequence[object]) -> object:
    return [_plain(each) for each in value]


@_plain.register(dict)
def _(value: dict[object, object]) -> object:
    return {str(key): _plain(each) for key, each in value.items()}


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _text(value: object) -> str:
    plain = _plain(value)
    if plain is None:
        return ""
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _json(answer: Answer) -> str:
    rows = [dict(zip(answer.names, map(_plain, row), strict=True)) for row in answer.rows]
    return f"{json.dumps(rows, ensure_ascii=False)}\n"


def _csv(answer: Answer) -> str:
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(answer.names)
    writer.writerows([_text(value) for value in row] for row in answer.rows)
    return target.getvalue()


def _table(answer: Answer) -> str:
    rows = [[_text(value).replace("\n", "⏎") for value in row] for row in answer.rows]
    widths = [max(map(len, column)) for column in zip(answer.names, *rows, strict=True)]
    is_number = [bool(_NUMBER.match(kind)) for _, kind in answer.columns]

    def line(cells: Sequence[str]) -> str:
        placed = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, is_number, strict=True)
        ]
        return "  ".join(placed).rstrip()

    count = f"({len(rows)} row{'' if len(rows) == 1 else 's'})"
    head = [line(answer.names), "  ".join("-" * width for width in widths)]
    return "\n".join([*head, *map(line, rows), count]) + "\n"


_NUMBER = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL.*|DOUBLE|FLOAT)$")


def _xlsx(answer: Answer) -> bytes:
    return workbook({"Sheet": answer})


def workbook(sheets: Mapping[str, Answer]) -> bytes:
    """A spreadsheet with a sheet per answer: typed values, a header that stays, filters.

    Raises:
        ConfigurationError: Too many rows for a spreadsheet.
    """
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, answer in sheets.items():
        if len(answer.rows) > XLSX_ROWS:
            raise ConfigurationError(
                f"{len(answer.rows)} rows are more than a spreadsheet holds; use --format csv"
            )
        _fill(book.create_sheet(title), answer)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _fill(sheet: Worksheet, answer: Answer) -> None:
    for number, row in enumerate([answer.names, *answer.rows], start=1):
        for place, value in enumerate(row, start=1):
            cell = sheet.cell(number, place, _spreadsheet_value(value))
            if isinstance(cell.value, str):
                # A text that starts with = must not become a formula.
                cell.data_type = "s"
            if number == 1:
                cell.font = Font(bold=True)
            elif answer.columns[place - 1][1] == "DECIMAL(18,2)":
                cell.number_format = "#,##0.00"
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(answer.columns))}{len(answer.rows) + 1}"
    for place, name in enumerate(answer.names, start=1):
        sheet.column_dimensions[get_column_letter(place)].width = max(12, len(name) + 4)


def _spreadsheet_value(value: object) -> bool | int | float | Decimal | str | date | time | None:
    match value:
        case datetime():
            return _utc(value)
        case int() if abs(value) > _EXACT_IN_DOUBLE:
            return str(value)
        case float() if not math.isfinite(value):
            return None
        case None | bool() | int() | float() | Decimal() | date() | time():
            return value
        case _:
            return _CONTROL.sub("", _text(value))
