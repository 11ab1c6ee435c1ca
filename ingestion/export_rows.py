"""From the lines of a historian's export to rows of the import form (pure but for reading).

Belongs here: columns, times, decimal commas, and which lines cannot be read. A line that cannot
takes no other with it.
"""

import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from ingestion.export_form import UNITS, ExportForm
from takt.errors import TaktError

_NAME = "[A-Za-z0-9][A-Za-z0-9_.-]*"
_LINE = "line of the file"
_TOLD = "value as told"
_SIGNAL = "column of the value"


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


class Rows(NamedTuple):
    """What became of the lines of a file.

    Attributes:
        good: In the import form.
        bad: Number, reason and content of the lines that cannot be read.
        starts: Digests that tell where its first two good lines stand and what they are of: also
            of a file in which one of them has changed since.
    """

    good: pa.Table
    bad: list[tuple[int, str, str]]
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
    return _converted(file, table.append_column(_LINE, lines), form, fixed, [])


def rows_of_csv(file: Path, new: Fresh, form: ExportForm, fixed: Fixed) -> Rows:
    """The rows of the new lines of a CSV file.

    Raises:
        ExportError: It lacks a column, or is no text of its encoding.
    """
    bad: list[tuple[int, str, str]] = []
    skipped: set[int] = set()

    def skip(row: pa.csv.InvalidRow) -> str:
        skipped.add(row.number)
        if row.text.strip():
            why = f"{row.actual_columns} columns instead of {row.expected_columns}"
            bad.append((new.known_lines + row.number - 1, why, row.text))
        return "skip"

    try:
        table = _read_csv(new.content, form, skip)
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise ExportError(f"{file}: no readable CSV file: {error}") from error
    numbers = (
        place for place in range(2, len(skipped) + table.num_rows + 2) if place not in skipped
    )
    lines = pa.array([new.known_lines + place - 1 for place in numbers], pa.int64())
    return _converted(file, table.append_column(_LINE, lines), form, fixed, bad)


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
    bad: list[tuple[int, str, str]],
) -> Rows:
    columns = [name for name in raw.column_names if name != _LINE]
    needed = [form.time_column, form.equipment_column, form.signal_column, form.value_column]
    missing = [name for name in (*needed, *form.signals) if name and name not in columns]
    if missing:
        raise ExportError(f"{file}: lacks column {', '.join(missing)}; it has {', '.join(columns)}")
    # DuckDB tells names apart by more than the case of their letters only.
    doubled = [name for name, times in Counter(map(str.lower, columns)).items() if times > 1]
    if doubled:
        raise ExportError(f"{file}: repeats column {', '.join(doubled)}; name each once")
    query = _query(form, columns)
    used = {name: value for name, value in fixed._asdict().items() if f"${name}" in query}
    try:
        with duckdb.connect() as con:
            con.execute(f"set TimeZone = '{form.time_zone}'")
            con.register("raw", raw)
            con.execute(f"create temp table judged as {query}", used)
            bad = [*bad, *con.execute(_BAD).fetchall()]
            good = con.execute(_GOOD, {"site": fixed.site}).to_arrow_table()
            starts = [_start(fixed.site, *row) for row in con.execute(_STARTS).fetchall()]
    except duckdb.Error as error:
        raise ExportError(f"{file}: {str(error).splitlines()[0]}") from error
    return Rows(good, sorted(bad), starts)


def _start(*told: object) -> str:
    return blake2b(repr(told).encode(), digest_size=8).hexdigest()


def _query(form: ExportForm, columns: list[str]) -> str:
    equipment = _quoted(form.equipment_column) if form.equipment_column else "$equipment"
    told, signal, source = _quoted(form.value_column or _TOLD), "$signal", "raw"
    if form.signal_column:
        signal = _quoted(form.signal_column)
    if wide := list(form.signals) or (form.is_wide and _others(form, columns)):
        names = ", ".join(map(_quoted, wide))
        source = f"(unpivot raw on {names} into name {_quoted(_SIGNAL)} value {_quoted(_TOLD)})"
        cases = " ".join(
            f"when {_text(column)} then {_text(name)}" for column, name in form.signals.items()
        )
        column = _quoted(_SIGNAL)
        signal = f"case {column} {cases} end" if cases else column
    number = f"replace({told}, ',', '.')" if form.decimal == "," else told
    is_empty = f"coalesce({', '.join(map(_quoted, columns))}) is null"
    return (
        f"select {_quoted(_LINE)} as line, {_quoted(form.time_column)} as time_told,"
        f" {_moment(form)} as observed_at, {equipment} as equipment, {signal} as signal,"
        f" {told} as told, try_cast({number} as double) as value from {source}"
        + ("" if wide else f" where not ({is_empty})")
    )


def _others(form: ExportForm, columns: list[str]) -> list[str]:
    return [name for name in columns if name not in (form.time_column, form.equipment_column)]


def _moment(form: ExportForm) -> str:
    told = _quoted(form.time_column)
    if form.time_format == "iso":
        return f"try_cast({told} as timestamptz)"
    if factor := UNITS.get(form.time_format):
        exact = f"try_cast(try_cast({told} as decimal(30, 6)) * {factor} as bigint)"
        return f"make_timestamptz({exact})"
    return f"try_cast(try_strptime({told}, {_text(form.time_format)}) as timestamptz)"


_REASON = f"""
case
    when observed_at is null then 'time ' || coalesce(time_told, '(empty)') || ' cannot be read'
    when observed_at not between timestamptz '1900-01-01 00:00:00+00'
        and timestamptz '2299-12-31 23:59:59+00'
        then 'time ' || time_told || ' is not in 1900 to 2299'
    when not coalesce(regexp_full_match(equipment, '{_NAME}(/{_NAME})*'), false)
        then 'equipment ' || coalesce(equipment, '(empty)') || ' is no path'
    when coalesce(signal, '') = '' or signal like '$%' then 'signal ' || coalesce(signal, '(empty)')
        || ' is no name'
    when told is null then 'value is empty'
    when not isfinite(value) then 'value ' || told || ' is no number'
end
"""
_BAD = f"""
select line, {_REASON} as reason, concat_ws(' | ', time_told, equipment, signal, told)
from judged where {_REASON} is not null order by line
"""
_GOOD = f"""
select
    $site as site, equipment, signal, observed_at, value,
    case when value is null then told end as text, true as is_historical
from judged where {_REASON} is null order by line
"""
_STARTS = f"""
select line, min(equipment), min(signal), min(epoch_us(observed_at))
from judged where {_REASON} is null group by line order by line limit 2
"""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def bad_lines(bad: list[tuple[int, str, str]]) -> Iterator[list[str]]:
    """As rows of the file in which they are kept."""
    yield ["line", "reason", "content"]
    for line, reason, content in bad:
        yield [str(line), reason, content]
