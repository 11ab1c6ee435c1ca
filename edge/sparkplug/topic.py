"""Sparkplug's topics: who says what.

Belongs here: reading and writing topic names. What a message contains does not.
"""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

_NAMESPACE = "spBv1.0"


class Kind(Enum):
    """What a message is, by the word in its topic."""

    NBIRTH = "NBIRTH"
    NDATA = "NDATA"
    NDEATH = "NDEATH"
    DBIRTH = "DBIRTH"
    DDATA = "DDATA"
    DDEATH = "DDEATH"

    @property
    def is_of_device(self) -> bool:
        """Whether the topic names a device below the edge node."""
        return self.value[0] == "D"


class NodeId(NamedTuple):
    """An edge node; the names are the machines' own."""

    group: str
    node: str


class Origin(NamedTuple):
    """Where a message comes from; the empty device is the edge node itself."""

    kind: Kind
    node: NodeId
    device: str


_KINDS = {kind.value: kind for kind in Kind}


def parse(topic: str) -> Origin | None:
    """What a topic says; None: it is none of an edge node's or its devices' messages."""
    levels = topic.split("/")
    kind = _KINDS.get(levels[2]) if len(levels) in (4, 5) and levels[0] == _NAMESPACE else None
    if kind is None or not all(levels) or kind.is_of_device is not (len(levels) == 5):
        return None
    return Origin(kind, NodeId(levels[1], levels[3]), levels[4] if kind.is_of_device else "")


def filters(groups: Iterable[str]) -> list[tuple[str, int]]:
    """What to subscribe to, each with its QoS; no group means every group."""
    return [
        (f"{_NAMESPACE}/{group}/{kind.value}/+{'/+' * kind.is_of_device}", kind is Kind.NDEATH)
        for group in tuple(groups) or ("+",)
        for kind in Kind
    ]


def command(node: NodeId) -> str:
    """Where commands to an edge node go."""
    return f"{_NAMESPACE}/{node.group}/NCMD/{node.node}"


def state(host_id: str) -> str:
    """Where a host application says whether it is there."""
    return f"{_NAMESPACE}/STATE/{host_id}"


def state_of_2(host_id: str) -> str:
    """Where a host application of Sparkplug 2.x does."""
    return f"STATE/{host_id}"
