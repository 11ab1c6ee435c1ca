import asyncio
from types import SimpleNamespace

from asyncua import ua
from asyncua.common.subscription import OverflowPolicy, Subscription

from edge.opcua.session import Notifications


def followed(queue: int) -> tuple[Notifications, Subscription]:
    """What listens to a subscription of asyncua's, whose server is played by tests."""
    notifications = Notifications()
    subscription = Subscription(
        SimpleNamespace(observer=notifications),
        ua.CreateSubscriptionParameters(),
        queue_maxsize=queue,
        overflow=OverflowPolicy.DISCONNECT,
    )
    notifications.follow(subscription)
    return notifications, subscription


async def publish(subscription: Subscription, events: int) -> None:
    result = ua.PublishResult()
    result.NotificationMessage.NotificationData = [ua.StatusChangeNotification()] * events
    await subscription.publish_callback(result)


async def test_what_has_piled_up_is_taken_in_parts():
    notifications, subscription = followed(100_000)
    for _ in range(5):
        await publish(subscription, 5_001)

    async with asyncio.timeout(10):
        taken = [len(await notifications.next()) for _ in range(3)]

    assert taken == [10_000, 10_000, 5_005]


async def test_what_a_full_queue_has_dropped_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("edge.opcua.session._WAITING_VALUES", 20)
    notifications, subscription = followed(20)
    await publish(subscription, 15)
    await publish(subscription, 15)

    async with asyncio.timeout(10):
        assert len(await notifications.next()) == 20
        await publish(subscription, 3)
        assert len(await notifications.next()) == 3
