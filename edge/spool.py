"""Store and forward: what was accepted survives until the lake has it.

Belongs here: durability, order, numbering, capacity, recognising repeats. Connecting and
publishing do not; what lies on disk is `edge.spool_file`.

One group commit is one transaction: it encodes the samples into batches, numbers them and
remembers their keys. A sample is *accepted* when the `append` that brought it returned;
before that nothing of it is on disk, after it all of it is (ADR 0001). No batch is ever
open across a commit, hence a crash at any moment leaves whole batches only.
"""

import logging
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from edge import spool_file, spool_opening
from edge.cutting import cuts
from edge.delivery import (
    DeclaredLoss,
    Delivery,
    Outgoing,
    Settlement,
    SpoolFullError,
    SpoolStatus,
)
from edge.overflow import overflow, without_large
from edge.recent_keys import RecentKeys
from edge.recent_packets import RecentPackets
from edge.renumbering import renumber
from edge.spool_file import Epoch, Extent, LossRow, StoredBatch, at
from takt import batch
from takt.batch import Sample

__all__ = [
    "DeclaredLoss",
    "Delivery",
    "Outgoing",
    "Settlement",
    "Spool",
    "SpoolFullError",
    "SpoolStatus",
]

log = logging.getLogger(__name__)

_DROP_SHARE = 0.01
"""Share of the capacity that one overflow frees: few large losses, not one a commit."""


class Spool:
    """The durable queue of one collector; use from one thread at a time.

    Args:
        path: The database file; created with its folder.
        clock: The collector's time, in µs since 1970.
        capacity_bytes: How many bytes of batches may wait.
        max_age_s: How long a batch may wait; None: for ever.
        when_full: What happens beyond either bound: `stop_reading` refuses further samples with
            `SpoolFullError`; `drop_oldest` gives up the oldest batches, declares them lost
            and counts them in `$overflow`.
        recent_keys_age_s: How long a repeat is recognised.
        recent_keys_rows: How many samples are remembered for it.

    Raises:
        ConfigurationError: Another collector has the spool open, or it is of a newer format.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], int],
        *,
        capacity_bytes: int = 1_024_000_000,
        max_age_s: float | None = None,
        when_full: Literal["stop_reading", "drop_oldest"] = "stop_reading",
        recent_keys_age_s: float = 86_400,
        recent_keys_rows: int = 500_000,
    ) -> None:
        self._clock = clock
        self._path = path
        self._capacity = capacity_bytes
        self._max_age = None if max_age_s is None else int(max_age_s * 1_000_000)
        self._when_full = when_full
        spool_opening.make_folder(path.parent)
        self._mark = spool_file.Mark(path.with_suffix(".mark"))
        try:
            self._db = spool_opening.open_file(path, self._mark)
        except BaseException:
            self._mark.close()
            raise
        self._oldest = (0, 0)
        self._epoch = self._committed = spool_file.epochs(self._db)[-1]
        self._held_bytes = 0
        self._has_losses = self._has_closed = False
        self._recent = RecentKeys(self._db, recent_keys_age_s, recent_keys_rows)
        self._packets = RecentPackets(self._db)
        self._refresh()
        self._mark.write(self._epoch)

    @property
    def epoch(self) -> str:
        """Name of the current epoch on the wire; never one that may still be taken back."""
        return self._committed.id

    @property
    def last_seq(self) -> int:
        """Last seq on disk in the current epoch; never one that may be given again."""
        return self._committed.last_seq

    @property
    def last_received_at(self) -> int:
        """Latest collector time given in this epoch, in µs; the clock must not go below it."""
        return self._epoch.last_received_at

    @property
    def has_losses(self) -> bool:
        """Whether losses wait to be settled."""
        return self._has_losses

    @property
    def has_closed(self) -> bool:
        """Whether an epoch ended and this was not yet reported."""
        return self._has_closed

    def append(self, deliveries: Iterable[Delivery]) -> int:
        """Accept samples: number, encode and store them in one synced transaction.

        Returns:
            How many were accepted; repeats and values too large are not.

        Raises:
            SpoolFullError: None was accepted; try again after room was made.
        """
        with self._transaction():
            lost = list(self._make_room())
            samples = list(self._without_repeats(deliveries))
            samples = without_large(samples, self._clock())
            samples += [overflow(rows, why, self._clock()) for rows, why in lost]
            for first, last in cuts(samples):
                self._write_batch(samples[first:last])
        return len(samples)

    def read(
        self, epoch: str | None, first: int, last: int | None = None, *, batches: int
    ) -> list[Outgoing]:
        """Held batches of the epoch being sent, in order.

        An older epoch is sent out whole before a newer one begins. A batch whose bytes no
        longer fit their digest becomes a loss instead, and the next ones are read: nothing
        is returned only when there is nothing.

        Args:
            epoch: Which epoch `first` and `last` speak of; when another one is being sent,
                that is read from its start.
            first: Smallest seq wanted.
            last: Largest seq wanted; None: to the end.
            batches: How many at the most.
        """
        sending = self.sending
        if sending.id != epoch:
            first, last = 1, None
        start = at(sending.number, first)
        end = at(sending.number, sending.last_seq if last is None else last)
        return [
            Outgoing(sending.id, spool_file.split(stored.extent.position)[1], stored.payload)
            for stored in self._read_intact(start, end, batches)
        ]

    def _read_intact(self, start: int, end: int, limit: int) -> list[StoredBatch]:
        while found := spool_file.read_batches(self._db, start, end, limit):
            broken = {stored.extent for stored in found if not stored.is_intact}
            if not broken:
                return found
            self._give_up(sorted(broken))
            if intact := [stored for stored in found if stored.extent not in broken]:
                return intact
        return []

    def losses(self) -> list[DeclaredLoss]:
        """Losses of the epoch being sent that are not settled yet."""
        epoch = self.sending
        return [
            DeclaredLoss(epoch.id, spool_file.split(loss.position)[1], *loss[1:])
            for loss in spool_file.read_losses(self._db)
            if spool_file.split(loss.position)[0] == epoch.number
        ]

    @property
    def sending(self) -> Epoch:
        """The oldest epoch of which anything is held; the current one when nothing is."""
        oldest = self._db.execute(
            "select min(position) from (select min(position) as position from batch"
            " union all select min(position) from loss)"
        ).fetchone()[0]
        if oldest is None:
            return self._epoch
        number = spool_file.split(oldest)[0]
        return next(epoch for epoch in spool_file.epochs(self._db) if epoch.number == number)

    def settle(self, epoch: str, through: int) -> Settlement:
        """Forget what the lake has: every batch of `epoch` up to seq `through`."""
        known = {held.id: held for held in spool_file.epochs(self._db)}.get(epoch)
        if known is None:
            return Settlement.OTHER_EPOCH
        if known.number == self._epoch.number and through > known.last_seq:
            return Settlement.BEYOND
        if through <= known.settled_seq:
            return Settlement.NOTHING_NEW
        with self._transaction():
            self._forget(known, min(through, known.last_seq))
            self._look_again()
        return Settlement.ADVANCED

    def renumber(self, epoch: str) -> bool:
        """Open a new epoch and put all that is held into it, under new seqs and rows.

        Args:
            epoch: The one that cannot go on.

        Returns:
            False when nothing of it is held (any more): nothing was done.
        """
        if epoch not in {held.id for held in spool_file.epochs(self._db)}:
            return False
        with self._transaction():
            renumber(self._db, self._epoch.last_received_at)
            self._refresh()
        return True

    def status(self) -> SpoolStatus:
        """The numbers that health reports."""
        epoch = self._epoch
        return SpoolStatus(
            epoch.id,
            epoch.last_row,
            epoch.settled_row + 1,
            epoch.last_row - epoch.settled_row,
            self._held_bytes,
            shutil.disk_usage(self._path.parent).free,
        )

    def closed(self) -> dict[str, int]:
        """Epochs that ended and were not yet reported, with the rows that were settled."""
        return dict(self._db.execute("select id, rows from closed order by rowid"))

    def forget_closed(self, epoch: str) -> None:
        """The end of this epoch is reported."""
        with self._transaction():
            self._db.execute("delete from closed where id = ?", (epoch,))
            self._look_again()

    def served(self, source: str) -> tuple[str, ...]:
        """Equipment that a source is known to serve."""
        rows = self._db.execute("select equipment from served where source = ?", (source,))
        return tuple(row[0] for row in rows)

    def remember_served(self, source: str, equipment: str) -> None:
        """Remember over restarts that a source serves this equipment."""
        with self._transaction():
            self._db.execute("insert or ignore into served values (?, ?)", (source, equipment))

    def close(self) -> None:
        """Write everything into the one file and free it."""
        self._db.close()
        self._mark.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        before = self._epoch, self._held_bytes, self._has_losses, self._has_closed
        try:
            with spool_file.transaction(self._db):
                yield
        except BaseException as error:
            self._epoch, self._held_bytes, self._has_losses, self._has_closed = before
            if _is_disk_trouble(error):
                raise SpoolFullError(f"the spool's disk says {error}; samples wait") from error
            raise
        self._committed = self._epoch
        self._mark.write(self._epoch)

    def _refresh(self) -> None:
        self._look_again()
        size = self._db.execute("select coalesce(sum(size), 0) from batch").fetchone()[0]
        self._held_bytes = size

    def _look_again(self) -> None:
        self._epoch = spool_file.epochs(self._db)[-1]
        self._has_losses = self._exists("loss")
        self._has_closed = self._exists("closed")

    def _exists(self, table: str) -> bool:
        return bool(self._db.execute(f"select exists (select 1 from {table})").fetchone()[0])

    def _make_room(self) -> Iterator[tuple[int, str]]:
        """Keep the bounds: rows given up, and why.

        Raises:
            SpoolFullError: A bound is reached, and nothing may be given up.
        """
        is_full, is_too_old = self._held_bytes >= self._capacity, self._is_too_old()
        if (is_full or is_too_old) and self._when_full == "stop_reading":
            bound = "its capacity" if is_full else "the oldest older than they may become"
            raise SpoolFullError(
                f"the spool holds {self._held_bytes} bytes of batches, {bound};"
                " sources wait until the lake acknowledges"
            )
        if is_too_old:
            yield self._drop_oldest(self._is_too_old, "expired"), "waited too long in the spool"
        if is_full:
            enough = int(self._capacity * (1 - _DROP_SHARE))
            lost = self._drop_oldest(lambda: self._held_bytes > enough, "overflow")
            yield lost, "the spool is full"

    def _is_too_old(self) -> bool:
        """Whether all samples of the oldest batch have waited longer than they may."""
        if self._max_age is None or (oldest := spool_file.read_extent(self._db)) is None:
            return False
        if oldest.position != self._oldest[0]:
            self._oldest = oldest.position, self._received_at(oldest.position)
        return self._oldest[1] < self._clock() - self._max_age

    def _received_at(self, position: int) -> int:
        """When the last sample of a batch came; now, where its bytes have rotted."""
        [stored] = spool_file.read_batches(self._db, position, position)
        if not stored.is_intact:
            return self._clock()
        table = batch.decode(stored.payload).table
        return int(max(table["received_at"].cast("int64").to_pylist()))

    def _drop_oldest(self, more: Callable[[], bool], cause: str) -> int:
        """Give up the oldest batches while `more` says so; how many rows they held."""
        dropped: list[Extent] = []
        while more() and (oldest := spool_file.read_extent(self._db)) is not None:
            dropped.append(oldest)
            self._delete(oldest.position, oldest.position)
        for run in _runs(dropped):
            self._insert_loss(run, cause)
        lost = sum(row.rows for row in dropped)
        log.error("spool: the oldest %d samples are given up (%s) and declared lost", lost, cause)
        return lost

    def _give_up(self, broken: list[Extent]) -> None:
        log.error("spool: %d batches do not fit their digest; declared lost", len(broken))
        with self._transaction():
            for row in broken:
                self._lose([row], "damaged_spool")

    def _lose(self, run: list[Extent], cause: str) -> None:
        self._delete(run[0].position, run[-1].position)
        self._insert_loss(run, cause)

    def _insert_loss(self, run: list[Extent], cause: str) -> None:
        first, last = run[0], run[-1]
        spool_file.insert_loss(
            self._db,
            LossRow(
                first.position,
                spool_file.split(last.position)[1],
                first.first_row,
                sum(row.rows for row in run),
                cause,
                min(row.first_observed_at for row in run),
                max(row.last_observed_at for row in run),
            ),
        )
        self._has_losses = True

    def _delete(self, first: int, last: int) -> None:
        """Delete the batches at these positions."""
        self._held_bytes -= self._db.execute(
            "select coalesce(sum(size), 0) from batch where position between ? and ?",
            (first, last),
        ).fetchone()[0]
        for table in ("batch", "payload"):
            self._db.execute(f"delete from {table} where position between ? and ?", (first, last))

    def _without_repeats(self, deliveries: Iterable[Delivery]) -> Iterator[Sample]:
        now = self._clock()
        for delivery in deliveries:
            samples = delivery.samples
            if delivery.is_retained:
                since = self._recent.remembers_since()
                samples = [sample for sample in samples if sample.observed_at >= since]
            if delivery.source is not None and delivery.packets is not None:
                samples = self._packets.unseen(delivery.source, delivery.packets, samples)
            elif delivery.source is not None and samples:
                samples = self._recent.unseen(delivery.source, samples, now)
            yield from samples
        self._recent.prune(now)

    def _write_batch(self, samples: list[Sample]) -> None:
        seq, row = self._epoch.last_seq + 1, self._epoch.last_row + 1
        payload = batch.encode(samples, row)
        times = [sample.observed_at for sample in samples]
        extent = Extent(at(self._epoch.number, seq), row, len(samples), min(times), max(times))
        stored = StoredBatch(extent, batch.digest(payload), payload)
        spool_file.insert_batch(self._db, stored)
        self._held_bytes += len(payload)
        received = max(self._epoch.last_received_at, samples[-1].received_at)
        self._set_epoch(last_seq=seq, last_row=row + len(samples) - 1, last_received_at=received)

    def _set_epoch(self, **changes: int) -> None:
        self._epoch = self._epoch.model_copy(update=changes)
        spool_file.insert_epoch(self._db, self._epoch)

    def _forget(self, epoch: Epoch, through: int) -> None:
        first, last = at(epoch.number, 0), at(epoch.number, through)
        row = self._db.execute(
            "select max(row) from (select max(first_row + rows - 1) as row from batch"
            " where position between ?1 and ?2 union all"
            " select max(first_row + rows - 1) from loss"
            " where position between ?1 and ?2 and last_seq <= ?3)",
            (first, last, through),
        ).fetchone()[0]
        self._delete(first, last)
        self._db.execute(
            "delete from loss where position between ? and ? and last_seq <= ?",
            (first, last, through),
        )
        settled_row = max(row or 0, epoch.settled_row)
        spool_file.insert_epoch(
            self._db,
            epoch.model_copy(update={"settled_seq": through, "settled_row": settled_row}),
        )
        if epoch.number != self._epoch.number:
            self._close_drained_epochs()

    def _close_drained_epochs(self) -> None:
        older = {epoch.number for epoch in spool_file.epochs(self._db)} - {self._epoch.number}
        drained = [number for number in older if not self._holds(number)]
        spool_file.close_epochs(self._db, drained)

    def _holds(self, number: int) -> bool:
        within = (at(number, 0), at(number + 1, 0))
        return any(
            self._db.execute(
                f"select 1 from {table} where position >= ? and position < ? limit 1", within
            ).fetchone()
            for table in ("batch", "loss")
        )


def _is_disk_trouble(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF in (
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
    )


def _runs(rows: list[Extent]) -> Iterator[list[Extent]]:
    """Rows in runs without a gap between their positions."""
    run: list[Extent] = []
    for row in rows:
        if run and row.position != run[-1].position + 1:
            yield run
            run = []
        run.append(row)
    if run:
        yield run
