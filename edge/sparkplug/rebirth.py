"""Asking an edge node to say its births again, and not too often.

Belongs here: the message and its limits. A node that must be asked again and again is asked
ever more seldom: births are large, and some nodes cannot mend what is wrong.
"""

import time

from edge.sparkplug.birth import REBIRTH
from edge.sparkplug.sparkplug_b_pb2 import DataType, Payload

_LEAST = 1_000_000
_MOST = 60_000_000


def rebirth_command() -> bytes:
    """The payload of the command."""
    now = time.time_ns() // 1_000_000
    payload = Payload(timestamp=now)
    payload.metrics.add(name=REBIRTH, timestamp=now, datatype=DataType.Boolean, boolean_value=True)
    return payload.SerializeToString()


class RebirthLimit:
    """At most one request a second to one node; twice as long after each, up to a minute.

    After two minutes without need it starts over.

    Times are µs of any clock that never steps.
    """

    def __init__(self) -> None:
        self._asked_at: int | None = None
        self._patience = _LEAST

    def admits(self, now: int) -> bool:
        """Whether to ask now; counts as asked."""
        if self._asked_at is not None:
            passed = now - self._asked_at
            if passed < self._patience:
                return False
            self._patience = _LEAST if passed >= 2 * _MOST else min(2 * self._patience, _MOST)
        self._asked_at = now
        return True
