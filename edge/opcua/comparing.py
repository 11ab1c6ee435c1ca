"""An independent look: what a node says when it is read, beside what its subscription said last.

Belongs here: which nodes are compared and when a difference is one. A subscription that lives
but has lost an item shows in no connection state.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from asyncua import Client, ua

from edge.opcua.errors import SourceLostError
from edge.opcua.tree import Limits
from edge.opcua.value import quality_of
from takt.batch import Quality

log = logging.getLogger(__name__)

_NODES_AT_ONCE = 5


class Comparison:
    """Compares a few nodes at a time, all of them in turn.

    Args:
        name: The source's name.
        grace_s: How long a change may be on its way.
    """

    def __init__(self, name: str, grace_s: float) -> None:
        self._name = name
        self._grace_s = grace_s
        self._next = 0
        self._differed: set[ua.NodeId] = set()
        self.latest: dict[ua.NodeId, ua.DataValue] = {}

    async def check(
        self,
        client: Client,
        limits: Limits,
        nodes: Sequence[ua.NodeId],
        is_behind: Callable[[], bool],
    ) -> None:
        """Compare the next few; `is_behind` says that values wait to be taken over.

        Raises:
            SourceLostError: A node's subscription misses changes; it was read twice.
        """
        chosen = self._choose(nodes, min(_NODES_AT_ONCE, limits.read))
        if is_behind():
            return
        differing = await self._differing(client, chosen)
        self._differed.difference_update(set(chosen) - set(differing))
        if not differing:
            return
        before = {node: self.latest.get(node) for node in differing}
        await asyncio.sleep(self._grace_s)
        again = await self._differing(client, differing)
        stuck = [node for node in again if self.latest.get(node) is before[node]]
        if is_behind() or not stuck:
            return
        self._judge(stuck)

    def _choose(self, nodes: Sequence[ua.NodeId], count: int) -> list[ua.NodeId]:
        if not nodes:
            return []
        start = self._next % len(nodes)
        self._next = start + count
        return list(nodes[start : start + count])

    async def _differing(self, client: Client, nodes: Sequence[ua.NodeId]) -> list[ua.NodeId]:
        if not nodes:
            return []
        answers = await client.read_attributes([client.get_node(node) for node in nodes])
        return [
            node
            for node, data in zip(nodes, answers, strict=True)
            if _said(data) != _said(self.latest.get(node))
        ]

    def _judge(self, stuck: Sequence[ua.NodeId]) -> None:
        """Subscribe anew for a node once; a server that always differs is not asked for ever."""
        fresh = [node for node in stuck if node not in self._differed]
        if not fresh:
            return
        self._differed.update(fresh)
        raise SourceLostError(
            f"connected, but changes of {fresh[0].to_string()} do not come through the"
            " subscription; subscribing anew"
        )


def _said(data: ua.DataValue | None) -> tuple[int, str] | None:
    if data is None:
        return None
    quality = quality_of(data.StatusCode)
    is_bad = quality is Quality.BAD
    return int(quality), "" if is_bad else repr(data.Value and data.Value.Value)
