"""Keeps the lake small and fast: merges files, folds the ledger, expires, removes.

Its own job, never inside ingestion. Whatever it writes is durable before it is visible, and it
removes nothing before every live file was found whole.
"""

import datetime as dt
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psycopg
import pyarrow as pa

from lake import catalog, commit, door, durable, files, locks, retention
from lake.door import quoted
from lake.errors import LakeUnavailable, LockTimeout, OutcomeUnknown
from lake.schema import BATCH, BATCH_CHECKPOINT, INGEST_SHARD, PUBLICATION, RAW, RUN
from takt.progress import Progress, silent
from takt.settings import LakeSettings, Settings

_log = logging.getLogger(__name__)

_SMALL_FILE_BYTES = (16 << 20, 128 << 20)
"""Files below the first size are merged with their like, then those below the second: so a row is
written a few times, however often maintenance runs."""
_DELETED_SHARE = 0.25
"""A file is written anew without its deleted rows when they are more than this share."""
_FOLD_AFTER = dt.timedelta(hours=1)
_FOLD_BATCHES = 1_000
_MEMORY_LIMIT = "1GB"
_REFRESH_LOCK_WAIT_S = 5.0


@dataclass(frozen=True)
class MaintenanceReport:
    """What one run did."""

    merged_tables: int
    live_files: int
    folded_epochs: int
    expired_snapshots: int
    removed_files: int

    def __str__(self) -> str:
        return (
            f"{self.merged_tables} tables merged, {self.live_files} live files whole,"
            f" {self.folded_epochs} epochs folded, {self.expired_snapshots} snapshots expired,"
            f" {self.removed_files} files removed"
        )


def run(
    settings: Settings, progress: Progress = silent, *, now: dt.datetime | None = None
) -> MaintenanceReport:
    """Do all maintenance that is due.

    Args:
        settings: Of the installation; the lake's tables exist.
        progress: Told about each step.
        now: Naive UTC; by default the present.

    Raises:
        LockTimeout: Another maintenance is under way.
        LakeDamaged: A live file is missing or broken; nothing was expired or removed.
        LakeUnavailable: The catalog or the files cannot be used; what was done stays done.
    """
    with _available(), locks.maintenance_lock(settings), closing(_Run(settings, now)) as this:
        steps: list[tuple[str, Callable[[], int]]] = [
            ("merging raw tables", this.merge_raw),
            ("merging the other tables", this.merge_others),
            ("checking files", this.verify),
            ("folding the ledger", this.fold),
            ("expiring snapshots", this.expire),
            ("removing files", this.remove),
        ]
        counts = []
        for done, (what, step) in enumerate(steps):
            progress(what, done, len(steps))
            counts.append(step())
        progress("maintenance", len(steps), len(steps))
    merged_raw, merged_others, *others = counts
    return MaintenanceReport(merged_raw + merged_others, *others)


@dataclass(frozen=True)
class _TableFiles:
    """A table's live files: its folder below the lake's files, and how many there are."""

    schema: str
    table: str
    folder: str
    data_files: int
    delete_files: int

    @property
    def name(self) -> str:
        return f"{self.schema}.{self.table}"

    @property
    def has_work(self) -> bool:
        return self.data_files > 1 or self.delete_files > 0


class _Run:
    """One maintenance under its lock; each step returns how much it did."""

    def __init__(self, settings: Settings, now: dt.datetime | None) -> None:
        self._settings = settings
        self._now = now or dt.datetime.now(dt.UTC).replace(tzinfo=None)
        self._data = Path(door.data_folder(settings))
        self._catalog = catalog.connect(settings)
        if rescued := files.rescue(self._catalog, self._data):
            _log.warning("%d files that a failed merge had removed are back", rescued)
        self._con = door.open(settings)
        self._con.execute(f"SET memory_limit = '{_MEMORY_LIMIT}'")

    def close(self) -> None:
        self._con.close()
        self._catalog.close()

    def merge_raw(self) -> int:
        """Merge what ingestion wrote; it goes on writing meanwhile."""
        # A file of the fence is replaced whole at each commit; a merge would only be in the way.
        mergeable = {table.qualified_name for table in RAW if table is not INGEST_SHARD}
        return self._merge_all(t for t in self._tables_with_files() if t.name in mergeable)

    def merge_others(self) -> int:
        """Merge tables of dbt and of business data, unless a refresh is under way."""
        others = [t for t in self._tables_with_files() if t.schema != "raw"]
        if not any(table.has_work for table in others):
            return 0
        try:
            with locks.refresh_lock(self._settings, wait_s=_REFRESH_LOCK_WAIT_S):
                return self._merge_all(others)
        except LockTimeout:
            _log.info("a refresh is under way; its tables are merged next time")
            return 0

    def fold(self) -> int:
        """Write how far each epoch is settled without a gap, so that nobody reads all of it."""
        rows = self._con.execute(
            _FOLD,
            {
                "now": self._now,
                "before": self._now - _FOLD_AFTER,
                "batches": _FOLD_BATCHES,
            },
        ).to_arrow_table()
        if rows.num_rows:
            self._append_checkpoints(rows)
        return int(rows.num_rows)

    def verify(self) -> int:
        """Find every live file whole."""
        return files.verify(self._catalog, self._data)

    def expire(self) -> int:
        """Let snapshots go that nobody needs."""
        options: LakeSettings = self._settings.lake
        snapshots = self._con.execute(
            "select snapshot_id, snapshot_time::timestamp from lake.snapshots()"
        ).fetchall()
        versions = retention.expired(
            [retention.Snapshot(*row) for row in snapshots],
            now=self._now,
            keep_all=dt.timedelta(hours=options.keep_all_hours),
            keep_hourly=dt.timedelta(days=options.keep_hourly_days),
            needed=self._needed_snapshots(),
        )
        if versions:
            self._con.execute("CALL ducklake_expire_snapshots('lake', versions => ?)", [versions])
        return len(versions)

    def remove(self) -> int:
        """Remove files that no snapshot names, once they are old enough."""
        self._forget_former_fences()
        age = dt.timedelta(hours=self._settings.lake.remove_after_hours)
        older_than = (self._now - age).replace(tzinfo=dt.UTC)
        removed = self._con.execute(
            "CALL ducklake_cleanup_old_files('lake', older_than => ?)", [older_than]
        ).fetchall()
        files.remove_spill(self._settings.home, older_than.timestamp())
        orphans = files.sweep(self._catalog, self._data, older_than.timestamp())
        return len(removed) + len(orphans)

    def _tables_with_files(self) -> list[_TableFiles]:
        return [_TableFiles(*row) for row in self._catalog.execute(_TABLES_WITH_FILES).fetchall()]

    def _merge_all(self, tables: Iterable[_TableFiles]) -> int:
        return sum(self._merge(table) for table in tables if table.has_work)

    def _merge(self, table: _TableFiles) -> bool:
        """Merge one table; whether that changed anything."""
        target = f"'lake', {quoted(table.table)}, schema => {quoted(table.schema)}"
        calls = [
            f"CALL ducklake_merge_adjacent_files({target}, max_file_size => {size})"
            for size in _SMALL_FILE_BYTES
        ]
        if table.delete_files:
            share = f"delete_threshold => {_DELETED_SHARE}"
            calls.insert(0, f"CALL ducklake_rewrite_data_files({target}, {share})")
        return sum(self._rewrite(table, call) for call in calls) > 0

    def _rewrite(self, table: _TableFiles, call: str) -> bool:
        """Run one call that replaces files; the new ones are durable before they are visible."""
        with door.transaction(self._con):
            if not self._con.execute(call).fetchall():
                return False
            try:
                durable.commit(self._con, self._settings, [table.folder])
            except OutcomeUnknown as error:
                _log.warning("%s: merging failed, trying again next time: %s", table.name, error)
                return False
            return True

    def _append_checkpoints(self, rows: pa.Table) -> None:
        written = commit.write(BATCH_CHECKPOINT, rows, self._data)
        commit.sync(written, self._data)
        with door.transaction(self._con):
            commit.register(self._con, written)
            self._con.commit()

    def _needed_snapshots(self) -> set[int]:
        rows = self._con.execute(
            "select unnest([snapshot_id, pinned_snapshot_id])"
            f" from (from {PUBLICATION.qualified_name} order by published_at desc limit 1)"
            f" union all select snapshot_id from {RUN.qualified_name} where finished_at is null"
        ).fetchall()
        return {snapshot_id for (snapshot_id,) in rows if snapshot_id is not None}

    def _forget_former_fences(self) -> None:
        """Drop the fence's former rows from the catalog.

        There is one per commit, nobody ever reads them, and DuckLake fetches all that a snapshot
        still names at each commit: 48 hours of them would make it twenty times slower.
        """
        former = (
            "select data_file_id from ducklake_data_file join ducklake_table t using (table_id)"
            " join ducklake_schema s using (schema_id)"
            " where s.schema_name = %s and starts_with(t.table_name, %s)"
            " and ducklake_data_file.end_snapshot is not null"
        )
        fence = [INGEST_SHARD.schema, INGEST_SHARD.name]
        with self._catalog.transaction():
            ids = [row[0] for row in self._catalog.execute(former, fence).fetchall()]
            for table in ("ducklake_file_column_stats", "ducklake_data_file"):
                self._catalog.execute(f"delete from {table} where data_file_id = any(%s)", [ids])


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise LakeUnavailable(f"maintenance stopped: {str(error).splitlines()[0]}") from error
    except (OSError, psycopg.OperationalError) as error:
        raise LakeUnavailable(f"maintenance stopped: {error}") from error


_TABLES_WITH_FILES = """
    with

    data_files as (
        select table_id, count(*) as files
        from ducklake_data_file
        where end_snapshot is null
        group by table_id
    ),

    delete_files as (
        select table_id, count(*) as files
        from ducklake_delete_file
        where end_snapshot is null
        group by table_id
    )

    select
        schemas.schema_name,
        tables.table_name,
        concat(schemas.path, tables.path),
        data_files.files,
        coalesce(delete_files.files, 0)
    from ducklake_table as tables
    join ducklake_schema as schemas using (schema_id)
    join data_files using (table_id)
    left join delete_files using (table_id)
    where tables.end_snapshot is null and schemas.end_snapshot is null
    order by 1, 2
"""
_FOLD = f"""
    with

    folded as (
        select site, collector, epoch, max(through_seq) as through_seq
        from {BATCH_CHECKPOINT.qualified_name}
        group by all
    ),

    not_folded as (
        select
            batch.*,
            coalesce(folded.through_seq, 0) as folded_seq
        from {BATCH.qualified_name} as batch
        left join folded using (site, collector, epoch)
        where batch.committed_at <= $before
            and batch.first_seq > coalesce(folded.through_seq, 0)
    ),

    marked_when_following as (
        select
            *,
            first_seq = 1 + lag(last_seq, 1, folded_seq) over (
                partition by site, collector, epoch order by first_seq
            ) as is_following
        from not_folded
    ),

    marked_when_without_gap as (
        select
            *,
            bool_and(is_following) over (
                partition by site, collector, epoch order by first_seq
            ) as is_without_gap
        from marked_when_following
    )

    select
        site,
        collector,
        epoch,
        max(last_seq) as through_seq,
        max(first_row + rows - 1) as through_row,
        $now::timestamp as folded_at
    from marked_when_without_gap
    where is_without_gap and rows > 0
    group by site, collector, epoch
    having max(last_seq) - min(folded_seq) >= $batches
"""
