"""What goes into a spool, what comes out of it, and what it says of itself.

Belongs here: the words that a spool shares with sources, writer and forwarder. What a spool
does with them is `edge.spool`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from takt.batch import Sample
from takt.errors import TaktError


class SpoolFullError(TaktError):
    """Nothing was accepted: no room until the lake acknowledges, or no room on the disk."""


class Packet(NamedTuple):
    """An MQTT message of QoS 1 as its broker numbers it.

    Attributes:
        id: 1 to 65,535; free for another message once this one is acknowledged.
        is_again: The broker may have sent it before, under the same id.
        content: Tells it from another message under the same id.
        samples: What was read in it.
    """

    id: int
    is_again: bool
    content: int
    samples: Sequence[Sample]


class Delivery(NamedTuple):
    """Samples that a source hands over and wants accepted together.

    Attributes:
        samples: In the order in which they were seen.
        source: Repeats are recognised within this source; None: nothing is a repeat.
        accepted: Called after the samples are on disk.
        is_retained: The source repeats old values of its own accord; those from before the
            oldest repeat that is remembered are taken for repeats.
        packets: Those that brought the samples, which have no time of their own: repeats are
            recognised by them. None: by the samples themselves.
    """

    samples: Sequence[Sample]
    source: str | None = None
    accepted: Callable[[], None] | None = None
    is_retained: bool = False
    packets: Sequence[Packet] | None = None


class Outgoing(NamedTuple):
    """A stored batch on its way out."""

    epoch: str
    seq: int
    payload: bytes


class DeclaredLoss(NamedTuple):
    """Batches of an epoch that are gone and not yet settled; times in µs."""

    epoch: str
    first_seq: int
    last_seq: int
    first_row: int
    rows: int
    cause: str
    first_observed_at: int | None
    last_observed_at: int | None


class Settlement(Enum):
    """What an acknowledgement meant to the spool."""

    OTHER_EPOCH = auto()
    """It speaks of an epoch of which nothing is held."""
    NOTHING_NEW = auto()
    ADVANCED = auto()
    BEYOND = auto()
    """The lake has batches of the current epoch that this spool never wrote."""


@dataclass(frozen=True)
class SpoolStatus:
    """Cumulative numbers of the current epoch; bytes are those of all held batches.

    Attributes:
        epoch: Its name.
        accepted_rows: Rows accepted so far.
        first_row: First row that is not settled.
        rows: Rows that are not settled, those declared lost among them.
        bytes: Bytes of batches held.
        free_bytes: What the disk has for more.
    """

    epoch: str
    accepted_rows: int
    first_row: int
    rows: int
    bytes: int
    free_bytes: int = 0
