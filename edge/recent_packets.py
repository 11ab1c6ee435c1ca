"""Which MQTT packets a source has handed over lately, so that a repeat is not accepted twice.

Belongs here: packet ids with their content, kept in the spool's file and written in the
transaction that accepts the samples; a crash loses both or neither. For messages with a time of
their own `edge.recent_keys` does it, from whatever broker and however late they come again.

A broker that lost us sends again what we have not acknowledged, with the DUP flag and the id
of the first time (MQTT 3.1.1, 4.4). A flagged packet may also be a new value whose first sending
never came, under an id that was free again: it is a repeat only where the last packets show that
their broker does not give ids anew so soon (ADR 0009). In doubt it counts.
"""

import sqlite3
from collections.abc import Sequence
from hashlib import blake2b

from edge.delivery import Packet
from takt.batch import Sample

REMEMBERED = 2_000
"""More than brokers send before they wait for acknowledgements; far less than there are ids."""


class RecentPackets:
    """The last packets of each source, numbered as they were accepted.

    A packet whose id comes again takes the place of the one before it. When as many numbers as
    are remembered are all there, no id has come twice among them.

    Args:
        db: The spool's database; every call belongs inside a transaction.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def unseen(
        self, source: str, packets: Sequence[Packet], samples: Sequence[Sample]
    ) -> Sequence[Sample]:
        """The samples that no repeated packet brought; from now on all packets are known."""
        last = before = self._last_number(source)
        repeated: set[int] = set()
        for packet in packets:
            if packet.is_again and self._is_repeat(source, packet, last):
                repeated.update(map(id, packet.samples))
                continue
            last += 1
            self._remember(source, packet, last)
        if last > before:
            self._forget(source, last - REMEMBERED)
        return [sample for sample in samples if id(sample) not in repeated] if repeated else samples

    def _last_number(self, source: str) -> int:
        query = "select max(number) from packet where source = ?"
        return self._db.execute(query, (source,)).fetchone()[0] or 0

    def _is_repeat(self, source: str, packet: Packet, last: int) -> bool:
        oldest = last - REMEMBERED + 1
        known = self._db.execute(
            "select content, number from packet where source = ? and packet_id = ?",
            (source, packet.id),
        ).fetchone()
        # One that began to number anew from this very id has overwritten none after the oldest.
        if known is None or known[0] != packet.content or known[1] <= oldest:
            return False
        found = self._db.execute(
            "select count(*) from packet where source = ? and number >= ?", (source, oldest)
        ).fetchone()[0]
        return bool(found == REMEMBERED)

    def _remember(self, source: str, packet: Packet, number: int) -> None:
        self._db.execute(
            "insert or replace into packet (source, number, packet_id, content)"
            " values (?, ?, ?, ?)",
            (source, number, packet.id, packet.content),
        )

    def _forget(self, source: str, through: int) -> None:
        self._db.execute("delete from packet where source = ? and number <= ?", (source, through))


def content(topic: str, payload: bytes) -> int:
    """What tells a message from another one under the same id."""
    said = topic.encode() + b"\0" + payload
    return int.from_bytes(blake2b(said, digest_size=8).digest(), signed=True)
