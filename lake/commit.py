"""Files that Takt writes into the lake itself, so that they are durable before they are named.

DuckDB neither syncs the Parquet files that it writes nor keeps them when COMMIT reports an
error, although the commit may have become durable. Whoever must not lose rows writes with
`write`, makes them durable with `sync` and only then names them in a transaction with `register`;
see docs/adr/0002.
"""

import datetime as dt
import os
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lake.door import quoted
from lake.schema import PARTITION_DATE, LakeTable
from takt.equipment import is_name


@dataclass(frozen=True)
class NewFile:
    """A Parquet file in its partition's folder that no catalog names yet."""

    table: LakeTable
    path: Path


def write(table: LakeTable, rows: pa.Table, data: Path) -> list[NewFile]:
    """Write rows, one file per partition; they are neither durable nor visible yet.

    Args:
        table: Where they belong.
        rows: The table's columns in any order; `observed_date` is computed here.
        data: Folder of the lake's files.

    Raises:
        OSError: The files cannot be written; nothing is left of them.
        ValueError: The rows do not fit the table; nothing is left of them.
    """
    names = [name for name in table.columns if name != PARTITION_DATE]
    wanted = pa.schema([table.arrow_schema.field(name) for name in names])
    folder = data / table.schema / table.name
    files: list[NewFile] = []
    try:
        for place, part in _partitions(table, rows.select(names).cast(wanted)):
            (folder / place).mkdir(parents=True, exist_ok=True)
            file = NewFile(table, folder / place / f"{uuid.uuid4().hex}.parquet")
            files.append(file)
            pq.write_table(part, file.path, compression="zstd", **_encodings(part.schema))
    except (OSError, ValueError):
        remove(files)
        raise
    return files


def sync(files: Iterable[NewFile], data: Path) -> None:
    """Make files durable, and every folder on the way to them.

    Raises:
        OSError: The disk refuses; the files may be lost at a power cut.
    """
    sync_paths([file.path for file in files], data)


def sync_paths(paths: Sequence[Path], data: Path) -> None:
    """As `sync`, for files that somebody else wrote."""
    folders = {folder for path in paths for folder in path.parents if folder.is_relative_to(data)}
    for path in (*paths, *folders):
        _sync_path(path)


def register(con: duckdb.DuckDBPyConnection, files: Sequence[NewFile]) -> None:
    """Name files in the transaction under way."""
    by_table: dict[LakeTable, list[NewFile]] = defaultdict(list)
    for file in files:
        by_table[file.table].append(file)
    for table, its_files in by_table.items():
        paths = ", ".join(quoted(file.path) for file in its_files)
        con.execute(
            f"CALL ducklake_add_data_files('lake', {quoted(table.name)}, [{paths}],"
            f" schema => {quoted(table.schema)}, hive_partitioning => true)"
        )


def remove(files: Iterable[NewFile]) -> None:
    """Delete files that certainly no catalog names."""
    for file in files:
        with suppress(OSError):
            file.path.unlink()


def _encodings(schema: pa.Schema) -> dict[str, Any]:
    """How the columns are encoded: numbers and times mostly rise by little, texts repeat."""
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    rising = [
        field.name
        for field in schema
        if pa.types.is_int64(field.type) or pa.types.is_timestamp(field.type)
    ]
    return {
        "use_dictionary": texts,
        "column_encoding": dict.fromkeys(rising, "DELTA_BINARY_PACKED"),
    }


def _partitions(table: LakeTable, rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Each partition's folder below the table's, and its rows without the folder's columns."""
    if not table.partitioned_by:
        yield ".", rows
        return
    keys = rows.select(["site"]).append_column(
        PARTITION_DATE, rows["observed_at"].cast(pa.date32())
    )
    others = rows.drop_columns(["site"])
    found = keys.group_by(table.partitioned_by).aggregate([]).to_pylist()
    for key in found:
        place = "/".join(f"{name}={_checked(key[name])}" for name in table.partitioned_by)
        yield place, others if len(found) == 1 else others.filter(_equal(keys, key))


def _equal(keys: pa.Table, key: dict[str, object]) -> pa.ChunkedArray:
    first, *rest = [pc.equal(keys[name], value) for name, value in key.items()]
    for mask in rest:
        first = pc.and_(first, mask)
    return first


def _checked(value: object) -> str:
    """A partition's value as it stands in a path, where it needs no escape."""
    text = str(value)
    if isinstance(value, dt.date) or is_name(text):
        return text
    raise ValueError(f"{text!r} cannot name a partition")


def _sync_path(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
