"""How ingestion commits: rows and ledger in one fenced transaction, durable before it is visible.

Belongs here: the commit protocol. What is committed and what becomes of it is decided in
`ingestion`.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from lake import door
from lake.commit import NewFile, register, remove, sync, write
from lake.errors import FenceLost, LakeUnavailable, OutcomeUnknown
from lake.schema import (
    BATCH,
    BATCH_CHECKPOINT,
    HEALTH,
    IMPORT_FILE,
    INGEST_SHARD,
    QUARANTINE,
    QUARANTINE_REPLAY,
    TELEMETRY,
    TRANSPORT_REPEAT,
    LakeTable,
)
from takt.settings import Settings

EARLIEST = dt.datetime(1, 1, 1)  # noqa: DTZ001 -- the lake's times are naive UTC
LATEST = dt.datetime(9999, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001
"""`observed_at` lies between these; a row outside cannot be committed."""
_MEMORY_LIMIT = "256MB"


@dataclass(frozen=True)
class Commit:
    """What becomes visible at once; None and tables without rows add nothing.

    Tables have the columns of `lake.schema` in any order; `observed_date` is computed.
    """

    telemetry: pa.Table | None = None
    batches: pa.Table | None = None
    quarantine: pa.Table | None = None
    health: pa.Table | None = None
    repeats: pa.Table | None = None
    quarantine_replays: pa.Table | None = None
    import_files: pa.Table | None = None

    def tables(self) -> Iterator[tuple[LakeTable, pa.Table]]:
        """Each table that gets rows, and the rows."""
        pairs = (
            (TELEMETRY, self.telemetry),
            (BATCH, self.batches),
            (QUARANTINE, self.quarantine),
            (HEALTH, self.health),
            (TRANSPORT_REPEAT, self.repeats),
            (QUARANTINE_REPLAY, self.quarantine_replays),
            (IMPORT_FILE, self.import_files),
        )
        for table, rows in pairs:
            if rows is not None and rows.num_rows:
                yield table, rows


@dataclass(frozen=True)
class SettledRange:
    """Batches of an epoch that one ledger row settles.

    Attributes:
        first_seq: First batch.
        last_seq: Last batch, inclusive.
        first_row: Row number of the first row.
        rows: How many rows they hold.
        status: `committed`, `quarantined` or `declared_lost`.
        digests: 16 bytes per batch in seq order; empty when lost.
    """

    first_seq: int
    last_seq: int
    first_row: int
    rows: int
    status: str
    digests: bytes


@dataclass(frozen=True)
class EpochState:
    """What the lake knows of a collector's epoch.

    Attributes:
        folded_through_seq: Every batch up to here is settled and folded; 0: none.
        folded_through_row: The last row of those batches.
        ranges: Settled batches after those, in order of their seq.
    """

    folded_through_seq: int
    folded_through_row: int
    ranges: tuple[SettledRange, ...]

    @property
    def settled_through(self) -> int:
        """The highest seq up to which every batch is settled; 0: none."""
        through = self.folded_through_seq
        for settled in self.ranges:
            if settled.first_seq > through + 1:
                break
            through = settled.last_seq
        return through


class ShardWriter:
    """Commits as one owner of a shard; not for use by several threads at once.

    It connects when it is used and anew after each error, so it may live as long as its process.

    Args:
        settings: Of the installation; the lake's tables exist.
        owner_id: Names this process among all that ever owned the shard.
        shard: The part of the collectors that is written by one owner at a time.
    """

    def __init__(self, settings: Settings, owner_id: str, shard: int = 0) -> None:
        self._settings = settings
        self._owner_id = owner_id
        self._shard = shard
        self._data = Path(door.data_folder(settings))
        self._con: duckdb.DuckDBPyConnection | None = None

    def take_over(self) -> None:
        """Become the owner; whoever was it before gets `FenceLost` at its next commit.

        Raises:
            LakeUnavailable: Nothing has changed.
            OutcomeUnknown: Call it again.
        """
        with self._transaction() as con:
            commits = self._commits(con, owner_id=None) or 0
            con.execute(f"delete from {INGEST_SHARD.qualified_name} where shard = ?", [self._shard])
            files = self._write_fence(commits)
            try:
                register(con, files)
            except duckdb.Error:
                remove(files)
                raise

    def commit(self, content: Commit) -> None:
        """Make rows and ledger durable and then visible, all or nothing.

        Raises:
            FenceLost: Another owner has taken over; nothing was committed.
            LakeUnavailable: Nothing was committed.
            OutcomeUnknown: Read `epoch_state` again to see whether it was committed.
            OSError: The files cannot be written; nothing was committed.
        """
        files: list[NewFile] = []
        try:
            for table, rows in content.tables():
                files += write(table, rows, self._data)
            sync(files, self._data)
            with self._transaction() as con:
                files += self._renew_fence(con)
                register(con, files)
        except OutcomeUnknown:
            # The catalog may name the files. If it does not, maintenance removes them.
            raise
        except BaseException:
            remove(files)
            raise

    def epoch_state(self, site: str, collector: str, epoch: str) -> EpochState:
        """What is settled of an epoch.

        Raises:
            LakeUnavailable: It cannot be read now.
        """
        of_epoch = "site = ? and collector = ? and epoch = ?"
        with self._connection() as con:
            through_seq, through_row = con.execute(
                "select coalesce(max(through_seq), 0), coalesce(max(through_row), 0)"
                f" from {BATCH_CHECKPOINT.qualified_name} where {of_epoch}",
                [site, collector, epoch],
            ).fetchall()[0]
            rows = con.execute(
                "select first_seq, last_seq, first_row, rows, status, digests"
                f" from {BATCH.qualified_name}"
                f" where {of_epoch} and first_seq > ? order by first_seq",
                [site, collector, epoch, through_seq],
            ).fetchall()
        return EpochState(through_seq, through_row, tuple(SettledRange(*row) for row in rows))

    def close(self) -> None:
        """Give the connection back; the writer may be used again."""
        if self._con is not None:
            self._con.close()
            self._con = None

    def _renew_fence(self, con: duckdb.DuckDBPyConnection) -> list[NewFile]:
        """Replace the owner's row: of two transactions that do, one fails."""
        commits = self._commits(con, self._owner_id)
        if commits is None:
            raise FenceLost(
                f"shard {self._shard} has another owner than {self._owner_id}; this one stops"
            )
        con.execute(
            f"delete from {INGEST_SHARD.qualified_name} where shard = ? and owner_id = ?",
            [self._shard, self._owner_id],
        )
        return self._write_fence(commits + 1)

    def _commits(self, con: duckdb.DuckDBPyConnection, owner_id: str | None) -> int | None:
        found = con.execute(
            f"select commits from {INGEST_SHARD.qualified_name}"
            " where shard = $shard and owner_id = coalesce($owner_id, owner_id)",
            {"shard": self._shard, "owner_id": owner_id},
        ).fetchall()
        return int(found[0][0]) if found else None

    def _write_fence(self, commits: int) -> list[NewFile]:
        # A file of one row: deleting the row drops the file, so DuckDB never writes one here.
        row = {"shard": self._shard, "owner_id": self._owner_id, "commits": commits}
        rows = pa.Table.from_pylist([row], schema=INGEST_SHARD.arrow_schema)
        files = write(INGEST_SHARD, rows, self._data)
        sync(files, self._data)
        return files

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._connection() as con:
            con.begin()
            try:
                yield con
            except BaseException:
                self.close()
                raise
            try:
                con.commit()
            except duckdb.Error as error:
                self.close()
                raise OutcomeUnknown(f"COMMIT failed: {_first_line(error)}") from error

    @contextmanager
    def _connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The open connection; after an error of the catalog the next one is a new one."""
        try:
            if self._con is None:
                self._con = door.open(self._settings)
                self._con.execute(f"SET memory_limit = '{_MEMORY_LIMIT}'")
                self._con.execute("SET enable_external_file_cache = false")
            yield self._con
        except duckdb.Error as error:
            self.close()
            raise LakeUnavailable(f"the lake cannot be used: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
