"""The lake's files on disk beside what the catalog says of them.

Belongs here: where a file of the catalog lies, whether it is whole, and which files nobody
names. Which snapshots may go is decided in `retention`.
"""

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lake.catalog import Connection, connect
from lake.commit import sync_paths
from lake.door import SPILL_PREFIX, data_folder
from lake.errors import LakeDamaged
from lake.ownership import claim
from takt.settings import Settings

_KEPT = ".kept"
_REMEDY = "takt refresh mends tables of dbt; others need a backup"
_NAMED_FILES = """
    select distinct
        concat(schema.schema_name, '.', tables.table_name),
        schema.path, schema.path_is_relative,
        tables.path, tables.path_is_relative,
        file.path, file.path_is_relative,
        file.file_size_bytes,
        num_nulls(schema.end_snapshot, tables.end_snapshot, file.end_snapshot) = 3
    from (
        select table_id, path, path_is_relative, file_size_bytes, end_snapshot
        from ducklake_data_file
        union all
        select table_id, path, path_is_relative, file_size_bytes, end_snapshot
        from ducklake_delete_file
    ) as file
    join ducklake_table as tables using (table_id)
    join ducklake_schema as schema using (schema_id)
"""


@dataclass(frozen=True)
class NamedFile:
    """A file that the catalog names.

    Attributes:
        table: Schema and name of its table.
        path: Where it must lie.
        size: Its size in bytes.
        is_live: Whether the present state of the lake needs it, not only an old snapshot.
    """

    table: str
    path: Path
    size: int
    is_live: bool


def named_files(catalog: Connection, data: Path) -> list[NamedFile]:
    """Every file of every snapshot."""
    found = []
    for table, *parts, size, is_live in catalog.execute(_NAMED_FILES).fetchall():
        path = data
        for name, is_relative in zip(parts[::2], parts[1::2], strict=True):
            # An absolute path stands for itself, as DuckLake has it.
            path = path / str(name) if is_relative else Path(str(name))
        found.append(NamedFile(table, path, size, is_live))
    return found


def scheduled_files(catalog: Connection, data: Path) -> set[Path]:
    """Files that no snapshot needs any more and that wait for their removal."""
    rows = catalog.execute("select path from ducklake_files_scheduled_for_deletion").fetchall()
    return {data / str(path) for (path,) in rows}


def verify(catalog: Connection, data: Path) -> int:
    """Check that each live file exists with its recorded size; how many there are.

    Raises:
        LakeDamaged: One is missing, has another size, or waits for its removal.
    """
    live = [file for file in named_files(catalog, data) if file.is_live]
    for file in live:
        try:
            size = file.path.stat().st_size
        except FileNotFoundError as error:
            raise LakeDamaged(f"{file.path} is missing; {_REMEDY}. Nothing was deleted") from error
        if size != file.size:
            raise LakeDamaged(
                f"{file.path} has {size} bytes instead of {file.size}; {_REMEDY}."
                " Nothing was deleted"
            )
    if doomed := {file.path for file in live} & scheduled_files(catalog, data):
        raise LakeDamaged(
            f"{min(doomed)} is live and scheduled for removal; nothing was deleted. Take a backup"
        )
    return len(live)


def tables_with_missing_files(settings: Settings) -> set[str]:
    """Schema and name of tables that cannot be read until they are made again.

    DuckDB deletes files when it gets no answer to a COMMIT that has happened.
    """
    data = Path(data_folder(settings))
    with connect(settings) as connection:
        live = [file for file in named_files(connection, data) if file.is_live]
    return {file.table for file in live if not file.path.exists()}


def sweep(catalog: Connection, data: Path, older_than: float) -> list[Path]:
    """Remove Parquet files that no snapshot names and that were written before `older_than`.

    Younger ones may belong to a commit under way: they are written before they are named.

    Args:
        catalog: Connection to it.
        data: Folder of the lake's files.
        older_than: Seconds since 1970.

    Returns:
        What was removed.

    Raises:
        ConfigurationError: The folder is not known to be this lake's.
    """
    claim(catalog, data)
    candidates = [path for path in data.rglob("*.parquet") if _is_older(path, older_than)]
    named = {file.path for file in named_files(catalog, data)} | scheduled_files(catalog, data)
    orphans = [path for path in candidates if path not in named]
    for path in orphans:
        path.unlink(missing_ok=True)
    return orphans


def remove_spill(home: Path, older_than: float) -> None:
    """Remove what killed processes left of memory that DuckDB had put on disk."""
    for folder in home.glob(f"{SPILL_PREFIX}*"):
        if _is_older(folder, older_than):
            shutil.rmtree(folder, ignore_errors=True)


def keep(paths: Iterable[Path], data: Path) -> None:
    """Make files durable and give each a second name; undone by `forget` or `rescue`.

    DuckDB deletes what it wrote when COMMIT reports an error, although the commit may have
    happened.
    """
    paths = list(paths)
    sync_paths(paths, data)
    for path in paths:
        with suppress(FileExistsError):
            os.link(path, path.with_name(path.name + _KEPT))


def forget(paths: Iterable[Path]) -> None:
    """Remove the second names of files whose commit is known to have happened."""
    for path in paths:
        path.with_name(path.name + _KEPT).unlink(missing_ok=True)


def rescue(catalog: Connection, data: Path) -> int:
    """Put back files that DuckDB deleted although the catalog names them; how many."""
    second_names = list(data.rglob(f"*{_KEPT}"))
    if not second_names:
        return 0
    named = {file.path for file in named_files(catalog, data)}
    rescued = 0
    for second_name in second_names:
        original = second_name.with_name(second_name.name.removesuffix(_KEPT))
        if original in named and not original.exists():
            os.link(second_name, original)
            sync_paths([original], data)
            rescued += 1
        second_name.unlink()
    return rescued


def written_by_duckdb(folder: Path) -> set[Path]:
    """Files below a table's folder that DuckDB wrote, not ingestion."""
    return set(folder.rglob("ducklake-*.parquet"))


def _is_older(path: Path, than: float) -> bool:
    try:
        return path.stat().st_mtime < than
    except FileNotFoundError:
        return False
