"""One-value JSON messages per second through one collector: Mosquitto, `takt edge`, spool.

Machines publish at QoS 1, the collector accepts each message into its spool and forwards the
batches to a peer that acknowledges them. What arrives is counted against what was published, and
the broker says how many it has dropped itself because a queue was full.
"""

import tempfile
import time
from pathlib import Path

import psutil
import pyarrow as pa

from bench._machines import EDGE, Machines, Pace
from bench._peer import Peer
from bench._ports import free_port
from bench._processes import PeakMemory, collector, dropped, mosquitto, wait_for
from bench._watching import cpu_s
from takt import batch
from takt.topics import Collector

DEFAULT_SECONDS = 60.0
_PER_SECOND = 30_000.0
"""More than one collector takes: how fast it is, its acknowledgements say."""
_DRAIN_S = 30.0


def run(seconds: float) -> dict[str, float]:
    """Publish for `seconds`, wait until all has arrived, count."""
    with tempfile.TemporaryDirectory(prefix="takt-bench-") as folder:
        port = free_port()
        with mosquitto(Path(folder), port):
            return {**collected(Path(folder), port, seconds), "dropped_by_broker": dropped(port)}


def collected(folder: Path, port: int, seconds: float, number: int = 1) -> dict[str, float]:
    """What the collector `number` takes of its own machines at a broker that runs.

    Args:
        folder: Gets its home.
        port: Of the broker.
        seconds: For how long the machines publish.
        number: Tells it and its machines from others beside it.
    """
    home = folder / f"home{number}"
    peer = Peer(port, Collector("bench", f"collector{number}"))
    with collector(home, EDGE.format(port=port, number=number), port) as process:
        mark = home / "edge" / f"collector{number}" / "spool.mark"
        wait_for("the subscription", lambda: "connected" in (home / "edge.log").read_text(), 10)
        pace = Pace(_PER_SECOND, seconds, mark, number=number)
        figures = _measure(process.process.pid, port, pace, peer)
    peer.close()
    return figures


def _measure(pid: int, port: int, pace: Pace, peer: Peer) -> dict[str, float]:
    watched, machines = psutil.Process(pid), Machines(port, pace)
    machines.wait_started()
    memory, spent, started = PeakMemory(pid), cpu_s(watched), time.monotonic()
    published = machines.wait()
    values = _Values(peer)
    deadline = time.monotonic() + _DRAIN_S
    while values.count() < published and time.monotonic() < deadline:
        time.sleep(0.05)
    passed, cpu = time.monotonic() - started, cpu_s(watched) - spent
    return {
        "messages_per_s": published / passed,
        "cpu_us_per_message": cpu / published * 1e6,
        "cpu_cores": cpu / passed,
        "rss_mb": memory.stop() / 1e6,
        "published": float(published),
        "lost": float(published - values.distinct()),
        "doubled": float(values.count() - values.distinct()),
    }


class _Values:
    """The measurements among what the peer has."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._known: set[tuple[str, int]] = set()
        self._numbers: list[pa.ChunkedArray] = []

    def count(self) -> int:
        for key, payload in self._peer.take().items():
            if key not in self._known:
                self._known.add(key)
                table = batch.decode(payload).table
                self._numbers.append(table["value"].filter(_is_measured(table)))
        return sum(len(numbers) for numbers in self._numbers)

    def distinct(self) -> int:
        chunks = [chunk for numbers in self._numbers for chunk in numbers.chunks]
        return len(pa.chunked_array(chunks, pa.float64()).unique())


def _is_measured(table: pa.Table) -> pa.ChunkedArray:
    return pa.compute.starts_with(table["signal"], "Measurement")
