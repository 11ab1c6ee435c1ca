"""All that a spool holds, put into a new epoch under new seqs and rows.

Belongs here: what becomes of batches and losses when the lake refuses an epoch's numbers. When
that is so, `edge.spool` decides.
"""

import logging
import sqlite3

from edge import spool_file
from edge.spool_file import Epoch, LossRow, StoredBatch, at
from takt import batch
from takt.errors import BatchError

log = logging.getLogger(__name__)


def renumber(db: sqlite3.Connection, last_received_at: int) -> None:
    """Open a new epoch and move everything into it, inside the caller's transaction."""
    fresh = spool_file.create_epoch(db, last_received_at)
    end = at(fresh.number, 0)
    losses = {loss.position: loss for loss in spool_file.read_losses(db)}
    positions = [row[0] for row in db.execute("select position from batch")]
    for position in sorted([*positions, *losses]):
        fresh = _move(db, position, losses.get(position), fresh)
    for table in ("batch", "payload", "loss"):
        db.execute(f"delete from {table} where position < ?", (end,))
    older = [held.number for held in spool_file.epochs(db)]
    spool_file.close_epochs(db, set(older) - {fresh.number})
    spool_file.insert_epoch(db, fresh)


def _move(db: sqlite3.Connection, position: int, loss: LossRow | None, fresh: Epoch) -> Epoch:
    """Put one held batch or loss under the next seq of the epoch `fresh`."""
    seq, row = fresh.last_seq + 1, fresh.last_row + 1
    new_position = at(fresh.number, seq)
    if loss is not None and loss.rows == 0:
        return fresh
    if loss is None:
        [stored] = spool_file.read_batches(db, position, position)
        rows = stored.extent.rows
        loss = _move_batch(db, stored, new_position, row)
    else:
        rows = loss.rows
    if loss is not None:
        moved = loss._replace(position=new_position, last_seq=seq, first_row=row)
        spool_file.insert_loss(db, moved)
    return fresh.model_copy(update={"last_seq": seq, "last_row": row + rows - 1})


def _move_batch(
    db: sqlite3.Connection, stored: StoredBatch, position: int, first_row: int
) -> LossRow | None:
    """Store the batch again at `position`; what has rotted is returned as a loss."""
    extent = stored.extent._replace(position=position, first_row=first_row)
    try:
        payload = _encode_again(stored, first_row)
    except BatchError as error:
        log.warning("spool: a held batch is damaged (%s); it is declared lost", error)
        seq = spool_file.split(position)[1]
        return LossRow(position, seq, *extent[1:3], "damaged_spool", *extent[3:])
    spool_file.insert_batch(db, StoredBatch(extent, batch.digest(payload), payload))
    return None


def _encode_again(stored: StoredBatch, first_row: int) -> bytes:
    # A new digest would vouch for whatever decodes.
    if not stored.is_intact:
        raise BatchError("damaged", "the bytes do not fit their digest")
    return batch.encode_table(batch.decode(stored.payload).table, first_row)
