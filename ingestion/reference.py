"""Business files into the lake: a folder is one load, all of it or nothing.

Belongs here: the order of things. What files may say is in `takt.contracts` and the
`reference_*` modules beside this one.
"""

import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb

import lake
from ingestion.reference_checks import Loaded, Values
from ingestion.reference_folder import NothingLoaded, examine
from ingestion.reference_report import Findings, Report, TableChange
from ingestion.reference_rows import FileTable
from ingestion.reference_store import store
from lake.catalog_supervisor import CatalogHome
from takt.settings import Settings

_log = logging.getLogger(__name__)

_LOCK_WAIT_S = 600.0


def check(settings: Settings, folder: Path) -> Report:
    """Check a folder of business files against the contracts and what is loaded.

    Nothing is written; an installation that does not exist yet is not made.
    """
    findings = Findings()
    with _loaded(settings) as loaded:
        tables = examine(folder, loaded, findings)
    return _report(folder, tables, findings)


def load(settings: Settings, folder: Path) -> Report:
    """Load a folder of business files in one transaction; the same folder again changes nothing.

    A folder with any problem is not loaded at all; its report says why.

    Raises:
        lake.locks.LockTimeout: A refresh holds the lake for longer than ten minutes.
    """
    findings = Findings()
    lake.schema.create(settings)
    with (
        lake.locks.refresh_lock(settings, wait_s=_LOCK_WAIT_S),
        closing(lake.open(settings)) as con,
    ):
        tables = examine(folder, LakeTables(con), findings)
        if findings.total:
            return _report(folder, tables, findings)
        load_id, loaded_at = uuid.uuid4().hex, datetime.now(UTC).replace(tzinfo=None)
        changes = store(con, settings, tables, load_id, loaded_at)
    if not any(change.added or change.closed for change in changes):
        return Report(folder, changes)
    _log.info("%s loaded as %s", folder, load_id)
    return Report(folder, changes, load_id=load_id, loaded_at=loaded_at)


_NOT_LOADED = {"closed_period": "marts.dim_period where is_closed"}
"""What files may not contradict although it is no business data."""


class LakeTables:
    """The business data that a lake holds."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def values(self, table: str, columns: Sequence[str]) -> set[Values]:
        """The distinct values of some columns over a table's current rows."""
        rows = _NOT_LOADED.get(table, f"reference.{table} where closed_at is null")
        query = f"select distinct {', '.join(columns)} from {rows}"
        try:
            return set(self._con.execute(query).fetchall())
        except (duckdb.CatalogException, duckdb.BinderException):
            # A home of an older Takt has no such table or column until something is loaded.
            return set()


@contextmanager
def _loaded(settings: Settings) -> Iterator[Loaded]:
    if settings.catalog is None and not CatalogHome(settings.home.resolve()).data.exists():
        yield NothingLoaded()
        return
    with closing(lake.open(settings, read_only=True)) as con:
        yield LakeTables(con)


def _report(folder: Path, tables: Mapping[str, FileTable], findings: Findings) -> Report:
    read = [TableChange(name, table.file, len(table.rows)) for name, table in tables.items()]
    return Report(folder, read, findings.problems, findings.total)
