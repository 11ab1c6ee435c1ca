"""One connection to an MQTT broker, from its making to its loss.

Belongs here: what paho and asyncio need of each other. A lost connection is not mended but
replaced by a new one, so that paho repeats nothing of its own accord.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge import unreachable
from edge.paho_loop import PahoLoop
from takt.broker_access import BrokerAccess
from takt.errors import TaktError

log = logging.getLogger(__name__)

_KEEPALIVE_S = 10
_CONNECT_TIMEOUT_S = 5.0
_FAREWELL_S = 2.0
_MAX_IN_FLIGHT = 65_535
_REFUSES_THE_USER = {"Bad user name or password", "Not authorized"}


class BrokerLostError(TaktError):
    """There is no connection to the broker; what is not acknowledged is kept."""


@dataclass(frozen=True)
class Session:
    """How a client presents itself.

    Attributes:
        client_id: Fixed; the broker knows a persistent session by it.
        subscription: Topic filter, at QoS 1, or several, each with its QoS; may be empty.
        received: Called for every message: in the event loop when that drives the session,
            else in paho's own thread.
        will: Topic and payload that the broker publishes, retained, when we vanish.
        is_persistent: Whether the broker keeps messages for us while we are away, and
            each message is acknowledged by hand.
        is_driven: Whether the event loop reads and writes; it does for persistent sessions.
    """

    client_id: str
    subscription: str | list[tuple[str, int]]
    received: Callable[[Client, MQTTMessage], None]
    will: tuple[str, bytes] | None = None
    is_persistent: bool = False
    is_driven: bool = False


class Connection:
    """A broker that has let us in."""

    def __init__(self, client: Client, address: BrokerAccess, *, is_driven: bool) -> None:
        self._client = client
        self._driver = PahoLoop(client) if is_driven else None
        self._address = address
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._heard = asyncio.Event()
        self._closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.when_lost(self._heard.set)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> None:
        """Hand a message to the broker; nothing when the connection is lost by now."""
        self._client.publish(topic, payload, qos=qos, retain=retain)

    @property
    def is_lost(self) -> bool:
        """Whether the connection has ended."""
        return self._closed.done()

    def when_lost(self, call: Callable[[], None]) -> None:
        """Have `call` called when the connection ends."""
        self._closed.add_done_callback(lambda _: call())

    def raise_lost(self) -> NoReturn:
        """Say why the connection has ended.

        Raises:
            BrokerLostError: Always.
        """
        raise BrokerLostError(f"broker {self._where} is gone: {self._closed.result()}")

    async def open(self) -> None:
        """Connect; returns once the broker has let us in.

        It also waits a moment for the answer to the subscription; that may lie behind all that
        waits in a persistent session, and a refusal that comes so late is a loss.

        Raises:
            BrokerLostError: It cannot be reached, or it refuses us.
        """
        try:
            await asyncio.to_thread(
                self._client.connect, self._address.host, self._address.port, _KEEPALIVE_S
            )
            if self._driver is None:
                self._client.loop_start()
            else:
                self._driver.start()
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                await self._opened
        except (OSError, ValueError, TimeoutError) as error:
            reason = unreachable.explain(error)
            raise BrokerLostError(f"no connection to broker {self._where}: {reason}") from error
        with suppress(TimeoutError):
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                await self._heard.wait()
        if self.is_lost:
            self.raise_lost()

    def certificate_ends_at(self) -> datetime | None:
        """When the broker's certificate ends; None without TLS."""
        found = self._client.socket()
        shown = found.getpeercert() if isinstance(found, ssl.SSLSocket) else None
        if not shown or not isinstance(ends := shown["notAfter"], str):
            return None
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)

    async def say_farewell(self, topic: str, payload: bytes) -> None:
        """Publish a last retained message and wait a moment for the broker to take it."""
        info = self._client.publish(topic, payload, qos=1, retain=True)
        try:
            await asyncio.to_thread(info.wait_for_publish, _FAREWELL_S)
        except (RuntimeError, ValueError):
            log.debug("the broker has gone before the farewell")

    def pause(self) -> None:
        """Take nothing more from the broker; for sessions that the event loop drives only."""
        if self._driver is not None:
            self._driver.pause()

    def resume(self) -> None:
        """Take messages again."""
        if self._driver is not None:
            self._driver.resume()

    async def close(self) -> None:
        """Disconnect and end whatever drives paho."""
        self._opened.cancel()  # nobody hears any more why it is not
        self._client.disconnect()
        if self._driver is None:
            await asyncio.to_thread(self._client.loop_stop)
        else:
            self._driver.stop()

    def attend(self, session: Session) -> None:
        """Let paho's callbacks, which may run in its thread, reach this connection."""
        loop = asyncio.get_running_loop()

        def on_connect(
            client: Client, _data: object, _flags: ConnectFlags, code: ReasonCode, _p: object
        ) -> None:
            if code.is_failure:
                loop.call_soon_threadsafe(self._refused, self._advice(str(code)))
                return
            loop.call_soon_threadsafe(self._let_in)
            if session.subscription:
                client.subscribe(session.subscription, qos=1)
            else:
                loop.call_soon_threadsafe(self._heard.set)

        def on_subscribe(
            _client: Client, _data: object, _mid: int, codes: list[ReasonCode], _p: object
        ) -> None:
            loop.call_soon_threadsafe(self._subscribed, session.subscription, codes)

        def on_disconnect(
            _client: Client,
            _data: object,
            _flags: DisconnectFlags,
            code: ReasonCode,
            _p: Properties | None,
        ) -> None:
            loop.call_soon_threadsafe(self._ended, str(code))

        def on_message(client: Client, _data: object, message: MQTTMessage) -> None:
            session.received(client, message)

        def on_driven_message(client: Client, _data: object, message: MQTTMessage) -> None:
            assert self._driver is not None
            self._driver.received()
            self._heard.set()
            session.received(client, message)

        self._client.on_connect = on_connect
        self._client.on_subscribe = on_subscribe
        self._client.on_disconnect = on_disconnect
        self._client.on_message = on_message if self._driver is None else on_driven_message

    @property
    def _where(self) -> str:
        return f"{self._address.host}:{self._address.port}"

    def _let_in(self) -> None:
        if not self._opened.done():
            self._opened.set_result(None)

    def _subscribed(
        self, subscription: str | list[tuple[str, int]], codes: list[ReasonCode]
    ) -> None:
        """Connected and allowed to read nothing would be silence without a cause."""
        pairs = [(subscription, 1)] if isinstance(subscription, str) else subscription
        asked = [name for name, _ in pairs]
        refused = [name for name, code in zip(asked, codes, strict=False) if code.is_failure]
        reason = f"it lets us read nothing of {', '.join(refused)}; grant the account that right"
        if len(refused) == len(asked):
            self._lose(reason)
        elif refused:
            log.warning("broker %s: %s; the others go on", self._where, reason)
        self._heard.set()

    def _advice(self, reason: str) -> str:
        if reason in _REFUSES_THE_USER:
            return (
                f"it refuses the user ({reason}); check username and password_file, or"
                " certificate_file"
            )
        return reason

    def _refused(self, reason: str) -> None:
        if not self._opened.done():
            self._opened.set_exception(OSError(reason))

    def _ended(self, reason: str) -> None:
        hint = ""
        if self._address.ca_file is not None and self._address.certificate_file is None:
            hint = "; it may ask for a certificate: set certificate_file and key_file"
        self._refused(reason + hint)  # nobody hears it of a connection that was open
        self._lose(reason)

    def _lose(self, reason: str) -> None:
        if not self._closed.done():
            self._closed.set_result(reason)


@asynccontextmanager
async def connect(address: BrokerAccess, session: Session) -> AsyncIterator[Connection]:
    """A connection for the length of the context.

    Raises:
        BrokerLostError: The broker cannot be reached or refuses us.
    """
    client = _client(address, session)
    is_driven = session.is_persistent or session.is_driven
    connection = Connection(client, address, is_driven=is_driven)
    connection.attend(session)
    try:
        await connection.open()
        yield connection
    finally:
        await connection.close()


def _client(address: BrokerAccess, session: Session) -> Client:
    client = Client(
        CallbackAPIVersion.VERSION2,
        session.client_id,
        clean_session=not session.is_persistent,
        manual_ack=session.is_persistent,
        reconnect_on_failure=False,
    )
    client.connect_timeout = _CONNECT_TIMEOUT_S
    client.max_inflight_messages_set(_MAX_IN_FLIGHT)
    if session.will is not None:
        client.will_set(*session.will, qos=1, retain=True)
    try:
        address.introduce(client)
    except OSError as error:
        reason = unreachable.explain(error)
        raise BrokerLostError(f"broker {address.host}:{address.port}: {reason}") from error
    return client
