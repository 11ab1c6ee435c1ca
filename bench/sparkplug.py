"""Sparkplug B metrics per second through one collector: Mosquitto, `takt edge`, spool.

Edge nodes publish data by alias, 50 metrics a message, at QoS 0 as Sparkplug has it. What is
in the spool's batches is counted against what was published: QoS 0 promises nothing, so what
the broker drops is a figure too.
"""

import multiprocessing
import socket
import struct
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import pyarrow.compute as pc

from bench._peer import Peer
from bench._ports import free_port
from bench._processes import PeakMemory, collector, mosquitto, wait_for
from bench._watching import accepted, cpu_s, until_still
from edge.sparkplug.sparkplug_b_pb2 import DataType, Payload
from takt import batch
from takt.topics import Collector

DEFAULT_SECONDS = 30.0
NODES, METRICS = 20, 50
_PER_SECOND = 60_000
_QUIET_S = 5.0
_DRAIN_S = 30.0
_BURST_S = 0.01
_CONNECT = b"\x10\x11\x00\x04MQTT\x04\x02\x00\x00\x00\x05bench"
_EDGE = """
site = "bench"
collector = "collector1"
[sources.plant]
kind = "sparkplug"
host = "127.0.0.1"
port = {port}
"""


def run(seconds: float) -> dict[str, float]:
    """Publish for `seconds`, wait until all has arrived or nothing more comes, count."""
    with tempfile.TemporaryDirectory(prefix="takt-bench-") as folder:
        port, home = free_port(), Path(folder) / "home"
        with mosquitto(Path(folder), port):
            peer = Peer(port, Collector("bench", "collector1"))
            with collector(home, _EDGE.format(port=port), port) as process:
                figures = _measure(process.process.pid, home, port, seconds, peer)
            peer.close()
    return figures


def _measure(pid: int, home: Path, port: int, seconds: float, peer: Peer) -> dict[str, float]:
    watched = psutil.Process(pid)
    wait_for("the subscription", lambda: "connected" in (home / "edge.log").read_text(), 10)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    arguments = (port, _PER_SECOND, seconds, theirs)
    nodes = context.Process(target=publish, args=arguments, daemon=True)
    nodes.start()
    ours.recv()
    memory, spent, started = PeakMemory(pid), cpu_s(watched), time.monotonic()
    published = int(ours.recv())
    mark = home / "edge" / "collector1" / "spool.mark"
    until_still(lambda: accepted(mark) - NODES * METRICS, published, _QUIET_S)
    passed, cpu = time.monotonic() - started, cpu_s(watched) - spent
    values = _Values(peer)
    arrived = until_still(values.count, published, _DRAIN_S)
    nodes.join(5)
    return {
        "metrics_per_s": arrived / passed,
        "cpu_us_per_metric": cpu / arrived * 1e6,
        "cpu_cores": cpu / passed,
        "rss_mb": memory.stop() / 1e6,
        "published": float(published),
        "lost": float(published - arrived),
    }


class _Values:
    """How many measurements the peer has."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._rows: dict[tuple[str, int], int] = {}

    def count(self) -> int:
        for key, payload in self._peer.take().items():
            if key not in self._rows:
                names = batch.decode(payload).table["signal"]
                self._rows[key] = pc.sum(pc.starts_with(names, "Measurement")).as_py() or 0
        return sum(self._rows.values()) - NODES * METRICS


def publish(port: int, per_second: int, seconds: float, report: Connection) -> None:
    """Edge nodes' births, then their data; reports the start, then how many metrics it sent."""
    with socket.create_connection(("127.0.0.1", port)) as broker:
        broker.sendall(_CONNECT)
        broker.recv(4)
        for node in range(NODES):
            broker.sendall(_packet(node, "NBIRTH", _birth()))
        time.sleep(1)
        sent, started = 0, time.monotonic()
        report.send("started")
        while (passed := time.monotonic() - started) < seconds:
            due = int(passed * per_second / METRICS)
            now = time.time_ns() // 1_000_000
            packets = [_packet(n % NODES, "NDATA", _data(n, now)) for n in range(sent, due)]
            broker.sendall(b"".join(packets))
            sent = due
            time.sleep(_BURST_S)
        report.send(sent * METRICS)
        broker.sendall(b"\xe0\x00")


def _birth() -> bytes:
    now = time.time_ns() // 1_000_000
    payload = Payload(timestamp=now, seq=0)
    for alias in range(METRICS):
        payload.metrics.add(
            name=f"Measurement{alias:02d}", alias=alias, datatype=DataType.Double, double_value=0
        )
    return payload.SerializeToString()


def _data(number: int, now: int) -> bytes:
    payload = Payload(timestamp=now, seq=(number // NODES + 1) % 256)
    for alias in range(METRICS):
        payload.metrics.add(alias=alias, timestamp=now, double_value=number + alias / 64)
    return payload.SerializeToString()


def _packet(node: int, kind: str, payload: bytes) -> bytes:
    topic = f"spBv1.0/plant/{kind}/edge{node:02d}".encode()
    body = struct.pack(">H", len(topic)) + topic + payload
    length, head = len(body), b"\x30"
    while length > 127:
        head += bytes([length % 128 | 128])
        length //= 128
    return head + bytes([length]) + body
