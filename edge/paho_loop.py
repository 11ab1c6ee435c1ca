"""A paho client that is driven by asyncio, without a thread of its own.

Belongs here: reading and writing by paho's interface for outside event loops. Every call of
paho's thread ends in a `select` and a byte through a socket pair for each message; here many
messages share one wake-up, and no lock is passed from thread to thread.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from paho.mqtt.client import Client

if TYPE_CHECKING:
    from paho.mqtt.client import SocketLike

_AT_ONCE = 250
"""Messages read before other tasks have their turn."""
_MISC_S = 1.0
_NOTHING = "takt/nothing"
"""A topic that nobody has subscribed to: giving it up is a sign of life without effect."""


class PahoLoop:
    """Reads, writes and keeps alive for a client that has connected.

    Args:
        client: Its `on_message` must call `received`.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._received = 0
        self._is_paused = False
        self._is_behind = False
        self._alive_at = 0.0
        self._misc: asyncio.TimerHandle | None = None

    def received(self) -> None:
        """A message was handed to the client's callback."""
        self._received += 1

    def start(self) -> None:
        """Begin; to be called in the event loop, with a client whose `connect` has returned."""
        self._client.on_socket_register_write = self._want_write
        self._client.on_socket_unregister_write = self._have_written
        self._client.on_socket_close = self._forget
        if (socket := self._client.socket()) is not None:
            self._loop.add_reader(socket, self._read)
        self._keep_alive()

    def pause(self) -> None:
        """Take nothing more from the broker until `resume`."""
        if not self._is_paused and (socket := self._client.socket()) is not None:
            self._loop.remove_reader(socket)
        self._is_paused = self._is_behind = True

    def resume(self) -> None:
        """Take messages again."""
        if self._is_paused and (socket := self._client.socket()) is not None:
            self._loop.add_reader(socket, self._read)
            # What TLS holds decrypted wakes nobody.
            self._loop.call_soon(self._read)
        self._is_paused = False

    def stop(self) -> None:
        """Send what is queued as far as the socket takes it, then let go of the client."""
        if self._misc is not None:
            self._misc.cancel()
        self._client.loop_write()
        if (socket := self._client.socket()) is not None:
            self._loop.remove_reader(socket)
            self._loop.remove_writer(socket)

    def _read(self) -> None:
        for _ in range(_AT_ONCE):
            if self._is_paused:
                return
            before = self._received
            self._client.loop_read()
            if self._received == before:
                self._is_behind = False
                break
        socket = self._client.socket()
        if socket is not None and _pending(socket):
            self._loop.call_soon(self._read)

    def _write(self) -> None:
        self._client.loop_write()

    def _keep_alive(self) -> None:
        if self._is_behind:
            self._show_life()
        else:
            self._client.loop_misc()
        if self._client.socket() is not None:
            self._misc = self._loop.call_later(_MISC_S, self._keep_alive)

    def _show_life(self) -> None:
        """Instead of a ping, whose answer would lie unread behind the messages that wait."""
        now = self._loop.time()
        if now - self._alive_at >= self._client.keepalive / 2:
            self._alive_at = now
            self._client.unsubscribe(_NOTHING)

    def _want_write(self, _client: Client, _data: object, socket: "SocketLike") -> None:
        self._loop.add_writer(socket, self._write)

    def _have_written(self, _client: Client, _data: object, socket: "SocketLike") -> None:
        self._loop.remove_writer(socket)

    def _forget(self, _client: Client, _data: object, socket: "SocketLike") -> None:
        self._loop.remove_reader(socket)
        self._loop.remove_writer(socket)


def _pending(socket: "SocketLike") -> int:
    pending: Callable[[], int] | None = getattr(socket, "pending", None)
    return pending() if pending is not None else 0
