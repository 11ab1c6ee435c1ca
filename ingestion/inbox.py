"""What came from the broker and is not settled yet, in memory, bounded.

Belongs here: counting and handing over between the network's thread and the committer.
The bound is never reached by collectors that keep to their credit; it holds against
everybody else.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

MESSAGE_OVERHEAD_BYTES = 1_024
"""What a message costs in memory beside its payload, about."""


def _now() -> int:
    return time.time_ns() // 1_000


def _no_answer() -> None:
    """A message that nobody waits for (replayed, or QoS 0)."""


@dataclass(frozen=True)
class Message:
    """One MQTT message.

    Attributes:
        topic: Where it was published.
        payload: Its bytes.
        is_retained: The broker had kept it; it comes again after each reconnect.
        acknowledge: Tells the broker that it is settled.
        received_at: When it arrived, in µs since 1970.
    """

    topic: str
    payload: bytes
    is_retained: bool = False
    acknowledge: Callable[[], None] = _no_answer
    received_at: int = field(default_factory=_now)

    @property
    def size(self) -> int:
        """Bytes it costs to hold, about."""
        return len(self.payload) + MESSAGE_OVERHEAD_BYTES


class Inbox:
    """Messages between the network's thread and the committer."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held_bytes = 0
        self._messages: list[Message] = []
        self._arrived = threading.Condition()

    @property
    def has_room(self) -> bool:
        """Whether another message may be read from the network; always when empty."""
        return self._held_bytes < self._max_bytes

    @property
    def held_bytes(self) -> int:
        """Bytes of all messages that were put and not released."""
        return self._held_bytes

    def put(self, message: Message) -> None:
        """Hand over a message."""
        with self._arrived:
            self._messages.append(message)
            self._held_bytes += message.size
            self._arrived.notify()

    def take(self, timeout_s: float) -> list[Message]:
        """All messages that are there; waits for the first one or for `wake`."""
        with self._arrived:
            if not self._messages and timeout_s > 0:
                self._arrived.wait(timeout_s)
            messages, self._messages = self._messages, []
        return messages

    def release(self, size: int) -> None:
        """Messages of this size together are settled and no longer held."""
        with self._arrived:
            self._held_bytes -= size

    def wake(self) -> None:
        """End a `take` that waits."""
        with self._arrived:
            self._arrived.notify_all()
