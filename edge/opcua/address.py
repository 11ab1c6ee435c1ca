"""Which variables of a server a source means, under the namespace indexes of today.

Belongs here: node ids and paths of `edge.toml` to the node ids of one connection.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from asyncua import Client, ua

from edge.configuration import OpcUaNode, TopicPart, parse_pattern
from edge.opcua.tree import Limits, Tree
from edge.payload import PayloadError, as_signal
from takt.equipment import is_path

_OBJECTS = ua.NodeId(ua.ObjectIds.ObjectsFolder)


class Target(NamedTuple):
    """A variable on this connection and the signal that it is."""

    node: ua.NodeId
    equipment: str
    signal: str
    wanted: OpcUaNode


class _Place(NamedTuple):
    node: ua.NodeId
    is_variable: bool
    equipment: tuple[str, ...]
    signal: tuple[str, ...]


async def resolve(
    client: Client, limits: Limits, nodes: Iterable[OpcUaNode]
) -> tuple[list[Target], Mapping[OpcUaNode, str]]:
    """The variables that are meant, and why the rest could not be found."""
    namespaces = {uri: place for place, uri in enumerate(await client.get_namespace_array())}
    tree = Tree(client, limits)
    targets: list[Target] = []
    missing: dict[OpcUaNode, str] = {}
    for wanted in nodes:
        if wanted.node is not None:
            node = by_id(wanted.node, namespaces)
            found = [] if node is None else [_named(node, wanted)]
            why = "the server does not know the namespace"
        else:
            found, why = await _by_path(tree, wanted)
        targets += found
        if not found:
            missing[wanted] = why
    return targets, missing


def by_id(node: str, namespaces: Mapping[str, int]) -> ua.NodeId | None:
    """The node id with the index that its namespace has on this server, now."""
    if not node.startswith("nsu="):
        return ua.NodeId.from_string(node)
    uri, _, rest = node.removeprefix("nsu=").partition(";")
    if (index := namespaces.get(uri)) is None:
        return None
    return ua.NodeId.from_string(f"ns={index};{rest}")


def _named(node: ua.NodeId, wanted: OpcUaNode) -> Target:
    return Target(node, wanted.equipment or "", wanted.signal or "", wanted)


async def _by_path(tree: Tree, wanted: OpcUaNode) -> tuple[list[Target], str]:
    places = [_Place(_OBJECTS, False, (), ())]
    for part in parse_pattern(wanted.path or ""):
        for _ in range(part.levels):
            places = await _below(tree, places, part)
            if not places:
                return [], f"nothing on the server fits {part.literal or 'its levels'}"
    found = [
        Target(
            place.node,
            wanted.equipment or "/".join(place.equipment),
            wanted.signal or "/".join(place.signal),
            wanted,
        )
        for place in places
        if place.is_variable
    ]
    sound = [each for each in found if is_path(each.equipment) and _is_signal(each.signal)]
    return sound, "what fits is no variable, or its levels cannot name equipment"


def _is_signal(name: str) -> bool:
    try:
        as_signal(name)
    except PayloadError:
        return False
    return True


async def _below(tree: Tree, places: list[_Place], part: TopicPart) -> list[_Place]:
    below = []
    children = await tree.children([place.node for place in places])
    for place, (_, found) in zip(places, children, strict=True):
        for child in found:
            name = child.BrowseName.Name or ""
            if part.literal not in (None, name):
                continue
            below.append(
                _Place(
                    child.NodeId,
                    child.NodeClass is ua.NodeClass.Variable,
                    (*place.equipment, name) if part.field == "equipment" else place.equipment,
                    (*place.signal, name) if part.field == "signal" else place.signal,
                )
            )
    return below
