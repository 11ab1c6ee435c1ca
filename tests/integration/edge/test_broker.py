"""A broker that lets us in and hands over nothing is no broker that is up."""

import logging

import pytest
import pytest_asyncio
from amqtt.broker import Broker

from edge.broker import BrokerLostError, Session, connect
from takt.broker_access import BrokerAccess
from tests.conftest import free_port

_PLUGINS = {
    "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
    "amqtt.plugins.topic_checking.TopicTabooPlugin": {},  # nobody reads top-secret
}


@pytest_asyncio.fixture
async def access():
    port = free_port()
    listener = {"type": "tcp", "bind": f"127.0.0.1:{port}"}
    broker = Broker({"listeners": {"default": listener}, "plugins": _PLUGINS})
    await broker.start()
    yield BrokerAccess(host="127.0.0.1", port=port)
    await broker.shutdown()


def session(subscription: str | list[tuple[str, int]]) -> Session:
    return Session("collector1", subscription, lambda *_: None)


async def test_a_refused_subscription_is_a_lost_broker_with_the_reason(access):
    with pytest.raises(BrokerLostError, match="lets us read nothing of top-secret; grant"):
        async with connect(access, session("top-secret")):
            pytest.fail("let in")


async def test_one_refused_filter_of_several_is_named_and_the_others_go_on(access, caplog):
    with caplog.at_level(logging.WARNING, logger="edge"):
        async with connect(access, session([("top-secret", 1), ("plant/#", 1)])) as connection:
            assert not connection.is_lost

    [line] = caplog.messages
    assert "nothing of top-secret" in line
    assert line.endswith("the others go on")
