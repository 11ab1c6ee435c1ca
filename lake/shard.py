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
from lake.errors import LakeUnavailable, OutcomeUnknown
from lake.fence import Fence
from lake.schema import (
    BATCH,
    BATCH_CHECKPOINT,
    HEALTH,
    IMPORT_FILE,
    QUARANTINE,
    QUARANTINE_REPLAY,
    TELEMETRY,
    TRANSPORT_REPEAT,
    LakeTable,
)
from takt.errors import TaktError
from takt.settings import Settings

EARLIEST = dt.datetime(1, 1, 1)  # noqa: DTZ001 -- the lake's times are naive UTC
LATEST = dt.datetime(9999, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001
"""`observed_at` lies between these; a row outside cannot be committed."""
_TAKE_OVER_ATTEMPTS = 10
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
        self._data = Path(door.data_folder(settings))
        self._fence = Fence(self._data, owner_id, shard, settings.ingestion.shards)
        self._con: duckdb.DuckDBPyConnection | None = None
        self._commits: int | None = None

    def take_over(self) -> None:
        """Become the owner; whoever was it before gets `FenceLost` at its next commit.

        Raises:
            LakeUnavailable: Nothing has changed.
            OutcomeUnknown: Call it again.
        """
        for attempt in range(_TAKE_OVER_ATTEMPTS):
            try:
                return self._take_over()
            except OutcomeUnknown:
                # Mostly a commit of the owner before, which lies between our read and write.
                if attempt + 1 == _TAKE_OVER_ATTEMPTS:
                    raise
        return None

    def _take_over(self) -> None:
        files: list[NewFile] = []
        with self._removed_unless_unknown(files), self._transaction() as con:
            files += self._fence.lay(con)
            register(con, files)
        files = []
        with self._removed_unless_unknown(files), self._transaction() as con:
            commits, written = self._fence.take(con)
            files += written
            register(con, files)
        self._commits = commits

    def commit(self, content: Commit) -> None:
        """Make rows and ledger durable and then visible, all or nothing.

        Raises:
            FenceLost: Another owner has taken over; nothing was committed.
            LakeUnavailable: Nothing was committed.
            OutcomeUnknown: Read `epoch_state` again to see whether it was committed.
            OSError: The files cannot be written; nothing was committed.
        """
        files: list[NewFile] = []
        with self._removed_unless_unknown(files):
            for table, rows in content.tables():
                files += write(table, rows, self._data)
            sync(files, self._data)
            with self._transaction() as con:
                commits = self._known_commits(con)
                files += self._fence.move(con, commits)
                register(con, files)
        self._commits = commits + 1

    def epoch_state(self, site: str, collector: str, epoch: str) -> EpochState:
        """What is settled of an epoch.

        A commit after it is refused when another one, of unknown outcome, lands in between.

        Raises:
            FenceLost: Another owner has taken over.
            LakeUnavailable: It cannot be read now.
        """
        of_epoch = "site = ? and collector = ? and epoch = ?"
        # One snapshot for all: maintenance may fold ranges meanwhile.
        with self._connection() as con, door.transaction(con):
            self._known_commits(con)
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
        self._commits = None
        if self._con is not None:
            self._con.close()
            self._con = None

    def _known_commits(self, con: duckdb.DuckDBPyConnection) -> int:
        if self._commits is None:
            self._commits = self._fence.commits(con)
        return self._commits

    @contextmanager
    def _removed_unless_unknown(self, files: list[NewFile]) -> Iterator[None]:
        """Delete files whose commit failed; when it may have happened they stay.

        Those that the catalog does not name after all are removed by maintenance.
        """
        try:
            yield
        except OutcomeUnknown:
            raise
        except (TaktError, OSError, ValueError):
            remove(files)
            raise

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._connection() as con, door.transaction(con):
            yield con
            try:
                con.commit()
            except duckdb.Error as error:
                raise OutcomeUnknown(f"COMMIT failed: {_first_line(error)}") from error

    @contextmanager
    def _connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The open connection; after an error the next one is a new one."""
        try:
            if self._con is None:
                self._con = door.open(self._settings)
                self._con.execute(f"SET memory_limit = '{_MEMORY_LIMIT}'")
                self._con.execute("SET enable_external_file_cache = false")
            yield self._con
        except duckdb.Error as error:
            self.close()
            raise LakeUnavailable(f"the lake cannot be used: {_first_line(error)}") from error
        except BaseException:
            self.close()
            raise


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
