"""What sources have said lately, so that a repeat is not accepted twice.

Belongs here: keys of samples, kept in the spool's file and written in the transaction that
accepts the samples; a crash loses both or neither.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from hashlib import blake2b

from takt.batch import Sample

_PRUNE_AT_ONCE = 4_000
"""More than one group commit adds, and little enough to delay none."""


class RecentKeys:
    """The keys of the last samples, bounded by age and number.

    Args:
        db: The spool's database; every call belongs inside a transaction.
        age_s: How long a key is kept.
        rows: How many are kept.
    """

    def __init__(self, db: sqlite3.Connection, age_s: float, rows: int) -> None:
        self._db = db
        self._age = int(age_s * 1_000_000)
        self._rows = rows

    def unseen(self, source: str, samples: Sequence[Sample], now: int) -> Iterator[Sample]:
        """The samples that `source` has not said before; from now on it has."""
        for sample in samples:
            cursor = self._db.execute(
                "insert or ignore into recent (observed_at, key, seen_at) values (?, ?, ?)",
                (sample.observed_at, _key(source, sample), now),
            )
            if cursor.rowcount:
                yield sample

    def prune(self, now: int) -> None:
        """Forget what is too old or too much; `now` in µs."""
        # Keys are numbered as they are seen: the oldest have the smallest ids.
        oldest, newest = self._db.execute("select min(id), max(id) from recent").fetchone()
        if oldest is None:
            return
        self._db.execute(
            "delete from recent where id < ? and (id <= ? or seen_at < ?)",
            (oldest + _PRUNE_AT_ONCE, newest - self._rows, now - self._age),
        )


def _key(source: str, sample: Sample) -> int:
    said = repr((source, *sample[:2], *sample[3:6]))
    return int.from_bytes(blake2b(said.encode(), digest_size=8).digest(), signed=True)
