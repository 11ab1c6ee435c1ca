"""One edge node: from births over data to deaths, in the order of its sequence numbers.

Belongs here: which message is applied when, and what it changes. A node without a birth says
nothing that can be read; its messages wait a moment, since the birth may be on its way.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from edge.clock import EARLIEST, LATEST
from edge.sparkplug.birth import Definitions, bd_seq_of, definitions_of
from edge.sparkplug.equipment import EquipmentError, EquipmentNames
from edge.sparkplug.reading import Context, Read, Reader
from edge.sparkplug.recent import Recent
from edge.sparkplug.sequence import ROUND, Sequence
from edge.sparkplug.sparkplug_b_pb2 import Payload
from edge.sparkplug.topic import Kind, NodeId
from takt.batch import Quality

_GAP = "a gap in its sequence"
_MAX_EARLY = 500
"""Messages that wait for a birth at the most."""
_REBORN_WITHIN = 10_000_000
"""µs after its node's birth in which a device is expected to be born again."""


class Message(NamedTuple):
    """A message of the node or of one of its devices (else the device is empty)."""

    kind: Kind
    device: str
    payload: Payload
    received_at: int


class LostEquipment(NamedTuple):
    """Equipment that is no longer heard; `at` in µs, None: now."""

    equipment: tuple[str, ...]
    reason: str
    at: int | None = None


class Born(NamedTuple):
    """A birth to keep on disk; None: what was kept of the device, or of the node, is over."""

    node: NodeId
    device: str
    payload: Payload | None


@dataclass
class Outcome:
    """What messages have led to.

    Attributes:
        read: Samples.
        born: Births and deaths, for the disk.
        link: Losses, and equipment that is heard (again), in order.
    """

    read: Read = field(default_factory=Read)
    born: list[Born] = field(default_factory=list)
    link: list[LostEquipment | str] = field(default_factory=list)


class EdgeNode:
    """The session of an edge node, as far as it was heard.

    Args:
        node_id: Its name.
        names: Equipment paths.
        recent: What has been said lately.
        patience: How long, in µs, a message waits for an earlier one.

    Attributes:
        counts: What it did and did wrong since they were last taken.
        clock_offset: The least, in µs, by which messages came later than they were sent.
        wants_rebirth: Why its births must be said again; empty: no need.
    """

    def __init__(
        self, node_id: NodeId, names: EquipmentNames, recent: Recent, patience: int
    ) -> None:
        self.id = node_id
        self.counts: Counter[str] = Counter()
        self.clock_offset: int | None = None
        self.wants_rebirth = ""
        self._names = names
        self._patience = patience
        self._sequence: Sequence[Message] = Sequence(patience, self.counts)
        self._reader = Reader(self.counts, recent)
        self._bd_seq: int | None = None
        self._definitions: dict[str, Definitions] = {}
        self._alias_owners: dict[int, str] = {}
        self._early: list[Message] = []
        self._awaited: dict[str, int] = {}
        self._is_heard = False
        self._from_before: set[str] = set()

    @property
    def equipment(self) -> str | None:
        """Its own path, if it has one."""
        try:
            return self._names.path(self.id, "")
        except EquipmentError:
            return None

    @property
    def is_waiting(self) -> bool:
        """Whether time alone may change something."""
        return bool(self._early or self._awaited or self._sequence.is_waiting)

    def restore(self, device: str, payload: Payload) -> None:
        """A birth that was kept on disk; the node's own comes first."""
        if not device:
            self._bd_seq = bd_seq_of(payload)
        if device == "" or "" in self._definitions:
            self._declare(device, payload, Read())
        self.counts.clear()

    def reconnected(self, outcome: Outcome) -> None:
        """We were away: nobody knows what was said meanwhile, nor whether the node lives."""
        self._apply_all(self._sequence.flush(), outcome)
        self.counts["data_before_birth"] += len(self._early)
        self._early.clear()
        self._sequence.forget()
        self._is_heard = False
        self._from_before = set(self._definitions)

    def receive(self, message: Message, outcome: Outcome) -> None:
        """Take a message as it came."""
        self.counts["messages"] += 1
        if message.kind is Kind.NDEATH:
            # Its time is that of the connection's begin: it says nothing of the clock.
            self._die(message, outcome)
            return
        self._note_clock(message)
        if message.kind is Kind.NBIRTH:
            self._apply_all(self._sequence.flush(), outcome)
            self._give_birth(message, outcome)
        elif "" not in self._definitions:
            self._early.append(message)
            if len(self._early) > _MAX_EARLY:
                del self._early[0]
                self._count_unborn(1)
        elif not message.payload.HasField("seq"):
            self.counts["without_seq"] += 1
            self._apply(message, outcome)
        else:
            gaps = self.counts["gaps"]
            seq = message.payload.seq % ROUND
            self._apply_all(self._sequence.offer(seq, message, message.received_at), outcome)
            if self.counts["gaps"] > gaps:
                self.wants_rebirth = _GAP

    def wait(self, now: int, outcome: Outcome) -> None:
        """Time has passed: what waited too long is applied, or left out."""
        if late := self._sequence.overdue(now):
            self.wants_rebirth = _GAP
            self._apply_all(late, outcome)
        waiting = [m for m in self._early if now - m.received_at < self._patience]
        if len(waiting) < len(self._early):
            self._count_unborn(len(self._early) - len(waiting))
            self._early = waiting
        for device in [name for name, until in self._awaited.items() if now >= until]:
            del self._awaited[device]
            self._lose([self._definitions.pop(device, None)], "not born again", outcome)
            outcome.born.append(Born(self.id, device, None))

    def _apply_all(self, messages: Iterable[Message], outcome: Outcome) -> None:
        for message in messages:
            self._apply(message, outcome)

    def _apply(self, message: Message, outcome: Outcome) -> None:
        kind, device, payload, received_at = message
        if kind is Kind.DDEATH:
            self._lose_device(device, payload.timestamp, outcome)
        elif kind is Kind.DBIRTH:
            self._awaited.pop(device, None)
            self._declare(device, payload, outcome.read)
            self._born(device, payload, received_at, outcome)
        elif (known := self._definitions.get(device)) is None or device in self._awaited:
            self._count_unborn(1)
        else:
            self._hear(outcome)
            if known.equipment is None:
                self.counts["refused_metrics"] += len(payload.metrics)
            elif self._reader.read(
                payload, known, self._context(device, payload, received_at), outcome.read
            ):
                self.wants_rebirth = "metrics that its birth has not declared"

    def _context(self, device: str, payload: Payload, received_at: int) -> Context:
        # While we were away it may have been born with other aliases.
        best = Quality.UNCERTAIN if device in self._from_before else Quality.GOOD
        return Context(payload.timestamp, received_at, best_quality=int(best))

    def _give_birth(self, message: Message, outcome: Outcome) -> None:
        payload = message.payload
        self.wants_rebirth = ""
        self._bd_seq = bd_seq_of(payload)
        self._sequence.start(payload.seq % ROUND)
        until = message.received_at + _REBORN_WITHIN
        self._awaited = {device: until for device in self._definitions if device}
        self._declare("", payload, outcome.read)
        self._born("", payload, message.received_at, outcome)
        early, self._early = self._early, []
        # Of what came before the birth, only what was sent after it is of its session.
        of_session = [m for m in early if m.payload.timestamp >= payload.timestamp > 0]
        self.counts["data_before_birth"] += len(early) - len(of_session)
        for waiting in of_session:
            self.counts["messages"] -= 1
            self.receive(waiting, outcome)

    def _born(self, device: str, payload: Payload, received_at: int, outcome: Outcome) -> None:
        outcome.born.append(Born(self.id, device, payload))
        self._from_before.discard(device)
        known = self._definitions[device]
        if known.equipment is None:
            return
        self._is_heard = self._is_heard or not device
        outcome.link.append(known.equipment)
        context = Context(payload.timestamp, received_at, is_birth=True)
        self._reader.read(payload, known, context, outcome.read)

    def _declare(self, device: str, payload: Payload, read: Read) -> None:
        try:
            known = definitions_of(payload, self._names.path(self.id, device))
        except EquipmentError as error:
            known = Definitions(None)
            self.counts["refused_equipment"] += 1
            read.refused = str(error)
        self.counts["alias_conflicts"] += known.conflicts + self._shared_aliases(device, known)
        if known.refused:
            self.counts["refused_metrics"] += len(known.refused)
            read.refused = known.refused[-1]
        self._definitions[device] = known

    def _shared_aliases(self, device: str, known: Definitions) -> int:
        """Aliases that another part of the node has; topics still tell whose is meant."""
        if not device:
            self._alias_owners.clear()
        self._free_aliases(device)
        owners = self._alias_owners
        return sum(owners.setdefault(alias, device) != device for alias in known.by_alias)

    def _free_aliases(self, device: str) -> None:
        if (before := self._definitions.get(device)) is not None:
            for alias in before.by_alias:
                if self._alias_owners.get(alias) == device:
                    del self._alias_owners[alias]

    def _hear(self, outcome: Outcome) -> None:
        """Any message in order says that the node lives, and its born devices with it."""
        if not self._is_heard:
            self._is_heard = True
            outcome.link += [
                known.equipment for known in self._definitions.values() if known.equipment
            ]

    def _die(self, message: Message, outcome: Outcome) -> None:
        # A will of an earlier session may come after the birth of the next.
        if bd_seq_of(message.payload) != self._bd_seq or "" not in self._definitions:
            self.counts["deaths_of_other_sessions"] += 1
            return
        self._apply_all(self._sequence.flush(), outcome)
        self._lose(self._definitions.values(), "the edge node has died", outcome)
        outcome.born.append(Born(self.id, "", None))
        self._definitions = {}
        self._awaited = {}
        self._bd_seq = None

    def _lose_device(self, device: str, sent_at: int, outcome: Outcome) -> None:
        self._free_aliases(device)
        if (known := self._definitions.pop(device, None)) is None:
            self._count_unborn(1)
            return
        self._awaited.pop(device, None)
        self._lose([known], "the device has died", outcome, sent_at * 1_000 or None)
        outcome.born.append(Born(self.id, device, None))

    def _lose(
        self,
        definitions: Iterable[Definitions | None],
        reason: str,
        outcome: Outcome,
        at: int | None = None,
    ) -> None:
        lost = tuple(known.equipment for known in definitions if known and known.equipment)
        if lost:
            outcome.link.append(LostEquipment(lost, reason, at))

    def _count_unborn(self, messages: int) -> None:
        self.counts["data_before_birth"] += messages
        self.wants_rebirth = "data before its birth"

    def _note_clock(self, message: Message) -> None:
        sent_at = message.payload.timestamp * 1_000
        if EARLIEST < sent_at < LATEST:
            # The fastest message tells most about the clock: it was under way the shortest.
            offset, known = message.received_at - sent_at, self.clock_offset
            self.clock_offset = offset if known is None else min(known, offset)
