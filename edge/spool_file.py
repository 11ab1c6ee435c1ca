"""The spool's file: its tables, the positions in them, and the mark beside it.

Belongs here: what lies on disk. How a file is opened and a damaged one left behind is
`edge.spool_opening`; what is accepted, forwarded and forgotten is `edge.spool`.

A *position* is the number of an epoch in this file and a seq in one integer, so that the
order of positions is the order of sending. Beside `spool.db` lies `spool.mark`: the lock
that keeps a second collector out, and the newest numbers given, written after each commit.
A file that knows less than its mark has lost its tail.
"""

import fcntl
import logging
import os
import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from takt import batch
from takt.errors import ConfigurationError

log = logging.getLogger(__name__)

VERSION = 1
SEQ_BITS = 40
_MARK_BYTES = 512
PACKET_TABLE = """
create table if not exists packet (
    source text not null,
    number integer not null,
    packet_id integer not null,
    content integer not null,
    primary key (source, number),
    unique (source, packet_id)
) strict, without rowid
"""
"""Files of this version may be older than the table."""
_SCHEMA = f"""
create table epoch (
    number integer primary key,
    id text not null unique,
    last_seq integer not null,
    last_row integer not null,
    settled_seq integer not null,
    settled_row integer not null,
    last_received_at integer not null
) strict;
create table closed (id text primary key, rows integer not null) strict;
create table batch (
    position integer primary key,
    first_row integer not null,
    rows integer not null,
    size integer not null,
    digest text not null,
    first_observed_at integer not null,
    last_observed_at integer not null
) strict;
create table payload (position integer primary key, bytes blob not null) strict;
create table loss (
    position integer primary key,
    last_seq integer not null,
    first_row integer not null,
    rows integer not null,
    cause text not null,
    first_observed_at integer,
    last_observed_at integer
) strict;
create table recent (
    id integer primary key,
    observed_at integer not null,
    key integer not null,
    seen_at integer not null,
    unique (observed_at, key)
) strict;
create table served (
    source text not null,
    equipment text not null,
    primary key (source, equipment)
) strict, without rowid;
{PACKET_TABLE};
pragma user_version = {VERSION};
"""


class Epoch(BaseModel):
    """One life of a numbering: seqs and row numbers count from 1 without gaps.

    Attributes:
        number: Which epoch of this file it is; the largest is the current one.
        id: Its name on the wire.
        last_seq: Last seq given.
        last_row: Last row number given.
        settled_seq: The lake has every batch up to this seq.
        settled_row: Last row of that batch.
        last_received_at: Latest collector time given, in µs.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    number: int
    id: str
    last_seq: int = 0
    last_row: int = 0
    settled_seq: int = 0
    settled_row: int = 0
    last_received_at: int = 0


class Extent(NamedTuple):
    """Where a stored batch stands and what it covers; times in µs."""

    position: int
    first_row: int
    rows: int
    first_observed_at: int
    last_observed_at: int


@dataclass(frozen=True)
class StoredBatch:
    """A batch with its bytes."""

    extent: Extent
    digest: str
    payload: bytes

    @property
    def is_intact(self) -> bool:
        """Whether the bytes are those that were stored."""
        return batch.digest(self.payload) == self.digest


class LossRow(NamedTuple):
    """Seqs from `position` to `last_seq` that are gone, with their rows."""

    position: int
    last_seq: int
    first_row: int
    rows: int
    cause: str
    first_observed_at: int | None = None
    last_observed_at: int | None = None


class Mark:
    """The lock of a spool and its newest numbers, beside the database.

    Raises:
        ConfigurationError: Another process has this spool open.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise ConfigurationError(
                f"spool {path.with_suffix('.db')} is open in another collector;"
                " end that one, or give this one another name or [spool] path"
            ) from error

    def read(self) -> Epoch | None:
        """The numbers last written; None when there are none."""
        try:
            return Epoch.model_validate_json(os.pread(self._descriptor, _MARK_BYTES, 0))
        except ValidationError:
            return None

    def write(self, epoch: Epoch) -> None:
        """Remember the newest numbers; not synced: it must outlive the process, not more."""
        try:
            os.pwrite(self._descriptor, epoch.model_dump_json().encode().ljust(_MARK_BYTES), 0)
        except OSError as error:
            # What it would mark is committed; a mark that lags notices less, and loses nothing.
            log.warning("the spool's mark is not written: %s", error)

    def close(self) -> None:
        """Free the lock."""
        os.close(self._descriptor)


def at(number: int, seq: int) -> int:
    """The position of `seq` in epoch `number`."""
    return number << SEQ_BITS | seq


def split(position: int) -> tuple[int, int]:
    """The number of the epoch and the seq of a position."""
    return position >> SEQ_BITS, position & ((1 << SEQ_BITS) - 1)


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; after it the data is on disk."""
    db.execute("begin immediate")
    try:
        yield
        db.execute("commit")
    finally:
        if db.in_transaction:
            db.execute("rollback")


def create_tables(db: sqlite3.Connection) -> None:
    """Lay out an empty file, inside the caller's transaction."""
    # Not executescript: that would commit it.
    for statement in _SCHEMA.split(";"):
        db.execute(statement)


def create_epoch(db: sqlite3.Connection, last_received_at: int = 0) -> Epoch:
    """Open a new epoch, inside the caller's transaction."""
    number = db.execute("select coalesce(max(number), 0) + 1 from epoch").fetchone()[0]
    epoch = Epoch(number=number, id=str(uuid.uuid4()), last_received_at=last_received_at)
    insert_epoch(db, epoch)
    return epoch


def insert_epoch(db: sqlite3.Connection, epoch: Epoch) -> None:
    """Store an epoch, replacing what is known of it."""
    db.execute(
        "insert or replace into epoch values (:number, :id, :last_seq, :last_row,"
        " :settled_seq, :settled_row, :last_received_at)",
        epoch.model_dump(),
    )


def epochs(db: sqlite3.Connection) -> list[Epoch]:
    """All epochs of the file, oldest first."""
    cursor = db.execute("select * from epoch order by number")
    names = [column[0] for column in cursor.description]
    return [Epoch(**dict(zip(names, row, strict=True))) for row in cursor]


def close_epochs(db: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """End epochs of which nothing is held any more; how far they were settled is kept."""
    for number in numbers:
        db.execute(
            "insert into closed select id, settled_row from epoch where number = ?", (number,)
        )
        db.execute("delete from epoch where number = ?", (number,))


def insert_batch(db: sqlite3.Connection, stored: StoredBatch) -> None:
    """Store a batch, inside the caller's transaction."""
    position, *covers = stored.extent
    db.execute(
        "insert into batch (position, first_row, rows, first_observed_at, last_observed_at,"
        " size, digest) values (?, ?, ?, ?, ?, ?, ?)",
        (position, *covers, len(stored.payload), stored.digest),
    )
    db.execute("insert into payload values (?, ?)", (position, stored.payload))


def read_batches(
    db: sqlite3.Connection, first: int, last: int, limit: int = 1
) -> list[StoredBatch]:
    """Stored batches at positions `first` to `last`; a payload that is gone is empty."""
    rows = db.execute(
        "select position, first_row, rows, first_observed_at, last_observed_at, digest, bytes"
        " from batch left join payload using (position)"
        " where position between ? and ? order by position limit ?",
        (first, last, limit),
    )
    return [StoredBatch(Extent(*row[:5]), row[5], row[6] or b"") for row in rows]


def read_extent(db: sqlite3.Connection) -> Extent | None:
    """What the oldest stored batch covers; None when there is none."""
    row = db.execute(
        "select position, first_row, rows, first_observed_at, last_observed_at"
        " from batch order by position limit 1"
    ).fetchone()
    return None if row is None else Extent(*row)


def insert_loss(db: sqlite3.Connection, loss: LossRow) -> None:
    """Store a loss, inside the caller's transaction."""
    db.execute("insert into loss values (?, ?, ?, ?, ?, ?, ?)", loss)


def read_losses(db: sqlite3.Connection) -> list[LossRow]:
    """All losses that are not settled, in the order of sending."""
    return [LossRow(*row) for row in db.execute("select * from loss order by position")]
