"""The spool's file: tables, positions, opening, and what is saved of a damaged one.

Belongs here: what lies on disk and how a damaged file is left behind. What is accepted,
forwarded and forgotten is `edge.spool`.

A *position* is the number of an epoch in this file and a seq in one integer, so that the
order of positions is the order of sending. Beside `spool.db` lies `spool.mark`: the lock
that keeps a second collector out, and the newest numbers given, written after each commit.
A file that knows less than its mark has lost its tail.
"""

import fcntl
import logging
import os
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from takt import batch
from takt.errors import ConfigurationError

log = logging.getLogger(__name__)

_VERSION = 1
SEQ_BITS = 40
_MARK_BYTES = 512
_PACKET = """
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
{_PACKET};
pragma user_version = {_VERSION};
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


class _DamagedError(Exception):
    """The file cannot be trusted; what is readable moves to a new one."""


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


def make_folder(folder: Path) -> None:
    """Have a folder that outlives a power cut: its name, too, and those on the way to it."""
    holds_new = {each.parent for each in (folder, *folder.parents) if not each.exists()}
    folder.mkdir(parents=True, exist_ok=True)
    for above in folder.parents:
        try:
            _sync_folder(above)
        except OSError:
            # Some may only be passed through, and some file systems cannot sync a folder at all.
            if above in holds_new:
                raise


def open_file(path: Path, mark: Mark) -> sqlite3.Connection:
    """The database at `path`, created where there is none, rebuilt where it is damaged."""
    _finish_replacing(path)
    try:
        return _open_sound(path, mark.read())
    except _DamagedError as error:
        damage = error
    log.error("spool %s is damaged (%s); saving what is readable", path, damage)
    _rebuild(path, mark.read())
    return _open_sound(path, None)


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


def _is_environment(error: Exception) -> bool:
    # A full disk or a missing permission is no damage: the file is fine.
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF in (
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
    )


def _open_sound(path: Path, mark: Epoch | None) -> sqlite3.Connection:
    db = _connect(path)
    try:
        _set_up(db)
        _check(db, path, mark)
    except BaseException as error:
        db.close()
        if isinstance(error, sqlite3.DatabaseError) and not _is_environment(error):
            raise _DamagedError(str(error)) from error
        raise
    return db


def _connect(path: Path) -> sqlite3.Connection:
    # One thread at a time uses it; which one may change.
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def _set_up(db: sqlite3.Connection) -> None:
    db.execute("pragma locking_mode = exclusive")
    db.execute("pragma journal_mode = wal")
    db.execute("pragma synchronous = full")
    version = db.execute("pragma user_version").fetchone()[0]
    if version == 0:
        with transaction(db):
            _create_tables(db)
            create_epoch(db)
    elif version == _VERSION:
        db.execute(_PACKET)


def _create_tables(db: sqlite3.Connection) -> None:
    # Not executescript: that would commit the caller's transaction.
    for statement in _SCHEMA.split(";"):
        db.execute(statement)


def _check(db: sqlite3.Connection, path: Path, mark: Epoch | None) -> None:
    version = db.execute("pragma user_version").fetchone()[0]
    if version > _VERSION:
        raise ConfigurationError(
            f"spool {path} has format {version}, this program knows {_VERSION};"
            " start the newer version, or move the file away"
        )
    verdict = db.execute("pragma quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise _DamagedError(verdict)
    known = epochs(db)
    if not known:
        raise _DamagedError("it names no epoch")
    if mark is not None and _is_behind(known[-1], mark):
        raise _DamagedError(f"it ends at batch {known[-1].last_seq}, {mark.last_seq} were accepted")


def _is_behind(epoch: Epoch, mark: Epoch) -> bool:
    return (epoch.number, epoch.last_seq) < (mark.number, mark.last_seq)


def _rebuild(path: Path, mark: Epoch | None) -> None:
    """Build the successor beside the damaged file, then let them change places.

    A crash at any point repeats the building or finishes the renaming at the next start.
    """
    successor = path.with_suffix(".new")
    successor.unlink(missing_ok=True)
    with closing(_connect(successor)) as target:
        target.execute("pragma synchronous = full")
        with transaction(target):
            _create_tables(target)
            _salvage(path, target, mark)
    path.rename(_aside(path))
    _finish_replacing(path)


def _aside(path: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return path.with_name(f"{path.name}.damaged-{stamp}-{time.time_ns() % 10**6:06}")


def _finish_replacing(path: Path) -> None:
    successor = path.with_suffix(".new")
    if path.exists() or not successor.exists():
        return
    # A log left beside another database would be played into it.
    for suffix in ("-wal", "-shm"):
        log_file = path.with_name(path.name + suffix)
        if log_file.exists():
            log_file.rename(_aside(log_file))
    successor.rename(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _salvage(path: Path, target: sqlite3.Connection, mark: Epoch | None) -> None:
    with closing(_connect(path)) as damaged:
        reader = _Salvage(damaged, target)
        known = {epoch.number: epoch for epoch in reader.epochs()}
        if mark is not None:
            known[mark.number] = _newer(mark, known.get(mark.number))
        for epoch in sorted(known.values(), key=lambda epoch: epoch.number):
            reader.move(epoch)
        reader.copy_keys()
    create_epoch(target, max((epoch.last_received_at for epoch in known.values()), default=0))
    log.error(
        "spool %s: %d batches saved, %d lost; a new epoch begins", path, reader.saved, reader.lost
    )


def _newer(mark: Epoch, stored: Epoch | None) -> Epoch:
    return stored if stored is not None and not _is_behind(stored, mark) else mark


class _Salvage:
    """Moves what is readable, row by row; what is not becomes a loss."""

    def __init__(self, damaged: sqlite3.Connection, target: sqlite3.Connection) -> None:
        self._damaged = damaged
        self._target = target
        self.saved = 0
        self.lost = 0

    def epochs(self) -> list[Epoch]:
        """What the damaged file still says about its epochs."""
        try:
            return epochs(self._damaged)
        except (sqlite3.DatabaseError, ValidationError):
            return []

    def move(self, epoch: Epoch) -> None:
        """Move one epoch's batches with their seqs; declare the others lost."""
        insert_epoch(self._target, epoch)
        seq, row = epoch.settled_seq, epoch.settled_row
        for found in self._batches(epoch):
            found_seq = split(found.extent.position)[1]
            self._lose(epoch, seq + 1, found_seq - 1, row + 1, found.extent.first_row - 1)
            insert_batch(self._target, found)
            seq, row = found_seq, found.extent.first_row + found.extent.rows - 1
            self.saved += 1
        self._lose(epoch, seq + 1, epoch.last_seq, row + 1, epoch.last_row)

    def copy_keys(self) -> None:
        """Copy recent keys and packets and served equipment as far as they can be read."""
        tables = (("served", "?, ?"), ("recent", "?, ?, ?, ?"), ("packet", "?, ?, ?, ?"))
        for table, places in tables:
            for row in self._readable(self._damaged, f"select * from {table}"):
                self._target.execute(f"insert or ignore into {table} values ({places})", row)

    def _batches(self, epoch: Epoch) -> Iterator[StoredBatch]:
        for seq in range(epoch.settled_seq + 1, epoch.last_seq + 1):
            position = at(epoch.number, seq)
            try:
                found = read_batches(self._damaged, position, position)
            except (sqlite3.DatabaseError, TypeError):
                continue
            yield from (stored for stored in found if stored.is_intact)

    def _lose(self, epoch: Epoch, first: int, last: int, first_row: int, last_row: int) -> None:
        if first > last:
            return
        rows = max(last_row - first_row + 1, 0)
        position = at(epoch.number, first)
        insert_loss(self._target, LossRow(position, last, first_row, rows, "damaged_spool"))
        self.lost += last - first + 1

    @staticmethod
    def _readable(db: sqlite3.Connection, query: str) -> Iterable[tuple[int | str, ...]]:
        try:
            yield from db.execute(query)
        except sqlite3.DatabaseError as error:
            log.warning("damaged spool: %s gives %s; the rest of it is left", query, error)
