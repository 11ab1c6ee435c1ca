"""Opening the spool's file: made, checked, and what is saved of a damaged one.

Belongs here: when a file counts as damaged and how it is left behind. What lies in it is
`edge.spool_file`.
"""

import logging
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from pydantic import ValidationError

from edge import spool_file
from edge.spool_file import Epoch, LossRow, Mark, StoredBatch
from takt.errors import ConfigurationError

log = logging.getLogger(__name__)


class _DamagedError(Exception):
    """The file cannot be trusted; what is readable moves to a new one."""


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
        with spool_file.transaction(db):
            spool_file.create_tables(db)
            spool_file.create_epoch(db)
    elif version == spool_file.VERSION:
        db.execute(spool_file.PACKET_TABLE)


def _check(db: sqlite3.Connection, path: Path, mark: Epoch | None) -> None:
    version = db.execute("pragma user_version").fetchone()[0]
    if version > spool_file.VERSION:
        raise ConfigurationError(
            f"spool {path} has format {version}, this program knows {spool_file.VERSION};"
            " start the newer version, or move the file away"
        )
    verdict = db.execute("pragma quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise _DamagedError(verdict)
    known = spool_file.epochs(db)
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
        with spool_file.transaction(target):
            spool_file.create_tables(target)
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
    spool_file.create_epoch(
        target, max((epoch.last_received_at for epoch in known.values()), default=0)
    )
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
            return spool_file.epochs(self._damaged)
        except (sqlite3.DatabaseError, ValidationError):
            return []

    def move(self, epoch: Epoch) -> None:
        """Move one epoch's batches with their seqs; declare the others lost."""
        spool_file.insert_epoch(self._target, epoch)
        seq, row = epoch.settled_seq, epoch.settled_row
        for found in self._batches(epoch):
            found_seq = spool_file.split(found.extent.position)[1]
            self._lose(epoch, seq + 1, found_seq - 1, row + 1, found.extent.first_row - 1)
            spool_file.insert_batch(self._target, found)
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
            position = spool_file.at(epoch.number, seq)
            try:
                found = spool_file.read_batches(self._damaged, position, position)
            except (sqlite3.DatabaseError, TypeError):
                continue
            yield from (stored for stored in found if stored.is_intact)

    def _lose(self, epoch: Epoch, first: int, last: int, first_row: int, last_row: int) -> None:
        if first > last:
            return
        rows = max(last_row - first_row + 1, 0)
        position = spool_file.at(epoch.number, first)
        spool_file.insert_loss(
            self._target, LossRow(position, last, first_row, rows, "damaged_spool")
        )
        self.lost += last - first + 1

    @staticmethod
    def _readable(db: sqlite3.Connection, query: str) -> Iterable[tuple[int | str, ...]]:
        try:
            yield from db.execute(query)
        except sqlite3.DatabaseError as error:
            log.warning("damaged spool: %s gives %s; the rest of it is left", query, error)
