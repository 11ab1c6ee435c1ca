"""One connection to a server with its one subscription, from beginning to end.

Belongs here: what is asked of the server before values flow, and the signs that asyncua could
not bring back what an interruption took. What the values mean is `edge.opcua.source`.
"""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from asyncua import Client, ua
from asyncua.common.subscription import OverflowPolicy, SubEvent, Subscription
from asyncua.observer import Observer, SubscriptionEvent

from edge.configuration import OpcUaSource
from edge.opcua.certificates import CertificateFolder
from edge.opcua.connection import Secured, connected
from edge.opcua.errors import SourceLostError
from edge.opcua.subscribing import Items, Refusals
from edge.opcua.tree import Limits, read_limits

_KEEPALIVE_MS = 5_000
_LIFETIME_MS = 60_000
_PER_NOTIFICATION = 10_000
_WAITING_VALUES = 500_000
"""What 10,000 items say in half a minute in which the disk is slow; about 400 MB at the worst."""


@dataclass(frozen=True)
class Session:
    """What belongs together for the length of one connection.

    Attributes:
        client: Connected.
        secured: The certificates that were shown.
        limits: The server's.
        subscription: Where values come from.
        items: What is subscribed.
        overflow: Set when values came faster than they were taken over.
        notifications: What the subscription says.
    """

    client: Client
    secured: Secured
    limits: Limits
    subscription: Subscription
    items: Items
    overflow: asyncio.Event
    notifications: "Notifications"

    def require_whole(self) -> None:
        """Raise when values are missing that resuming the session will not bring.

        Raises:
            SourceLostError: The connection must start anew.
        """
        if self.notifications.are_forgotten:
            raise SourceLostError("the server has forgotten the subscription")
        if self.overflow.is_set():
            raise SourceLostError("values come faster than they are accepted")


class Notifications(Observer):  # type: ignore[misc] # asyncua has no types here
    """What a subscription says, each notification as a whole.

    Attributes:
        are_forgotten: asyncua had to create the subscription again. It does so under old
            namespace indexes and in one request: a new connection is better.
    """

    def __init__(self) -> None:
        self.are_forgotten = False
        self._subscription: Subscription | None = None
        self._waiting = 0

    def follow(self, subscription: Subscription) -> None:
        """Listen to this one."""
        self._subscription = subscription

    async def next(self) -> list[SubEvent]:
        """Wait for a notification; what is there by then, as much as one notification at most.

        Raises:
            SourceLostError: The subscription was closed.
        """
        assert self._subscription is not None
        try:
            events = [await self._subscription.next_event()]
            # Those that came with it are there: none of these calls waits.
            more = min(self._waiting, _PER_NOTIFICATION) - 1
            events += [await self._subscription.next_event() for _ in range(more)]
        except StopAsyncIteration:
            raise SourceLostError("the subscription was closed") from None
        self._waiting -= len(events)
        return events

    def on_notification(
        self,
        subscription_id: int | None,  # noqa: ARG002 -- the base class's signature
        count: int,
    ) -> None:
        """As asyncua calls it after it has put so many events into the subscription's queue.

        It has dropped those for which a full queue had no room.
        """
        self._waiting = min(self._waiting + count, _WAITING_VALUES)

    def on_subscription_event(
        self,
        subscription_id: int | None,  # noqa: ARG002 -- the base class's signature
        event: SubscriptionEvent,
    ) -> None:
        """As asyncua calls it."""
        self.are_forgotten |= event is SubscriptionEvent.RECREATED


@asynccontextmanager
async def opened(
    name: str, source: OpcUaSource, certificates: CertificateFolder, refusals: Refusals
) -> AsyncIterator[Session]:
    """A session that hears the server's clock and nothing else yet.

    Raises:
        SourceLostError: The server cannot be reached, is not trusted, or has no clock.
    """
    async with connected(name, source, certificates) as (client, secured):
        limits = await read_limits(client)
        notifications = Notifications()
        client.uaclient.observer = notifications
        subscription = await client.create_subscription(
            _parameters(source.publishing_interval_ms),
            queue_maxsize=_WAITING_VALUES,
            overflow=OverflowPolicy.DISCONNECT,
        )
        # An overflowing queue of ours is a gap like any other: resuming would hide it.
        overflow = asyncio.Event()
        subscription.set_overflow_disconnect_handler(overflow.set)
        notifications.follow(subscription)
        items = Items(client, subscription, source, limits, refusals)
        await items.watch_clock()
        yield Session(client, secured, limits, subscription, items, overflow, notifications)


def _parameters(interval_ms: float) -> ua.CreateSubscriptionParameters:
    return ua.CreateSubscriptionParameters(
        RequestedPublishingInterval=interval_ms,
        RequestedLifetimeCount=math.ceil(_LIFETIME_MS / interval_ms),
        RequestedMaxKeepAliveCount=math.ceil(_KEEPALIVE_MS / interval_ms),
        MaxNotificationsPerPublish=_PER_NOTIFICATION,
        PublishingEnabled=True,
        Priority=0,
    )
