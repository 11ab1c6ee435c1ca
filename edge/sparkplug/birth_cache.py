"""Births on disk, as they came: after a restart their aliases are known at once.

Belongs here: keeping payloads. They are read by the same code that reads them from the broker,
so there is no second form of them.
"""

import logging
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from edge.sparkplug.node import Born
from edge.sparkplug.reading import UndecodableError, decode
from edge.sparkplug.topic import NodeId
from takt.errors import TaktError

log = logging.getLogger(__name__)

_SCHEMA = """
create table if not exists birth (
    group_id text not null,
    node_id text not null,
    device_id text not null,
    payload blob not null,
    primary key (group_id, node_id, device_id)
) strict;
"""


class BirthCacheError(TaktError):
    """The births cannot be kept; says why."""


class BirthCache:
    """The births that hold, in one file; use from one thread at a time.

    Args:
        path: The file. Births can be heard again: one that is damaged is put aside, and where
            none can be opened they are kept in memory.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = _opened(path)
        except (OSError, sqlite3.Error) as error:
            log.warning(
                "%s cannot be opened (%s): after a restart births must be heard again", path, error
            )
            self._db = _open(Path(":memory:"))

    def births(self) -> Iterator[Born]:
        """Every birth that holds; a node's own before its devices'."""
        rows = self._db.execute("select * from birth order by group_id, node_id, device_id")
        for group, node, device, content in rows.fetchall():
            try:
                yield Born(NodeId(group, node), device, decode(content))
            except UndecodableError:
                continue

    def keep(self, changes: Iterable[Born]) -> None:
        """Write births and ends of births, in order, in one synced transaction.

        Raises:
            BirthCacheError: The disk refuses.
        """
        try:
            with self._db:
                for born in changes:
                    self._keep(born)
        except sqlite3.Error as error:
            raise BirthCacheError(f"births cannot be kept: {error}") from error

    def close(self) -> None:
        """Free the file."""
        self._db.close()

    def _keep(self, born: Born) -> None:
        node = tuple(born.node)
        if born.device:
            self._db.execute(
                "delete from birth where group_id = ? and node_id = ? and device_id = ?",
                (*node, born.device),
            )
        else:
            # With the birth of a node those of its devices end; they follow it.
            self._db.execute("delete from birth where group_id = ? and node_id = ?", node)
        if born.payload is not None:
            self._db.execute(
                "insert into birth values (?, ?, ?, ?)",
                (*node, born.device, born.payload.SerializeToString()),
            )


def _opened(path: Path) -> sqlite3.Connection:
    try:
        return _open(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        log.warning("%s is damaged (%s) and put aside; births must be heard again", path, error)
        path.replace(path.with_suffix(".damaged"))
        for rest in ("-wal", "-shm"):
            path.with_name(path.name + rest).unlink(missing_ok=True)
        return _open(path)


def _open(path: Path) -> sqlite3.Connection:
    # Other threads than this one write; never two at a time.
    db = sqlite3.connect(path, check_same_thread=False)
    try:
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = full")
        db.executescript(_SCHEMA)
        db.execute("select count(*) from birth").fetchone()
    except BaseException:
        db.close()
        raise
    return db
