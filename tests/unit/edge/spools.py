"""Spools of tests: what is put into them, and what they hold."""

from pathlib import Path
from typing import NamedTuple

from edge.spool import Delivery, Spool
from edge.spool_file import read_batches, read_losses, split
from takt import batch
from takt.batch import Sample

NOW = 1_700_000_000_000_000


def sample(value: float | None, *, text: str | None = None, observed_at: int = NOW) -> Sample:
    return Sample("assembly/line1/press01", "Count", observed_at, value, text, 0, NOW)


def delivery(*values: float, source: str | None = "line1") -> Delivery:
    return Delivery([sample(float(v), observed_at=NOW + int(v)) for v in values], source)


def open_spool(path: Path, **options) -> Spool:
    return Spool(path, lambda: NOW, **options)


class Entry(NamedTuple):
    """A batch or a loss that the spool holds; `values` are those of the source's samples."""

    epoch: int
    first_seq: int
    last_seq: int
    first_row: int
    rows: int
    values: list[float | None]


def entries(spool: Spool) -> list[Entry]:
    found = []
    for stored in read_batches(spool._db, 0, 2**62, 10**6):
        decoded = batch.decode(stored.payload)
        number, seq = split(stored.extent.position)
        assert (decoded.first_row, decoded.table.num_rows) == stored.extent[1:3]
        values = [row["value"] for row in decoded.table.to_pylist() if row["signal"] != "$overflow"]
        found.append(Entry(number, seq, seq, *stored.extent[1:3], values))
    losses = [
        Entry(*split(loss.position), loss.last_seq, loss.first_row, loss.rows, [])
        for loss in read_losses(spool._db)
    ]
    return sorted(found + losses)


def held(spool: Spool) -> list[float | None]:
    return [value for entry in entries(spool) for value in entry.values]
