"""A lake with every mart and no row, to copy: the transformations make it once for all workers.

Creating the tables takes as long as the rest of a first build. Tests that are not about it begin
here and build in full, which computes the same: nothing of what stands there is built upon.
"""

import fcntl
import shutil
from contextlib import closing
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from pipelines import dbt
from takt.settings import Settings
from tests.parsed_project import share_parsed_project

_CATALOG_TABLES = "select tablename from pg_tables where schemaname = 'public'"


def make_once(empty: Settings, folder: Path) -> None:
    """Have what a built lake consists of in `folder`; `empty` is a lake to build it in."""
    with folder.with_suffix(".lock").open("w") as lock:
        # Who comes while another worker builds takes what that one made.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return
        share_parsed_project(empty.home)
        dbt.build(empty, variables={})
        unfinished = folder.with_suffix(".unfinished")
        shutil.copytree(empty.data_path, unfinished / "data")
        _write_catalog(str(empty.catalog), unfinished)
        unfinished.rename(folder)


def _write_catalog(catalog: str, folder: Path) -> None:
    with closing(psycopg.connect(catalog)) as connection:
        for (table,) in connection.execute(_CATALOG_TABLES).fetchall():
            told = SQL("copy {} to stdout").format(Identifier(table))
            with (folder / table).open("wb") as file, connection.cursor().copy(told) as rows:
                file.writelines(rows)


def read_catalog(server: str, database: str, folder: Path) -> None:
    """Make the catalog of an empty lake the one that was written to `folder`."""
    with psycopg.connect(make_conninfo(server, dbname=database)) as connection:
        for (table,) in connection.execute(_CATALOG_TABLES).fetchall():
            name = Identifier(table)
            connection.execute(SQL("truncate {}").format(name))
            with connection.cursor().copy(SQL("copy {} from stdin").format(name)) as rows:
                rows.write((folder / table).read_bytes())
