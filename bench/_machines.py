"""Machines that publish one JSON value a message at QoS 1, as fast as they are told.

The packets are put together here, many a system call: a client library's work per message
would take the core that the measured process needs.
"""

import multiprocessing
import socket
import struct
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from bench._watching import accepted

EQUIPMENT, SIGNALS = 40, 25
_BURST_S = 0.01
_CONNECT = b"\x10\x12\x00\x04MQTT\x04\x02\x00\x00\x00\x06bench"
"""To it belongs one more digit, so that each has a session of its own."""
_PUBACK_BYTES = 4
_HEARTBEAT_S = 5.0
EDGE = """
site = "bench"
collector = "collector{number}"
[sources.machines]
kind = "mqtt"
host = "127.0.0.1"
port = {port}
topic = "plant{number}/{{equipment:3}}/{{signal}}"
timestamp = "timestamp_us"
timestamp_unit = "us"
"""
"""Configuration of the collector `number` that hears them; `port` is their broker's."""


class Pace(NamedTuple):
    """How fast and for how long.

    Attributes:
        per_second: Messages at the most.
        seconds: For how long.
        mark: The collector's mark file, which says how far it is.
        ahead: How many messages wait in the broker at the most; it would drop more.
        number: Whose machines they are: their topics begin with it.
    """

    per_second: float
    seconds: float
    mark: Path
    ahead: int = 5_000
    number: int = 1


class Machines:
    """A process that publishes values 1, 2, 3, … at a pace to the broker at `port`."""

    def __init__(self, port: int, pace: Pace) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_publish, args=(port, pace, theirs), daemon=True)
        self._process.start()
        self._patience_s = pace.seconds + 60

    def wait_started(self) -> None:
        """Return with the first message."""
        if not self._ours.poll(30):
            raise TimeoutError("the machines did not start")
        self._ours.recv()

    def wait(self) -> int:
        """How many messages the broker has acknowledged: all that were published."""
        try:
            if not self._ours.poll(self._patience_s):
                raise TimeoutError("the machines did not finish")
            return int(self._ours.recv())
        finally:
            self._process.join(5)
            self._process.kill()


def _publish(port: int, pace: Pace, report: Connection) -> None:
    topics = [_topic(pace.number, signal) for signal in range(EQUIPMENT * SIGNALS)]
    with socket.create_connection(("127.0.0.1", port)) as broker:
        broker.sendall(_CONNECT + b"%d" % (pace.number % 10))
        broker.recv(4)
        acknowledged = _Acknowledged(broker)
        sent, started = 0, time.monotonic()
        accepted = _accepted(pace.mark)
        report.send("started")
        while (passed := time.monotonic() - started) < pace.seconds:
            due = min(
                int(passed * pace.per_second), accepted() + pace.ahead, acknowledged() + 20_000
            )
            if due > sent:
                now = time.time_ns() // 1_000
                broker.sendall(b"".join(_packet(topics, n, now) for n in range(sent, due)))
                sent = due
            time.sleep(_BURST_S)
        while acknowledged() < sent:
            time.sleep(_BURST_S)
        broker.sendall(b"\xe0\x00")
    report.send(sent)


class _Acknowledged:
    """How many messages the broker has taken."""

    def __init__(self, broker: socket.socket) -> None:
        self._broker = broker
        self._bytes = 0

    def __call__(self) -> int:
        try:
            while read := self._broker.recv(65_536, socket.MSG_DONTWAIT):
                self._bytes += len(read)
        except BlockingIOError:
            pass
        return self._bytes // _PUBACK_BYTES


def _accepted(mark: Path) -> Callable[[], int]:
    """Values accepted since now, as the collector writes rows beside its spool.

    Heartbeats are rows too. Not told apart they would let more and more wait in the broker,
    which drops what its queue has no room for.
    """
    first, started = accepted(mark), time.monotonic()

    def values() -> int:
        heartbeats = EQUIPMENT * (1 + (time.monotonic() - started) / _HEARTBEAT_S)
        return accepted(mark) - first - int(heartbeats)

    return values


def _topic(plant: int, number: int) -> bytes:
    unit, signal = number % EQUIPMENT, number // EQUIPMENT
    return f"plant{plant}/area1/line{unit % 4}/unit{unit:02d}/Measurement{signal:02d}".encode()


def _packet(topics: list[bytes], number: int, now: int) -> bytes:
    topic = topics[number % len(topics)]
    # Packet identifiers are 16 bits and never 0.
    identifier = number % 65_535 + 1
    payload = b'{"timestamp_us": %d, "value": %d}' % (now, number + 1)
    head = struct.pack(">H", len(topic)) + topic + struct.pack(">H", identifier)
    return b"\x32" + bytes([len(head) + len(payload)]) + head + payload
