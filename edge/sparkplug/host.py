"""The host application: all edge nodes that one source hears.

Belongs here: which node a message is for, whom to ask for a rebirth, when to report. No clock
and no broker: times are handed in, commands are handed out.
"""

from collections.abc import Iterable

from edge.sparkplug import conformance
from edge.sparkplug.conformance import Counted
from edge.sparkplug.equipment import EquipmentNames
from edge.sparkplug.node import Born, EdgeNode, Message, Outcome
from edge.sparkplug.reading import UndecodableError, decode
from edge.sparkplug.rebirth import RebirthLimit
from edge.sparkplug.recent import Recent
from edge.sparkplug.topic import NodeId, Origin
from takt.batch import Sample

_MAX_NODES = 10_000
"""More is a fault of whoever publishes, and must not fill our memory."""


class Host:
    """Hears edge nodes; times are µs of the collector's clock.

    Args:
        source: Its name.
        names: Equipment paths.
        patience: How long a message waits for an earlier one.
        asks: Whether rebirths may be asked for.
    """

    def __init__(self, source: str, names: EquipmentNames, *, patience: int, asks: bool) -> None:
        self._source = source
        self._names = names
        self._patience = patience
        self._asks = asks
        self._recent = Recent()
        self._nodes: dict[NodeId, EdgeNode] = {}
        self._limits: dict[NodeId, RebirthLimit] = {}
        self._impatient: set[NodeId] = set()

    def restore(self, births: Iterable[Born]) -> None:
        """What was kept on disk; a node's own birth comes before its devices'."""
        for born in births:
            if born.payload is not None:
                self._node(born.node).restore(born.device, born.payload)

    def reconnected(self, outcome: Outcome) -> None:
        """The connection is new: what was said meanwhile nobody knows."""
        for node in self._nodes.values():
            node.reconnected(outcome)
            node.wants_rebirth = "we were away"
        self._impatient = set(self._nodes)

    def receive(self, origin: Origin, content: bytes, now: int, outcome: Outcome) -> None:
        """Take a message.

        Raises:
            UndecodableError: It is no Sparkplug B, or its node is one too many.
        """
        try:
            payload = decode(content)
        except UndecodableError:
            if origin.node in self._nodes:
                self._nodes[origin.node].counts["undecodable"] += 1
            raise
        node = self._node(origin.node)
        node.receive(Message(origin.kind, origin.device, payload, now), outcome)
        if node.wants_rebirth or node.is_waiting:
            self._impatient.add(node.id)

    def refuse_retained(self, origin: Origin) -> None:
        """A retained message says what was, not what is."""
        self._node(origin.node).counts["retained"] += 1

    def wait(self, now: int, outcome: Outcome) -> list[tuple[NodeId, str]]:
        """Time has passed.

        Returns:
            The nodes to ask for a rebirth, with the reason.
        """
        asked = []
        for node in [self._nodes[node_id] for node_id in self._impatient]:
            node.wait(now, outcome)
            if node.wants_rebirth and self._asks:
                limit = self._limits.setdefault(node.id, RebirthLimit())
                if limit.admits(now):
                    asked.append((node.id, node.wants_rebirth))
                    node.counts["rebirths_requested"] += 1
                    node.wants_rebirth = ""
            if not node.is_waiting and not (node.wants_rebirth and self._asks):
                self._impatient.discard(node.id)
        return asked

    def report(self, now: int) -> list[Sample]:
        """An event for each node that said anything since last asked."""
        events = []
        for node in self._nodes.values():
            if any(node.counts.values()):
                counted = Counted(node.id, node.equipment, node.counts, node.clock_offset)
                events.append(conformance.event(self._source, counted, now))
            node.counts.clear()
            node.clock_offset = None
        return events

    def _node(self, node_id: NodeId) -> EdgeNode:
        if (known := self._nodes.get(node_id)) is None:
            if len(self._nodes) >= _MAX_NODES:
                raise UndecodableError(f"more than {_MAX_NODES} edge nodes")
            known = EdgeNode(node_id, self._names, self._recent, self._patience)
            self._nodes[node_id] = known
        return known
