"""The plant's gateways: machines that publish JSON, one value a message, QoS 1.

What a machine says while the broker is away waits in the publisher and is sent later.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.simulator.edge_config import topic
from edge.simulator.playback import Telling
from takt.settings import BrokerSettings

log = logging.getLogger(__name__)

_CLIENT_ID = "takt-plant"
_WAITING_MESSAGES = 100_000
_FAREWELL_S = 2.0
_RECONNECT_S = 1, 5


class Gateways:
    """A publisher with a persistent session."""

    def __init__(self, broker: BrokerSettings) -> None:
        self._broker = broker
        self._loop = asyncio.get_running_loop()
        self._connected = asyncio.Event()
        self._last: MQTTMessageInfo | None = None
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=_CLIENT_ID, clean_session=False
        )
        self._client.max_queued_messages_set(_WAITING_MESSAGES)
        self._client.reconnect_delay_set(*_RECONNECT_S)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_connect_fail = self._on_connect_fail
        self._has_warned = False
        broker.introduce(self._client)

    def start(self) -> None:
        """Connect in the background, now and whenever the connection is lost."""
        self._client.connect_async(self._broker.host, self._broker.port)
        self._client.loop_start()

    async def wait_connected(self) -> None:
        """Return once the broker has let us in."""
        await self._connected.wait()

    def tell(self, telling: Telling) -> None:
        """Publish a value; the broker keeps it for later listeners if that does no harm."""
        signal, value = telling.signal, telling.value
        whole = isinstance(value, float) and value.is_integer()
        payload = {"value": int(value) if whole else value, "timestamp_ms": telling.at}
        self._last = self._client.publish(
            topic(telling.equipment_id, signal),
            json.dumps(payload, ensure_ascii=False),
            qos=1,
            retain=signal.is_repeatable,
        )

    async def close(self) -> None:
        """Give the broker a moment to take what is under way, then part."""
        if self._connected.is_set() and self._last is not None:
            await asyncio.to_thread(self._last.wait_for_publish, _FAREWELL_S)
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def _on_connect(
        self, _client: Client, _data: object, _flags: ConnectFlags, code: ReasonCode, _p: object
    ) -> None:
        if code.is_failure:
            log.warning("the broker refuses the plant's gateways (%s); trying again", code)
        else:
            self._has_warned = False
            self._loop.call_soon_threadsafe(self._connected.set)

    def _on_connect_fail(self, _client: Client, _data: object) -> None:
        if not self._has_warned:
            self._has_warned = True
            where = f"{self._broker.host}:{self._broker.port}"
            log.warning("broker %s does not answer; values wait here until it does", where)

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        _flags: DisconnectFlags,
        code: ReasonCode,
        _p: Properties | None,
    ) -> None:
        if code.is_failure:
            log.warning(
                "connection to the broker lost (%s); values wait here until it is back", code
            )
            self._loop.call_soon_threadsafe(self._connected.clear)


@asynccontextmanager
async def running(broker: BrokerSettings) -> AsyncIterator[Gateways]:
    """A publisher that connects, and connects again, inside the context."""
    gateways = Gateways(broker)
    gateways.start()
    try:
        yield gateways
    finally:
        await gateways.close()
