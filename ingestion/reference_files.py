"""Business files as they lie in a folder: which there are, and their cells.

Belongs here: CSV, Parquet and XLSX. What the cells must say does not.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import ParseError

import openpyxl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from openpyxl.utils.exceptions import InvalidFileException

from ingestion.reference_report import Findings, Problem
from takt.contracts import TABLES, TableContract

_SUFFIXES = (".csv", ".parquet", ".xlsx")
_REFUSED_SUFFIXES = (".xls", ".xlsm", ".ods", ".tsv")
_CSV_FIELD_LIMIT = 1_000_000
_BROKEN_BOOK = (
    *(InvalidFileException, zipfile.BadZipFile, ParseError),
    *(LookupError, TypeError, ValueError, OSError),
)

Cells = Sequence[object]


@dataclass(frozen=True)
class Sheet:
    """A file's header and rows; a row comes with the number a spreadsheet gives it."""

    header: Sequence[str]
    rows: Iterable[tuple[int, Cells]]


class UnreadableFileError(Exception):
    """The file is not what its ending says; the message is the cause and what to do."""


def find(folder: Path, findings: Findings) -> dict[str, Path]:
    """The business files of a folder by table name; what cannot be one is a problem.

    Files with other endings, and names that start with `_` or `.`, are left alone.
    """
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        cause = _refusal(path, files)
        if cause:
            findings.add(Problem(path.name, cause))
        elif _is_business_file(path):
            files[path.stem.lower()] = path
    if not files and not findings.total:
        findings.add(Problem(str(folder), "no business file in it; put in e.g. equipment.csv"))
    return files


def _is_business_file(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(("_", ".", "~"))


def _refusal(path: Path, files: dict[str, Path]) -> str | None:
    if path.suffix.lower() in _REFUSED_SUFFIXES:
        return "this format is not read; save it as .csv, .parquet or .xlsx"
    if not _is_business_file(path):
        return None
    table = path.stem.lower()
    if table not in TABLES:
        return f"no table of that name; rename it to one of {', '.join(TABLES)}, or remove it"
    if table in files:
        return f"{files[table].name} states the same table; remove one of them"
    return None


def read(path: Path, contract: TableContract) -> Sheet:
    """Open a business file; rows are read when they are asked for.

    Raises:
        UnreadableFileError: It is not what its ending says; also while rows are read.
    """
    match path.suffix.lower():
        case ".csv":
            return _read_csv(path)
        case ".parquet":
            return _read_parquet(path)
        case _:
            return _read_xlsx(path, contract.name)


def _read_csv(path: Path) -> Sheet:
    csv.field_size_limit(_CSV_FIELD_LIMIT)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise UnreadableFileError(f"line {line} is not UTF-8; save the file as UTF-8") from error
    first_line = text.partition("\n")[0]
    if not first_line.strip():
        raise UnreadableFileError("the first row is empty; it must name the columns")
    delimiter = max(",;\t", key=first_line.count)
    records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    return Sheet([name.strip() for name in next(records)], _numbered(records))


def _numbered(records: Iterator[list[str]]) -> Iterator[tuple[int, Cells]]:
    try:
        for number, record in enumerate(records, start=2):
            if any(cell.strip() for cell in record):
                yield number, record
    except csv.Error as error:
        raise UnreadableFileError(f"not well-formed CSV ({error}); mend the quotes") from error


def _read_parquet(path: Path) -> Sheet:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFileError(
            f"not a readable Parquet file ({error}); write it anew"
        ) from error
    columns = [_python_values(column) for column in table.columns]
    return Sheet(table.column_names, enumerate(zip(*columns, strict=True), start=2))


def _python_values(column: pa.ChunkedArray) -> list[object]:
    if pa.types.is_timestamp(column.type):
        # Python's datetime ends at microseconds, as the lake does.
        column = pc.cast(column, pa.timestamp("us", column.type.tz), safe=False)
    values: list[object] = column.to_pylist()
    return values


def _read_xlsx(path: Path, table: str) -> Sheet:
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except _BROKEN_BOOK as error:
        raise UnreadableFileError("not a readable XLSX file; save it anew as .xlsx") from error
    names = book.sheetnames
    if table not in names and len(names) != 1:
        raise UnreadableFileError(f"none of its {len(names)} sheets is named {table}; rename one")
    sheet = book[table if table in names else names[0]]
    sheet.reset_dimensions()
    rows = list(sheet.iter_rows(values_only=True))
    book.close()
    if not rows:
        raise UnreadableFileError("the sheet is empty; its first row must name the columns")
    header = ["" if name is None else str(name).strip() for name in rows[0]]
    return Sheet(_without_trailing_blanks(header), _filled(rows[1:]))


def _without_trailing_blanks(header: list[str]) -> list[str]:
    while header and not header[-1]:
        header.pop()
    return header


def _filled(rows: Iterable[Cells]) -> Iterator[tuple[int, Cells]]:
    for number, row in enumerate(rows, start=2):
        if any(cell is not None and cell != "" for cell in row):
            yield number, row
