"""From the lines of a historian's export to rows of the import form (pure but for reading).

Belongs here: reading, columns, and which lines cannot be read. A line that cannot takes no other
with it. What makes a row good is `ingestion.export_query`.
"""

import gzip
import io
import zlib
from collections import Counter
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from ingestion import export_query
from ingestion.export_form import ExportForm
from ingestion.export_query import LINE
from takt.errors import TaktError


class ExportError(TaktError):
    """A file is no such export; nothing of it is taken."""


class Fresh(NamedTuple):
    """What of a file is new.

    Attributes:
        digest: Identifies all of its content, and what its place says of it.
        known_lines: Lines at its beginning that were taken before.
        content: Its first line and those that are new.
    """

    digest: str
    known_lines: int
    content: bytes


class Fixed(NamedTuple):
    """What a file's place says of all its rows; empty where a column says it."""

    equipment: str
    signal: str
    site: str


class BadLine(NamedTuple):
    """A line that cannot be read, or a cell of it: an export of its own, in the long form."""

    line: int
    reason: str
    time: str
    equipment: str
    signal: str
    value: str
    quality: str = ""


class Rows(NamedTuple):
    """What became of the lines of a file.

    Attributes:
        good: In the import form.
        bad: The lines that cannot be read.
        starts: Digests that tell where its first two good lines stand and what they are of: also
            of a file in which one of them has changed since.
    """

    good: pa.Table
    bad: list[BadLine]
    starts: list[str]


def fresh(file: Path, place: str, known: set[str], *, is_at_rest: bool) -> Fresh | None:
    """What of `file` is new, given the digests of all that was taken; None: nothing.

    A last line without its end may be half a line: it waits until the file is at rest.

    Raises:
        ExportError: It cannot be read.
    """
    try:
        return _fresh(file, place, known, is_at_rest=is_at_rest)
    except (OSError, EOFError, zlib.error) as error:
        raise ExportError(f"{file} cannot be read: {error}") from error


def _fresh(file: Path, place: str, known: set[str], *, is_at_rest: bool) -> Fresh | None:
    digest = blake2b(place.encode(), digest_size=16)
    header, rest, lines, known_lines = b"", [], 0, 0
    with _opened(file) as content:
        for line in content:
            if not (is_at_rest or line.endswith(b"\n")):
                break
            lines += 1
            bare = line.rstrip(b"\r\n")
            ends = [digest.copy(), digest]
            ends[0].update(bare)
            ends[1].update(line)
            header = header or line
            rest.append(line)
            if known and any(end.hexdigest() in known for end in ends):
                known_lines, rest = lines, []
    if known_lines and not rest:
        return None
    if not known_lines:
        rest = rest[1:]
    return Fresh(
        digest.hexdigest(), max(known_lines, 1), header.rstrip(b"\r\n") + b"\n" + b"".join(rest)
    )


def _opened(file: Path) -> BinaryIO:
    return gzip.open(file) if file.suffix == ".gz" else file.open("rb")  # type: ignore[return-value]


def rows_of_parquet(file: Path, form: ExportForm, fixed: Fixed) -> Rows:
    """The rows of a Parquet file; its rows are numbered as lines would be.

    Raises:
        ExportError: It is no Parquet file, or lacks a column.
    """
    try:
        raw = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise ExportError(f"{file}: no readable Parquet file: {error}") from error
    texts = [column.cast(pa.string()) for column in raw.columns]
    table = pa.table(texts, names=raw.column_names)
    lines = pa.array(range(1, table.num_rows + 1), pa.int64())
    return _converted(file, table.append_column(LINE, lines), form, fixed, [])


def rows_of_csv(file: Path, new: Fresh, form: ExportForm, fixed: Fixed) -> Rows:
    """The rows of the new lines of a CSV file.

    Raises:
        ExportError: It lacks a column, or is no text of its encoding.
    """
    bad: list[BadLine] = []
    skipped: set[int] = set()

    def skip(row: pa.csv.InvalidRow) -> str:
        skipped.add(row.number)
        if row.text.strip():
            why = f"{row.actual_columns} columns instead of {row.expected_columns}"
            bad.append(BadLine(new.known_lines + row.number - 1, why, "", "", "", row.text))
        return "skip"

    try:
        table = _read_csv(new.content, form, skip)
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise ExportError(f"{file}: no readable CSV file: {error}") from error
    numbers = (
        place for place in range(2, len(skipped) + table.num_rows + 2) if place not in skipped
    )
    lines = pa.array([new.known_lines + place - 1 for place in numbers], pa.int64())
    return _converted(file, table.append_column(LINE, lines), form, fixed, bad)


def _read_csv(content: bytes, form: ExportForm, skip: object) -> pa.Table:
    parsing = pa.csv.ParseOptions(
        delimiter=form.delimiter, invalid_row_handler=skip, ignore_empty_lines=False
    )
    reading = pa.csv.ReadOptions(use_threads=False, encoding=form.encoding)
    head = pa.csv.read_csv(
        io.BytesIO(content.splitlines(keepends=True)[0]),
        reading,
        pa.csv.ParseOptions(delimiter=form.delimiter),
    )
    converting = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(head.schema.names, pa.string()),
        strings_can_be_null=True,
        null_values=[""],
    )
    return pa.csv.read_csv(io.BytesIO(content), reading, parsing, converting)


def _converted(
    file: Path,
    raw: pa.Table,
    form: ExportForm,
    fixed: Fixed,
    bad: list[BadLine],
) -> Rows:
    columns = [name for name in raw.column_names if name != LINE]
    needed = [form.time_column, form.equipment_column, form.signal_column, form.value_column]
    needed.append(form.quality_column)
    missing = [name for name in (*needed, *form.signals) if name and name not in columns]
    if missing:
        raise ExportError(f"{file}: lacks column {', '.join(missing)}; it has {', '.join(columns)}")
    # DuckDB tells names apart by more than the case of their letters only.
    doubled = [name for name, times in Counter(map(str.lower, columns)).items() if times > 1]
    if doubled:
        raise ExportError(f"{file}: repeats column {', '.join(doubled)}; name each once")
    query = export_query.judged(form, columns)
    used = {name: value for name, value in fixed._asdict().items() if f"${name}" in query}
    try:
        with duckdb.connect() as con:
            con.execute(f"set TimeZone = '{form.time_zone}'")
            con.register("raw", raw)
            con.execute(f"create temp table judged as {query}", used)
            bad = [*bad, *map(BadLine._make, con.execute(export_query.BAD).fetchall())]
            good = con.execute(export_query.GOOD, {"site": fixed.site}).to_arrow_table()
            starts = [
                _start(fixed.site, *row) for row in con.execute(export_query.STARTS).fetchall()
            ]
    except duckdb.Error as error:
        raise ExportError(f"{file}: {str(error).splitlines()[0]}") from error
    return Rows(good, sorted(bad), starts)


def _start(*told: object) -> str:
    return blake2b(repr(told).encode(), digest_size=8).hexdigest()
