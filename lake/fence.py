"""The fence of a shard: the one row that only its present owner can move.

Appends of two writers never conflict, so an ingestor that was paused would double its data
when it wakes up. Each commit moves its shard's fence: two that do so cannot both succeed, and a
former owner finds no row of its own. See docs/adr/0002 and 0006.
"""

from pathlib import Path

import duckdb
import pyarrow as pa

from lake.commit import NewFile, sync, write
from lake.errors import FenceLost, LakeUnavailable
from lake.schema import INGEST_LAYOUT, SIDE_SHARD, LakeTable, fence_table


class Fence:
    """The fence of one shard in the hands of one owner; every call is part of a transaction.

    Args:
        data: Folder of the lake's files.
        owner_id: Names the owner among all that ever owned the shard.
        shard: Which.
        shards: By how many the collectors are divided.
    """

    def __init__(self, data: Path, owner_id: str, shard: int, shards: int) -> None:
        self._data = data
        self._owner_id = owner_id
        self._shard = shard
        self._shards = shards
        self._table = fence_table(shard)

    def commits(self, con: duckdb.DuckDBPyConnection) -> int:
        """How many commits the shard has seen.

        Raises:
            FenceLost: It has another owner.
        """
        found = con.execute(
            f"select commits from {self._table.qualified_name} where shard = ? and owner_id = ?",
            [self._shard, self._owner_id],
        ).fetchone()
        if found is None:
            raise self._lost()
        return int(found[0])

    def move(self, con: duckdb.DuckDBPyConnection, commits: int) -> list[NewFile]:
        """Count one commit more than the `commits` known; of two that do, one fails.

        Raises:
            FenceLost: The shard has another owner.
            LakeUnavailable: The shard has seen a commit that the owner does not know of: one
                whose outcome was unknown has landed since the ledger was read.
        """
        deleted = con.execute(
            f"delete from {self._table.qualified_name}"
            " where shard = ? and owner_id = ? and commits = ?",
            [self._shard, self._owner_id, commits],
        ).fetchone()
        if deleted != (1,):
            found = self.commits(con)
            raise LakeUnavailable(
                f"shard {self._shard} has seen {found} commits, not {commits}: one came late"
            )
        return self._row(commits + 1)

    def lay(self, con: duckdb.DuckDBPyConnection) -> list[NewFile]:
        """Write the layout's row where there is none yet; in a transaction before `take`."""
        rows = con.execute(f"select count(*) from {INGEST_LAYOUT.qualified_name}").fetchone()
        if self._shard == SIDE_SHARD or rows != (0,):
            return []
        return self._file(INGEST_LAYOUT, {"shards": 1, "take_overs": 0})

    def take(self, con: duckdb.DuckDBPyConnection) -> tuple[int, list[NewFile]]:
        """Become the owner; the commits so far and the files to register."""
        former = con.execute(
            f"select max(commits) from {self._table.qualified_name} where shard = ?", [self._shard]
        ).fetchone()
        commits = (former and former[0]) or 0
        con.execute(f"delete from {self._table.qualified_name} where shard = ?", [self._shard])
        files = [] if self._shard == SIDE_SHARD else self._take_layout(con)
        return commits, files + self._row(commits)

    def _take_layout(self, con: duckdb.DuckDBPyConnection) -> list[NewFile]:
        """Move the layout's row; where collectors were divided otherwise, all lose their shards.

        Else the owner of a shard that is no more could still commit. Of two that take over at
        once one fails, for both delete the row.
        """
        shards, take_overs = con.execute(
            f"select max(shards), max(take_overs) from {INGEST_LAYOUT.qualified_name}"
        ).fetchall()[0]
        con.execute(f"delete from {INGEST_LAYOUT.qualified_name}")
        if shards != self._shards:
            for shard in range(shards):
                con.execute(f"delete from {fence_table(shard).qualified_name} where shard >= 0")
        row = {"shards": self._shards, "take_overs": take_overs + 1}
        return self._file(INGEST_LAYOUT, row)

    def _row(self, commits: int) -> list[NewFile]:
        row = {"shard": self._shard, "owner_id": self._owner_id, "commits": commits}
        return self._file(self._table, row)

    def _file(self, table: LakeTable, row: dict[str, object]) -> list[NewFile]:
        # A file of one row: deleting the row drops the file, so DuckDB never writes one here.
        rows = pa.Table.from_pylist([row], schema=table.arrow_schema)
        files = write(table, rows, self._data)
        sync(files, self._data)
        return files

    def _lost(self) -> FenceLost:
        return FenceLost(f"shard {self._shard} has another owner than {self._owner_id}")
