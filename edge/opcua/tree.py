"""The address space of a server, looked at in requests that are small enough for it.

Belongs here: browsing, reading attributes in batches, and the server's own limits for both.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from asyncua import Client, ua

_NOT_STATED = 50
"""Small controllers refuse more in one request when they do not state their limit."""
_MOST = 1_000
_LIMITS = {
    "read": ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    "browse": ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
    "items": ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
}

_PROPERTY = ua.NodeId(ua.ObjectIds.HasProperty)
_SERVER = ua.NodeId(ua.ObjectIds.Server)
"""What it says of itself is not the plant's; node ids lead there all the same."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Limits:
    """How much a server takes in one request."""

    read: int = _NOT_STATED
    browse: int = _NOT_STATED
    items: int = _NOT_STATED


async def read_limits(client: Client) -> Limits:
    """What the server states of its limits; careful guesses for the rest."""
    nodes = [client.get_node(ua.NodeId(number)) for number in _LIMITS.values()]
    stated = await client.read_attributes(nodes)
    found = {}
    for name, data in zip(_LIMITS, stated, strict=True):
        is_good = data.StatusCode is None or data.StatusCode.is_good()
        value = data.Value.Value if is_good and data.Value is not None else None
        found[name] = min(value, _MOST) if isinstance(value, int) and value > 0 else _NOT_STATED
    return Limits(**found)


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items in order, `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


async def read_attribute(
    client: Client, limits: Limits, nodes: Sequence[ua.NodeId], attribute: ua.AttributeIds
) -> list[object]:
    """One attribute of each node; None where the server has none."""
    found: list[object] = []
    for chunk in chunks(nodes, limits.read):
        answers = await client.read_attributes([client.get_node(node) for node in chunk], attribute)
        found += [
            data.Value.Value
            if data.Value is not None and (data.StatusCode is None or data.StatusCode.is_good())
            else None
            for data in answers
        ]
    return found


class Tree:
    """The objects and variables of a server, each node browsed once.

    Args:
        client: Connected.
        limits: The server's.
    """

    def __init__(self, client: Client, limits: Limits) -> None:
        self._client = client
        self._limits = limits
        self._known: dict[ua.NodeId, list[ua.ReferenceDescription]] = {}

    async def children(
        self, nodes: Sequence[ua.NodeId]
    ) -> list[tuple[ua.NodeId, list[ua.ReferenceDescription]]]:
        """What is below each node, properties left out."""
        unknown = [node for node in dict.fromkeys(nodes) if node not in self._known]
        for chunk in chunks(unknown, self._limits.browse):
            await self._browse(chunk)
        return [(node, self._known[node]) for node in nodes]

    async def _browse(self, nodes: Sequence[ua.NodeId]) -> None:
        wanted = ua.BrowseParameters(NodesToBrowse=[_description(node) for node in nodes])
        results = await self._client.uaclient.browse(wanted)
        for node, result in zip(nodes, results, strict=True):
            found = list(result.References or [])
            point = result.ContinuationPoint
            while point:
                parameters = ua.BrowseNextParameters(ContinuationPoints=[point])
                [more] = await self._client.uaclient.browse_next(parameters)
                found += more.References or []
                point = more.ContinuationPoint
            self._known[node] = [
                child
                for child in found
                if child.ReferenceTypeId != _PROPERTY
                and child.NodeId != _SERVER
                and _is_here(child)
            ]


def _is_here(child: ua.ReferenceDescription) -> bool:
    return not getattr(child.NodeId, "ServerIndex", 0)


def _description(node: ua.NodeId) -> ua.BrowseDescription:
    description = ua.BrowseDescription()
    description.NodeId = node
    description.BrowseDirection = ua.BrowseDirection.Forward
    description.ReferenceTypeId = ua.NodeId(ua.ObjectIds.HierarchicalReferences)
    description.IncludeSubtypes = True
    description.NodeClassMask = ua.NodeClass.Object | ua.NodeClass.Variable
    description.ResultMask = ua.BrowseResultMask.All
    return description
