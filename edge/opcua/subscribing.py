"""What is subscribed on one connection, and what could not be.

Belongs here: monitored items in batches, their queues and deadbands; nodes that are missing or
refused are named once and tried again. What the items say is `edge.opcua.source`'s business.
"""

import itertools
import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from asyncua import Client, ua
from asyncua.common.subscription import Subscription

from edge.configuration import OpcUaNode, OpcUaSource
from edge.opcua.address import Target, resolve
from edge.opcua.errors import SourceLostError
from edge.opcua.tree import Limits, chunks, read_attribute

log = logging.getLogger(__name__)

CLOCK_NODE = ua.NodeId(ua.ObjectIds.Server_ServerStatus_CurrentTime)
_CLOCK_SAMPLING_MS = 1_000.0
_QUEUE_MARGIN = 100
"""Servers that report every write, however fast, beside the sampled ones; they revise it down."""
_REFUSES_DEADBAND = {
    ua.StatusCodes.BadFilterNotAllowed,
    ua.StatusCodes.BadDeadbandFilterInvalid,
    ua.StatusCodes.BadMonitoredItemFilterInvalid,
    ua.StatusCodes.BadMonitoredItemFilterUnsupported,
}


class Refusals:
    """What a server refuses of a source, kept over connections so that each is said once.

    Args:
        name: The source's name.
        retry_s: How often nodes are tried again, for messages.
    """

    def __init__(self, name: str, retry_s: float) -> None:
        self._name = name
        self._retry_s = retry_s
        self._refused: dict[tuple[OpcUaNode, str], str] = {}
        self._deadbands: set[OpcUaNode] = set()

    @property
    def nodes(self) -> list[OpcUaNode]:
        """Nodes that are not subscribed."""
        return list(dict.fromkeys(node for node, _ in self._refused))

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """What is not subscribed, as the file or the server names it, and why."""
        return [(place, why) for (_, place), why in self._refused.items()]

    def refuse(self, node: OpcUaNode, why: str, found: ua.NodeId | None = None) -> None:
        """A node, or one of those `found` for its path, cannot be subscribed."""
        place = _place(node, found)
        if (node, place) not in self._refused:
            self._refused[node, place] = why
            log.warning(
                "%s: node %s cannot be read (%s); the others go on, it is tried again every %.0f s",
                *(self._name, place, why, self._retry_s),
            )

    def forget(self, node: OpcUaNode, found: ua.NodeId) -> None:
        """What was `found` for a node is subscribed now."""
        for place in (node.place, _place(node, found)):
            self._refused.pop((node, place), None)

    def refuse_deadband(self, node: OpcUaNode, why: str) -> None:
        """A node is subscribed without its deadband from now on."""
        if node not in self._deadbands:
            self._deadbands.add(node)
            log.warning(
                "%s: the server takes no deadband for node %s (%s); every change is collected",
                *(self._name, node.place, why),
            )

    def deadband_of(self, node: OpcUaNode) -> float | None:
        """The deadband to ask for."""
        return None if node in self._deadbands else node.deadband


def _place(node: OpcUaNode, found: ua.NodeId | None) -> str:
    """One of many variables that fit a path is named by itself."""
    return node.place if found is None or node.path is None else found.to_string()


class Items:
    """The monitored items of one subscription.

    Args:
        client: Connected.
        subscription: Where items are made.
        source: The source's configuration.
        limits: The server's.
        refusals: What is known to be refused.
    """

    def __init__(
        self,
        client: Client,
        subscription: Subscription,
        source: OpcUaSource,
        limits: Limits,
        refusals: Refusals,
    ) -> None:
        self._client = client
        self._subscription = subscription
        self._source = source
        self._limits = limits
        self._refusals = refusals
        self._handles = itertools.count(1)
        self._refused: dict[ua.NodeId, list[Target]] = {}
        self.targets: dict[ua.NodeId, list[Target]] = {}

    @property
    def incomplete(self) -> set[str]:
        """Equipment of which something that is wanted is not subscribed."""
        refused = {target.equipment for known in self._refused.values() for target in known}
        return refused | {node.equipment for node in self._refusals.nodes if node.equipment}

    async def watch_clock(self) -> None:
        """The server's own clock: a sign of life, and the time in which gaps are measured.

        Raises:
            SourceLostError: The server has none.
        """
        [result] = await self._create([CLOCK_NODE], 10, _CLOCK_SAMPLING_MS, None)
        if isinstance(result, ua.StatusCode):
            raise SourceLostError(f"the server's clock cannot be subscribed ({result.name})")

    async def add(self, nodes: Iterable[OpcUaNode]) -> list[Target]:
        """Subscribe to what can be subscribed; the rest is refused.

        Returns:
            The targets that are new.
        """
        found, missing = await resolve(self._client, self._limits, nodes)
        for node, why in missing.items():
            self._refusals.refuse(node, why)
        fresh = self._without_doubles(found)
        await self._learn_types([target.node for target in fresh])
        groups: dict[tuple[float, float | None], dict[ua.NodeId, Target]] = defaultdict(dict)
        for target in fresh:
            known = self.targets.setdefault(target.node, [])
            known.append(target)
            if len(known) == 1:
                groups[self._parameters(target.wanted)][target.node] = target
        for (sampling_ms, deadband), wanted in groups.items():
            for chunk in chunks(list(wanted.values()), self._limits.items):
                await self._monitor(chunk, sampling_ms, deadband)
        return [target for target in fresh if target.node in self.targets]

    def _without_doubles(self, found: Iterable[Target]) -> list[Target]:
        taken = {target[1:3]: target.node for known in self.targets.values() for target in known}
        fresh = []
        for target in found:
            if taken.get(target[1:3]) == target.node:
                continue  # it is subscribed; another variable of its path was refused
            if target[1:3] in taken:
                log.warning(
                    "a second variable is %s of %s (%s): it is left out; make the path tell them"
                    " apart",
                    *(target.signal, target.equipment, target.node.to_string()),
                )
                continue
            taken[target[1:3]] = target.node
            fresh.append(target)
        return fresh

    def _parameters(self, node: OpcUaNode) -> tuple[float, float | None]:
        sampling_ms = node.sampling_interval_ms or self._source.publishing_interval_ms
        return sampling_ms, self._refusals.deadband_of(node)

    async def _monitor(
        self, targets: Sequence[Target], sampling_ms: float, deadband: float | None
    ) -> None:
        queue = _QUEUE_MARGIN + 2 * math.ceil(self._source.publishing_interval_ms / sampling_ms)
        results = await self._create(
            [target.node for target in targets], queue, sampling_ms, deadband
        )
        again = []
        for target, result in zip(targets, results, strict=True):
            if not isinstance(result, ua.StatusCode):
                self._refused.pop(target.node, None)
                for known in self.targets[target.node]:
                    self._refusals.forget(known.wanted, target.node)
            elif deadband is not None and result.value in _REFUSES_DEADBAND:
                self._refusals.refuse_deadband(target.wanted, result.name)
                again.append(target)
            else:
                self._refused[target.node] = self.targets.pop(target.node)
                for known in self._refused[target.node]:
                    self._refusals.refuse(known.wanted, result.name, target.node)
        if again:
            await self._monitor(again, sampling_ms, None)

    async def _create(
        self, nodes: Sequence[ua.NodeId], queue: int, sampling_ms: float, deadband: float | None
    ) -> list[int | ua.StatusCode]:
        # asyncua's own calls set either a deadband or a sampling interval, not both.
        requests = [
            ua.MonitoredItemCreateRequest(
                ItemToMonitor=ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.Value),
                MonitoringMode=ua.MonitoringMode.Reporting,
                RequestedParameters=ua.MonitoringParameters(
                    ClientHandle=next(self._handles),
                    SamplingInterval=sampling_ms,
                    Filter=None if deadband is None else _deadband(deadband),
                    QueueSize=queue,
                    DiscardOldest=True,
                ),
            )
            for node in nodes
        ]
        made: list[int | ua.StatusCode] = await self._subscription.create_monitored_items(requests)
        return made

    async def _learn_types(self, nodes: Sequence[ua.NodeId]) -> None:
        """Structures of the server's own can be read only once their definition is known."""
        types = await read_attribute(self._client, self._limits, nodes, ua.AttributeIds.DataType)
        own = {kind for kind in types if isinstance(kind, ua.NodeId) and kind.NamespaceIndex != 0}
        if own:
            try:
                await self._client.load_data_type_definitions()
            except (ua.UaError, ValueError, AttributeError, SyntaxError) as error:
                log.warning("the server's own datatypes cannot be learned: %s", error)


def _deadband(value: float) -> ua.DataChangeFilter:
    return ua.DataChangeFilter(
        Trigger=ua.DataChangeTrigger.StatusValue,
        DeadbandType=ua.DeadbandType.Absolute.value,
        DeadbandValue=value,
    )
