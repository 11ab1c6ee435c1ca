"""The connection to the broker: messages in, acknowledgements out, reconnected for ever.

Belongs here: MQTT. What messages mean does not.

The network runs in one thread over paho's interface for foreign event loops, because only
so can reading stop while the inbox is full: then the broker waits, and its own limits hold.
"""

import contextlib
import logging
import select
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from ingestion.inbox import Inbox, Message
from takt.backoff import Backoff
from takt.settings import BrokerSettings
from takt.topics import HEALTH_FILTER

log = logging.getLogger(__name__)

_KEEPALIVE_S = 30
_CONNECT_TIMEOUT_S = 5.0
_FULL_PAUSE_S = 0.02
_IDLE_S = 0.5
_ANSWERS_IN_FLIGHT = 200
_FILTERS_AT_ONCE = 200
"""In one packet: brokers limit its size."""


class Subscriber:
    """Reads what it is told to listen to into an inbox; publishes answers.

    Args:
        settings: Of the broker.
        client_id: Unique among all clients of the broker.
        inbox: Gets each message; is read by somebody else.
        listening: Called in the network's thread with filters that the broker has confirmed,
            after each connection again.
        wanted: To what it listens at first.
        is_remembered: Whether the broker keeps for it, under its id, what comes while it is away.

    Attributes:
        connections: How often it has connected; what others said between two is not heard.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        client_id: str,
        inbox: Inbox,
        listening: Callable[[frozenset[str]], None],
        *,
        wanted: frozenset[str] = frozenset((HEALTH_FILTER,)),
        is_remembered: bool = False,
    ) -> None:
        self._settings = settings
        self._client_id = client_id
        self._inbox = inbox
        self._listening = listening
        self._wanted = wanted
        self._is_remembered = is_remembered
        self._requests: deque[frozenset[str]] = deque()
        self._subscribed: frozenset[str] = frozenset()
        self._unconfirmed: dict[int | None, list[str]] = {}
        self.connections = 0
        self._backoff = Backoff(first_s=0.2, max_s=5.0)
        self._stopping = threading.Event()
        self._client: mqtt.Client | None = None
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_write.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)
        self._unpublished: list[mqtt.MQTTMessageInfo] = []

    def start(self) -> None:
        """Connect now or as soon as the broker is there."""
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether the network's thread lives; it ends only by `stop` or a defect."""
        return self._thread.is_alive()

    def listen(self, wanted: frozenset[str]) -> None:
        """Listen to these filters and to nothing else, now and after each reconnection."""
        self._wanted = wanted
        self._requests.append(wanted)
        self._wake()

    @property
    def is_connected(self) -> bool:
        """Whether the broker is there now."""
        client = self._client
        return client is not None and client.is_connected()

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish a retained message, QoS 1; nothing happens while the broker is away."""
        client = self._client
        if client is None or not client.is_connected():
            return
        self._unpublished = [each for each in self._unpublished if not each.is_published()]
        self._unpublished.append(client.publish(topic, payload, qos=1, retain=True))
        self._wake()

    def stop(self, timeout_s: float) -> None:
        """Wait until the broker has what was published, then leave; nothing if never started."""
        for info in self._unpublished:
            with contextlib.suppress(RuntimeError, ValueError):
                info.wait_for_publish(timeout_s / max(1, len(self._unpublished)))
        self._stopping.set()
        self._wake()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            client = self._new_client()
            try:
                self._serve(client)
            # What a broken stream makes of paho's parsing: struct.error, IndexError, ValueError.
            except (OSError, ValueError, IndexError, struct.error) as error:
                self._lost(str(error) or type(error).__name__)
            finally:
                self._client = None
                _close(client)

    def _serve(self, client: mqtt.Client) -> None:
        """Read and write until the connection is lost or `stop` is called."""
        # Read for each connection: passwords and certificates are replaced while we run.
        self._settings.introduce(client)
        client.connect(self._settings.host, self._settings.port, _KEEPALIVE_S)
        self._client = client
        code = MQTTErrorCode.MQTT_ERR_SUCCESS
        while code == MQTTErrorCode.MQTT_ERR_SUCCESS and not self._stopping.is_set():
            code = self._turn(client)
        if self._stopping.is_set():
            client.disconnect()
            client.loop_write()
            return
        self._lost(mqtt.error_string(code))

    def _turn(self, client: mqtt.Client) -> MQTTErrorCode:
        sock = client.socket()
        if sock is None:
            return MQTTErrorCode.MQTT_ERR_CONN_LOST
        may_read = self._inbox.has_room
        # Bytes that TLS has decrypted already make no socket readable.
        is_buffered = may_read and bool(getattr(sock, "pending", int)())
        timeout = 0.0 if is_buffered else _IDLE_S if may_read else _FULL_PAUSE_S
        readable, writable, _ = select.select(
            [self._wake_read, sock] if may_read else [self._wake_read],
            [sock] if client.want_write() else [],
            [],
            timeout,
        )
        if self._wake_read in readable:
            self._wake_read.recv(4096)
        # One by one: what is asked for anew is confirmed anew.
        while self._requests and client.is_connected():
            self._subscribe(client, self._requests.popleft())
        if (is_buffered or sock in readable) and (code := client.loop_read()):
            return code
        if writable and (code := client.loop_write()):
            return code
        return client.loop_misc()

    def _new_client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            self._client_id,
            clean_session=not self._is_remembered,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(_ANSWERS_IN_FLIGHT)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        # Without it paho writes from whatever thread publishes or acknowledges.
        client.on_socket_register_write = lambda *_: self._wake()
        return client

    def _on_connect(
        self, client: mqtt.Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            log.error("the broker refuses the connection: %s; trying again", reason)
            return
        self._subscribed = frozenset()
        self._unconfirmed.clear()
        self._requests.clear()
        self._subscribe(client, self._wanted)
        # Only now: an answer that says so reaches the broker after the filters.
        self.connections += 1

    def _subscribe(self, client: mqtt.Client, wanted: frozenset[str]) -> None:
        """Make the broker's filters those that are wanted; first the new ones."""
        for some in _packets(wanted - self._subscribed):
            mid = client.subscribe([(name, 1) for name in some])[1]
            self._unconfirmed[mid] = some
        for some in _packets(self._subscribed - wanted):
            client.unsubscribe(some)
        self._subscribed = wanted

    def _on_subscribe(
        self, _client: mqtt.Client, _userdata: Any, mid: int, reasons: Any, _properties: Any
    ) -> None:
        answers = list(zip(self._unconfirmed.pop(mid, ()), reasons, strict=False))
        refused = {name for name, reason in answers if reason.is_failure}
        if refused:
            log.error(
                "the broker refuses %s; give user %s the rights that it has in"
                " deploy/mosquitto.acl",
                ", ".join(sorted(refused)),
                self._settings.username,
            )
            self._subscribed -= refused
        if granted := frozenset(name for name, _ in answers if name not in refused):
            self._backoff.reset()
            self._listening(granted)

    def _on_message(self, client: mqtt.Client, _userdata: Any, received: mqtt.MQTTMessage) -> None:
        try:
            topic = received.topic
        except UnicodeDecodeError as error:
            topic = error.object.decode(errors="backslashreplace")
        mid, qos = received.mid, received.qos
        self._inbox.put(
            Message(
                topic,
                bytes(received.payload),
                received.retain,
                lambda: _acknowledge(client, mid, qos),
            )
        )

    def _lost(self, why: str) -> None:
        wait_s = self._backoff.next_delay_s()
        address = f"{self._settings.host}:{self._settings.port}"
        log.warning("no connection to the broker %s: %s; trying again", address, why)
        self._stopping.wait(wait_s)

    def _wake(self) -> None:
        # Full: it is awake anyway. Closed: it has left.
        with contextlib.suppress(OSError):
            self._wake_write.send(b"\0")


def _packets(filters: frozenset[str]) -> Iterator[list[str]]:
    names = sorted(filters)
    for start in range(0, len(names), _FILTERS_AT_ONCE):
        yield names[start : start + _FILTERS_AT_ONCE]


def _acknowledge(client: mqtt.Client, mid: int, qos: int) -> None:
    # On a connection that is gone the broker has forgotten the message, or sends it again.
    if qos and client.is_connected():
        client.ack(mid, qos)


def _close(client: mqtt.Client) -> None:
    if (sock := client.socket()) is not None:
        sock.close()
