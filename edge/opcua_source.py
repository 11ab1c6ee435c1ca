"""An OPC UA server: one subscription, source times and status codes kept.

Every connection starts anew: namespaces are resolved again and everything is subscribed
again, since indexes may have changed while we were away. The server then says the current
values; those that the spool knows already are dropped there. The server's own clock is
subscribed as well, as the sign that the subscription lives.
"""

import asyncio
import logging
import math
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import NoReturn

from asyncua import Client, ua
from asyncua.client.ua_client import UaClientState
from asyncua.common.subscription import (
    DataChangeEvent,
    OverflowPolicy,
    StatusChangeEvent,
    Subscription,
)
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from edge.clock import Clock
from edge.configuration import OpcUaNode, OpcUaSecurity, OpcUaSource
from edge.link import Link, Put
from edge.opcua_value import as_sample, has_overflown, has_source_time
from edge.payload import PayloadError
from edge.spool import Delivery
from takt.backoff import Backoff
from takt.batch import Quality, Sample
from takt.equipment import COLLECTOR_EQUIPMENT
from takt.errors import TaktError

log = logging.getLogger(__name__)

_REQUEST_TIMEOUT_S = 4.0
_FAREWELL_S = 2.0
_SESSION_TIMEOUT_MS = 60_000
_KEEPALIVE_MS = 5_000
_LIFETIME_MS = 60_000
_ITEMS_PER_REQUEST = 50
"""Small controllers refuse more monitored items in one request."""
_WAITING_EVENTS = 10_000
_CLOCK_NODE = ua.NodeId(ua.ObjectIds.Server_ServerStatus_CurrentTime)
_CLOCK_SAMPLING_MS = 1_000.0
_QUEUE_MARGIN = 100
"""Servers that report every write, however fast, beside the sampled ones; they revise it down."""
_SILENT_S = 10.0
_WATCH_S = 1.0
_RETRY_NODES_S = 60.0


class SourceLostError(TaktError):
    """The server does not answer or its subscription is silent; connect anew."""


class OpcUaCollector:
    """Collects from one OPC UA server.

    Args:
        name: The source's name.
        source: Its configuration.
        link: Learns how the source is.
        clock: The collector's time.
        put: Where samples go.
        retry_nodes_s: How often nodes that cannot be subscribed are tried again.
    """

    def __init__(
        self,
        name: str,
        source: OpcUaSource,
        *,
        link: Link,
        clock: Clock,
        put: Put,
        retry_nodes_s: float = _RETRY_NODES_S,
    ) -> None:
        self._name = name
        self._source = source
        self._link = link
        self._clock = clock
        self._put = put
        self._retry_nodes_s = retry_nodes_s
        self._signals: dict[ua.NodeId, list[OpcUaNode]] = {}
        self._refused: set[str] = set()
        self._left_out: set[ua.NodeId] = set()
        self._sign_of_life_at = 0.0
        self._overflows = 0

    async def run(self) -> NoReturn:
        """Collect until cancelled; a lost server is waited for."""
        backoff = Backoff()
        while True:
            try:
                await self._collect(backoff)
            except (SourceLostError, ua.UaError, OSError, TimeoutError) as lost:
                await self._link.down(str(lost) or type(lost).__name__)
            await asyncio.sleep(backoff.next_delay_s())

    async def _collect(self, backoff: Backoff) -> None:
        async with self._connected() as client, self._subscribed(client) as subscription:
            backoff.reset()
            await self._link.up()
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._consume(subscription), name=f"consume[{self._name}]")
                    tasks.create_task(self._watch(client), name=f"watch[{self._name}]")
                    tasks.create_task(
                        self._retry_nodes(client, subscription), name=f"retry[{self._name}]"
                    )
            except* (SourceLostError, ua.UaError, OSError, TimeoutError) as lost:
                raise SourceLostError(str(lost.exceptions[0])) from lost

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Client]:
        source = self._source
        client = Client(source.endpoint, timeout=_REQUEST_TIMEOUT_S, auto_reconnect=False)
        client.session_timeout = _SESSION_TIMEOUT_MS
        client.name = f"takt {self._name}"
        if source.username is not None:
            client.set_user(source.username)
        if source.password_file is not None:
            client.set_password(source.password_file.read_text().strip())
        if source.security is not None:
            await _secure(client, source.security)
        await client.connect()
        try:
            yield client
        finally:
            await _disconnect(client)

    @asynccontextmanager
    async def _subscribed(self, client: Client) -> AsyncIterator[Subscription]:
        interval = self._source.publishing_interval_ms
        parameters = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=interval,
            RequestedLifetimeCount=math.ceil(_LIFETIME_MS / interval),
            RequestedMaxKeepAliveCount=math.ceil(_KEEPALIVE_MS / interval),
            MaxNotificationsPerPublish=_WAITING_EVENTS,
            PublishingEnabled=True,
            Priority=0,
        )
        # An overflowing queue of ours ends the connection: a recorded gap, not a silent one.
        subscription = await client.create_subscription(
            parameters, queue_maxsize=_WAITING_EVENTS, overflow=OverflowPolicy.DISCONNECT
        )
        self._signals = {}
        self._sign_of_life_at = time.monotonic()
        await self._monitor(client, subscription, [_CLOCK_NODE], _CLOCK_SAMPLING_MS)
        await self._subscribe(client, subscription, self._source.nodes)
        yield subscription

    async def _subscribe(
        self, client: Client, subscription: Subscription, nodes: Iterable[OpcUaNode]
    ) -> None:
        """Subscribe to what can be subscribed; the rest is reported once and tried again."""
        namespaces = {uri: place for place, uri in enumerate(await client.get_namespace_array())}
        groups: dict[float, list[ua.NodeId]] = defaultdict(list)
        for node in nodes:
            resolved = _resolve(node.node, namespaces)
            if resolved is None:
                self._refuse(node.node, "the server does not know the namespace")
                continue
            if resolved not in self._signals:
                sampling_ms = node.sampling_interval_ms or self._source.publishing_interval_ms
                groups[sampling_ms].append(resolved)
            self._signals.setdefault(resolved, []).append(node)
        for sampling_ms, wanted in groups.items():
            for start in range(0, len(wanted), _ITEMS_PER_REQUEST):
                chunk = wanted[start : start + _ITEMS_PER_REQUEST]
                await self._monitor(client, subscription, chunk, sampling_ms)
        self._link.remark = f"{len(self._refused)} nodes unreadable" if self._refused else ""

    async def _monitor(
        self,
        client: Client,
        subscription: Subscription,
        nodes: list[ua.NodeId],
        sampling_ms: float,
    ) -> None:
        queue = _QUEUE_MARGIN + 2 * math.ceil(self._source.publishing_interval_ms / sampling_ms)
        results = await subscription.subscribe_data_change(
            [client.get_node(node) for node in nodes],
            queuesize=queue,
            sampling_interval=sampling_ms,
        )
        for node, result in zip(nodes, results, strict=True):
            if isinstance(result, ua.StatusCode):
                for known in self._signals.pop(node, ()):
                    self._refuse(known.node, result.name)
            else:
                self._refused -= {known.node for known in self._signals.get(node, ())}

    def _refuse(self, node: str, why: str) -> None:
        if node not in self._refused:
            self._refused.add(node)
            log.warning(
                "%s: node %s cannot be read (%s); the others go on, it is tried again every %.0f s",
                *(self._name, node, why, self._retry_nodes_s),
            )

    def _leave_out(self, node: ua.NodeId, why: str) -> None:
        if node not in self._left_out:
            self._left_out.add(node)
            log.warning("%s: values of node %s are left out: %s", self._name, node.to_string(), why)

    async def _retry_nodes(self, client: Client, subscription: Subscription) -> NoReturn:
        while True:
            await asyncio.sleep(self._retry_nodes_s)
            if self._refused:
                again = [node for node in self._source.nodes if node.node in self._refused]
                await self._subscribe(client, subscription, again)

    async def _consume(self, subscription: Subscription) -> NoReturn:
        async for event in subscription:
            match event:
                case DataChangeEvent() if event.node.nodeid == _CLOCK_NODE:
                    self._sign_of_life_at = time.monotonic()
                case DataChangeEvent():
                    await self._take(event.node.nodeid, event.data.monitored_item.Value)
                case StatusChangeEvent():
                    status = event.notification.Status.name
                    raise SourceLostError(f"the subscription ended ({status})")
        raise SourceLostError("the subscription was closed")

    async def _take(self, node: ua.NodeId, data: ua.DataValue) -> None:
        now = self._clock.now()
        self._sign_of_life_at = time.monotonic()
        self._link.saw(now)
        try:
            samples = [
                as_sample(known.equipment, known.signal, data, now)
                for known in self._signals.get(node, ())
            ]
        except PayloadError as error:
            self._leave_out(node, str(error))
            return
        if has_overflown(data.StatusCode):
            self._overflows += 1
        await self._put(Delivery(samples, self._name if has_source_time(data) else None))

    async def _watch(self, client: Client) -> NoReturn:
        """Notice a lost connection, a silent subscription, and values the server dropped."""
        silent_s = max(_SILENT_S, 3 * self._source.publishing_interval_ms / 1_000)
        while True:
            await asyncio.sleep(_WATCH_S)
            if client.state is not UaClientState.CONNECTED:
                raise SourceLostError("the connection is lost")
            if time.monotonic() - self._sign_of_life_at > silent_s:
                raise SourceLostError(f"connected, but silent for {silent_s:.0f} s")
            await self._report_overflows()

    async def _report_overflows(self) -> None:
        lost, self._overflows = self._overflows, 0
        if not lost:
            return
        log.error("%s: the server's queues overflowed %d times: values are lost", self._name, lost)
        now = self._clock.now()
        text = f"{self._name}: the server's queue overflowed"
        good = int(Quality.GOOD)
        event = Sample(COLLECTOR_EQUIPMENT, "$overflow", now, float(lost), text, good, now)
        await self._put(Delivery([event]))


async def _secure(client: Client, security: OpcUaSecurity) -> None:
    client.application_uri = security.application_uri
    try:
        await client.set_security(
            SecurityPolicyBasic256Sha256,
            security.certificate,
            security.private_key,
            server_certificate=str(security.server_certificate),
        )
    except ValueError as error:
        # Other sources go on; this one is tried again, since files are replaced while we run.
        raise SourceLostError(f"a certificate or the key cannot be read: {error}") from error


async def _disconnect(client: Client) -> None:
    try:
        async with asyncio.timeout(_FAREWELL_S):
            await client.disconnect()
    except TimeoutError:
        client.disconnect_socket()


def _resolve(node: str, namespaces: dict[str, int]) -> ua.NodeId | None:
    """The node id with the index that its namespace has on this server, now."""
    if not node.startswith("nsu="):
        return ua.NodeId.from_string(node)
    uri, _, rest = node.removeprefix("nsu=").partition(";")
    if (index := namespaces.get(uri)) is None:
        return None
    return ua.NodeId.from_string(f"ns={index};{rest}")
