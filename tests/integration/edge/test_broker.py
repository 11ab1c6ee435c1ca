"""A broker that lets us in and hands over nothing is no broker that is up."""

import asyncio
import gc
import logging

import pytest
import pytest_asyncio
from amqtt.broker import Broker

from edge.broker import BrokerLostError, Session, connect
from takt.broker_access import BrokerAccess
from tests.conftest import free_port
from tests.integration.edge.proxy import Proxy

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


class OneAnswer(Proxy):
    """Lets the broker's first answer through, which lets the client in; then it stalls."""

    _has_stalled = False

    def answered(self, data: bytes) -> bytes:
        if not self._has_stalled:
            self._has_stalled = True
            self.stall()
        return data


def session(subscription: str | list[tuple[str, int]]) -> Session:
    return Session("collector1", subscription, lambda *_: None)


async def test_a_refused_subscription_is_a_lost_broker_with_the_reason(access):
    with pytest.raises(BrokerLostError, match="lets us read nothing of top-secret; grant"):
        async with connect(access, session("top-secret")):
            pytest.fail("let in")


async def test_a_refusal_that_comes_late_ends_the_connection_with_the_reason(access, monkeypatch):
    monkeypatch.setattr("edge.broker._CONNECT_TIMEOUT_S", 0.3)
    proxy, lost = OneAnswer(access.port), asyncio.Event()
    await proxy.open()
    through = access.model_copy(update={"port": proxy.port})
    async with connect(through, session("top-secret")) as connection:
        connection.when_lost(lost.set)
        proxy.flow()
        await lost.wait()

        with pytest.raises(BrokerLostError, match="lets us read nothing of top-secret; grant"):
            connection.raise_lost()
    await proxy.cut()


async def test_a_connection_that_is_given_up_leaves_no_error_behind(access, monkeypatch, caplog):
    monkeypatch.setattr("edge.broker._CONNECT_TIMEOUT_S", 0.1)
    proxy = Proxy(access.port)
    await proxy.open()
    proxy.stall()
    with pytest.raises(BrokerLostError, match="no answer in time"):
        async with connect(access.model_copy(update={"port": proxy.port}), session("plant/#")):
            pytest.fail("let in")
    await proxy.cut()
    gc.collect()

    assert not caplog.messages


async def test_one_refused_filter_of_several_is_named_and_the_others_go_on(access, caplog):
    with caplog.at_level(logging.WARNING, logger="edge"):
        async with connect(access, session([("top-secret", 1), ("plant/#", 1)])) as connection:
            assert not connection.is_lost

    [line] = caplog.messages
    assert "nothing of top-secret" in line
    assert line.endswith("the others go on")
