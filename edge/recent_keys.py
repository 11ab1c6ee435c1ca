"""What sources have said lately, so that a repeat is not accepted twice.

Belongs here: keys of samples, kept in the spool's file and written in the transaction that
accepts the samples; a crash loses both or neither.
"""

import sqlite3
from collections.abc import Sequence
from hashlib import blake2b

from takt.batch import Sample

_PRUNE_AT_LEAST = 4_000
"""At once; little enough to delay no commit."""
_INSERT = "insert or ignore into recent (observed_at, key, seen_at) values (?, ?, ?)"


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
        self._added = 0

    def unseen(self, source: str, samples: Sequence[Sample], now: int) -> Sequence[Sample]:
        """The samples that `source` has not said before; from now on it has."""
        keys = [(sample.observed_at, _key(source, sample), now) for sample in samples]
        self._db.execute("savepoint keys")
        self._added += len(keys)
        added = self._db.executemany(_INSERT, keys).rowcount
        if added == len(keys):
            self._db.execute("release keys")
            return samples
        # Which of them are repeats only one question each can tell.
        self._db.execute("rollback to keys")
        self._db.execute("release keys")
        return [
            sample
            for sample, key in zip(samples, keys, strict=True)
            if self._db.execute(_INSERT, key).rowcount
        ]

    def remembers_since(self) -> int:
        """From when on no key has been forgotten, in µs; 0 when none has been at all."""
        first = self._db.execute("select id, seen_at from recent order by id limit 1").fetchone()
        # Keys are numbered from 1 as they are seen.
        return 0 if first is None or first[0] == 1 else int(first[1])

    def prune(self, now: int) -> None:
        """Forget what is too old or too much; `now` in µs."""
        # Keys are numbered as they are seen: the oldest have the smallest ids. The newest
        # stays, or numbering would begin at 1 again and seem to have forgotten nothing.
        oldest, newest = self._db.execute("select min(id), max(id) from recent").fetchone()
        if oldest is None:
            return
        # Twice what was added: however much comes, the bound is reached again.
        at_once, self._added = max(_PRUNE_AT_LEAST, 2 * self._added), 0
        self._db.execute(
            "delete from recent where id < ? and (id <= ? or seen_at < ?)",
            (
                min(oldest + at_once, newest),
                newest - self._rows,
                now - self._age,
            ),
        )


def _key(source: str, sample: Sample) -> int:
    said = repr((source, *sample[:2], *sample[3:6]))
    return int.from_bytes(blake2b(said.encode(), digest_size=8).digest(), signed=True)
