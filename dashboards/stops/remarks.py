"""What people say of stops on the pages, until the marts have it.

Belongs here: remembering it and handing it to the terminal, which keeps it on disk. The list is
of this process; what was said is not lost with it, a refresh shows it.
"""

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from edge.terminal import Terminal
from takt.errors import TaktError
from takt.stop_entry import StopEntry

Key = tuple[str, datetime, str, datetime]
"""What an entry is known by: work unit, began, by whom, when."""


class NotKnown(TaktError):
    """Nothing of that name was said here."""


@dataclass(frozen=True)
class Remark:
    """An entry as people see it.

    Attributes:
        entry: What was entered.
        work_unit_name: Of its work unit.
        reason_name: Of its reason.
        stop_ids: The stops that it explains whole; none: a part of one, or it is not known.
        taken_back: The entry that takes it back; None: it holds.
    """

    entry: StopEntry
    work_unit_name: str
    reason_name: str
    stop_ids: tuple[str, ...] = ()
    taken_back: StopEntry | None = None

    @property
    def name(self) -> str:
        """Names the time of which it speaks, for a button."""
        return name_of(self.entry.work_unit_id, self.entry.began, self.entry.ended)


class Remarks:
    """Says things of stops and remembers them, newest first; may be asked by any thread."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._lock = threading.Lock()
        self._remarks: list[Remark] = []

    @property
    def waiting(self) -> int:
        """How many entries the lake does not have yet."""
        return self._terminal.waiting

    @property
    def ailment(self) -> str:
        """What keeps them from leaving; empty: nothing."""
        return self._terminal.ailment

    def pending(self) -> list[Remark]:
        """What the marts do not have yet, newest first."""
        with self._lock:
            return list(self._remarks)

    def said_of(self) -> set[str]:
        """The stops that are explained whole by what the marts do not have yet."""
        return {
            stop_id for each in self.pending() if not each.taken_back for stop_id in each.stop_ids
        }

    def say(self, remarks: Sequence[Remark]) -> None:
        """Enter what was said; after it, it is on disk.

        Raises:
            TaktError: Nothing of it was kept.
        """
        self._terminal.enter([each.entry for each in remarks])
        with self._lock:
            self._remarks[:0] = reversed(remarks)

    def take_back(self, remark: Remark, said_by: str) -> None:
        """Enter that something does not hold; it may be one that the marts have.

        Raises:
            TaktError: It was not kept.
        """
        taken_back = replace(
            remark.entry,
            reason_id=None,
            said_by=said_by,
            said_at=datetime.now(UTC),
            merges=False,
        )
        self._terminal.enter([taken_back])
        with self._lock:
            done = replace(remark, taken_back=taken_back)
            if remark in self._remarks:
                self._remarks[self._remarks.index(remark)] = done
            else:
                self._remarks.insert(0, done)

    def forget(self, known: Collection[Key]) -> None:
        """Leave to the marts what they know."""
        with self._lock:
            self._remarks = [
                each for each in self._remarks if key_of(each.taken_back or each.entry) not in known
            ]


def key_of(entry: StopEntry) -> Key:
    """What an entry is known by."""
    return entry.work_unit_id, entry.began, entry.said_by, entry.said_at


def name_of(work_unit_id: str, began: datetime, ended: datetime) -> str:
    """Names a time of a work unit in one word."""
    return f"{work_unit_id}|{began.isoformat()}|{ended.isoformat()}"
