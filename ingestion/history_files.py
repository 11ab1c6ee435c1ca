"""History files as rows of the wire contract: read, converted and checked in chunks.

Belongs here: Parquet and CSV, types, what makes a row wrong. Committing does not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from ingestion.intake import MAX_NAME_CHARACTERS
from takt.errors import TaktError
from takt.progress import Progress

CHUNK_ROWS = 250_000
"""Rows of one commit. It may not change: an import that broke off continues by counting them."""
_REQUIRED = ("site", "equipment", "signal", "observed_at")
_VALUES = ("value", "text")
_OPTIONAL = ("quality", "received_at", "is_historical")
_KNOWN = (*_REQUIRED, *_VALUES, *_OPTIONAL)
_CSV_BLOCK_BYTES = 8_000_000
_READ_BYTES = 8_000_000
_LEVEL = "[A-Za-z0-9][A-Za-z0-9_.-]*"

# What each column becomes; a value that becomes null although it was given is wrong.
_CONVERSIONS = {
    "site": "try_cast({} as varchar)",
    "equipment": "try_cast({} as varchar)",
    "signal": "try_cast({} as varchar)",
    "observed_at": "try_cast({} as timestamptz)",
    "value": "try_cast({} as double)",
    "text": "try_cast({} as varchar)",
    "quality": "try_cast({} as tinyint)",
    "received_at": "try_cast({} as timestamptz)",
    "is_historical": "try_cast({} as boolean)",
}
_DEFAULTS = {
    "value": "null::double",
    "text": "null::varchar",
    "quality": "0::tinyint",
    "received_at": "$now::timestamptz",
    "is_historical": "true",
}
_NEEDED = {
    "observed_at": "a time such as 2026-01-31T12:00:00Z",
    "value": "a number",
    "quality": "0, 1 or 2",
    "received_at": "a time such as 2026-01-31T12:00:00Z",
    "is_historical": "true or false",
}
_IN_RANGE = "between timestamptz '1900-01-01 00:00:00+00' and timestamptz '2299-12-31 23:59:59+00'"
_RULES = {
    "site": (
        f"regexp_full_match(site, '{_LEVEL}') and length(site) <= {MAX_NAME_CHARACTERS}",
        "is no name of a site (letters, digits, _ . -)",
    ),
    "equipment": (
        f"equipment = '$collector' or regexp_full_match(equipment, '{_LEVEL}(/{_LEVEL})*')",
        "is no equipment path such as line1/press01",
    ),
    "signal": ("length(signal) > 0", "is empty"),
    "observed_at": (f"observed_at {_IN_RANGE}", "is not between the years 1900 and 2300"),
    "received_at": (f"received_at {_IN_RANGE}", "is not between the years 1900 and 2300"),
    "quality": ("quality between 0 and 2", "is not 0, 1 or 2"),
    "value": (
        "value is not null or text is not null or quality = 2",
        "is empty and so is text; one of them must be given",
    ),
}


class ImportFileError(TaktError):
    """A file cannot be imported; the message names file, column and row."""


def digest_of_file(file: Path, progress: Progress) -> str:
    """32 hexadecimal digits that identify the content of a file.

    Raises:
        ImportFileError: The file cannot be read.
    """
    digest = blake2b(digest_size=16)
    try:
        size = file.stat().st_size
        with file.open("rb") as content:
            while block := content.read(_READ_BYTES):
                digest.update(block)
                progress(f"reading {file.name}", content.tell(), size)
    except OSError as error:
        raise ImportFileError(f"{file}: {error.strerror}") from error
    return digest.hexdigest()


def chunks(file: Path, now: str) -> Iterator[pa.Table]:
    """The rows of a file in the columns of `takt.batch.SCHEMA` and `site`, `CHUNK_ROWS` at a time.

    Args:
        file: Parquet or CSV.
        now: ISO 8601 time that stands for a `received_at` that is not given.

    Raises:
        ImportFileError: The file is no such file, or a row is wrong.
    """
    with _reading(file), duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        first_row = 1
        for raw in _rechunked(_raw_rows(file)):
            yield _converted(con, file, raw, first_row, now)
            first_row += raw.num_rows


def row_count_hint(file: Path) -> int | None:
    """How many rows a file has, where that is known without reading it."""
    if _is_csv(file):
        return None
    with _reading(file):
        return int(pq.ParquetFile(file).metadata.num_rows)


def _is_csv(file: Path) -> bool:
    name = file.name.lower().removesuffix(".gz")
    return name.endswith((".csv", ".tsv", ".txt"))


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        kind = "CSV" if _is_csv(file) else "Parquet"
        raise ImportFileError(f"{file}: no readable {kind} file: {_first_line(error)}") from error


def _raw_rows(file: Path) -> Iterator[pa.Table]:
    if _is_csv(file):
        yield from _csv_rows(file)
        return
    reader = pq.ParquetFile(file)
    _check_columns(file, reader.schema_arrow.names)
    for part in reader.iter_batches(batch_size=65_536):
        yield pa.Table.from_batches([part])


def _csv_rows(file: Path) -> Iterator[pa.Table]:
    separator = "\t" if ".tsv" in file.name.lower() else ","
    parsing = pa.csv.ParseOptions(delimiter=separator, newlines_in_values=True)
    reading = pa.csv.ReadOptions(block_size=_CSV_BLOCK_BYTES)
    with pa.csv.open_csv(file, parse_options=parsing, read_options=reading) as reader:
        names = reader.schema.names
    _check_columns(file, names)
    converting = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=[""],
    )
    with pa.csv.open_csv(
        file, parse_options=parsing, read_options=reading, convert_options=converting
    ) as reader:
        for part in reader:
            yield pa.Table.from_batches([part])


def _check_columns(file: Path, names: list[str]) -> None:
    missing = [name for name in _REQUIRED if name not in names]
    if not missing and not set(_VALUES) & set(names):
        missing = ["value (or text)"]
    unknown = [name for name in names if name not in _KNOWN]
    repeated = sorted({name for name in names if names.count(name) > 1})
    for problem, columns in (("lacks", missing), ("has unknown", unknown), ("repeats", repeated)):
        if columns:
            raise ImportFileError(
                f"{file}: {problem} column {', '.join(columns)}; known are {', '.join(_KNOWN)}"
            )


def _rechunked(parts: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Tables of exactly `CHUNK_ROWS` rows, the last one shorter."""
    waiting: list[pa.Table] = []
    rows = 0
    for part in parts:
        waiting.append(part)
        rows += part.num_rows
        while rows >= CHUNK_ROWS:
            table = pa.concat_tables(waiting)
            yield table.slice(0, CHUNK_ROWS)
            waiting, rows = [table.slice(CHUNK_ROWS)], rows - CHUNK_ROWS
    if rows:
        yield pa.concat_tables(waiting)


def _converted(
    con: duckdb.DuckDBPyConnection, file: Path, raw: pa.Table, first_row: int, now: str
) -> pa.Table:
    for name in raw.column_names:
        _check_type(file, raw.schema.field(name))
    con.register("raw_rows", raw)
    con.execute(
        f"create or replace temp table rows as select {_columns(raw.column_names)} from raw_rows",
        {"now": now} if "$now" in _columns(raw.column_names) else {},
    )
    _check_conversions(con, file, raw, first_row)
    _check_rules(con, file, first_row)
    return con.execute("select * from rows order by rowid").to_arrow_table()


def _columns(given: list[str]) -> str:
    parts = []
    for name in _KNOWN:
        if name not in given:
            parts.append(f"{_DEFAULTS[name]} as {name}")
            continue
        converted = _CONVERSIONS[name].format(name)
        default = _DEFAULTS.get(name, "null")
        parts.append(f"coalesce({converted}, {default}) as {name}")
    return ", ".join(parts)


def _check_type(file: Path, column: pa.Field) -> None:
    kind = column.type
    if column.name.endswith("_at") and not (_is_text(kind) or pa.types.is_timestamp(kind)):
        raise ImportFileError(
            f"{file}: column {column.name} is {kind}; it must hold times, or text such as"
            " 2026-01-31T12:00:00Z"
        )
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        raise ImportFileError(f"{file}: column {column.name} is {kind}; it must hold single values")


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _check_conversions(
    con: duckdb.DuckDBPyConnection, file: Path, raw: pa.Table, first_row: int
) -> None:
    """Each value that was given must have become one."""
    for name in raw.column_names:
        if name not in _NEEDED:
            continue
        given = raw[name]
        converted = con.execute(
            f"select {_CONVERSIONS[name].format(name)} is null as failed from raw_rows"
        ).to_arrow_table()["failed"]
        wrong = pa.compute.and_(pa.compute.is_valid(given), converted)
        if (place := pa.compute.index(wrong, value=True).as_py()) >= 0:
            raise ImportFileError(
                f"{file}: row {first_row + place}, column {name}: {given[place].as_py()!r} is not"
                f" {_NEEDED[name]}"
            )


def _check_rules(con: duckdb.DuckDBPyConnection, file: Path, first_row: int) -> None:
    for name, (rule, what) in _RULES.items():
        found = con.execute(
            f"select rowid, {name}::varchar from rows where coalesce({rule}, false) = false"
            " order by rowid limit 1"
        ).fetchone()
        if found is None:
            continue
        row, value = found
        complaint = what
        if name != "value":
            complaint = "is empty" if value is None else f"{value!r} {what}"
        raise ImportFileError(f"{file}: row {first_row + row}, column {name}: {complaint}")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
