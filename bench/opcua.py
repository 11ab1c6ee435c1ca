"""OPC UA value changes per second through one collector: a server of 10,000 items, spool, broker.

The server's counters count up, each a step at a time; the collector subscribes to all of them,
accepts what it hears into its spool and forwards it over Mosquitto to a peer that acknowledges.
Every counter must arrive without a jump. Server and collector are watched apart.
"""

import json
import re
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.compute as pc

from bench._opcua_server import CountingServer, Shape
from bench._peer import Peer
from bench._ports import free_port
from bench._processes import PeakMemory, collector, mosquitto, wait_for
from takt import batch
from takt.topics import Collector

DEFAULT_SECONDS = 60.0
_SHAPE = Shape(units=100, counters=100, per_second=12_000)
_SUBSCRIBED_S = 120.0
_QUIET_S = 5.0
_EDGE = """
site = "bench"
collector = "collector1"
[sources.plant]
kind = "opcua"
endpoint = "opc.tcp://127.0.0.1:{port}"
[[sources.plant.nodes]]
path = "{{equipment}}/{{signal}}"
"""


def run(seconds: float) -> dict[str, float]:
    """Count for `seconds`, wait until all has arrived or nothing more comes, compare."""
    with tempfile.TemporaryDirectory(prefix="takt-bench-") as folder:
        home, broker, port = Path(folder) / "home", free_port(), free_port()
        server = CountingServer(port, _SHAPE)
        with mosquitto(Path(folder), broker):
            peer = Peer(broker, Collector("bench", "collector1"))
            with collector(home, _EDGE.format(port=port), broker) as process:
                figures = _measure(process.process.pid, home, server, peer, seconds)
            peer.close()
        server.end()
    return figures


def _measure(
    pid: int, home: Path, server: CountingServer, peer: Peer, seconds: float
) -> dict[str, float]:
    log_file, mark = home / "edge.log", home / "edge" / "collector1" / "spool.mark"
    wait_for("the items", lambda: ": up: connected" in log_file.read_text(), _SUBSCRIBED_S)
    _until_still(lambda: _accepted(mark), _SHAPE.items, _QUIET_S)
    watched, its_server = psutil.Process(pid), psutil.Process(server.pid)
    memory, spent, served = PeakMemory(pid), _cpu_s(watched), _cpu_s(its_server)
    started = time.monotonic()
    changes = server.count(seconds)
    counting_s, served = time.monotonic() - started, _cpu_s(its_server) - served
    wanted = changes + _SHAPE.items
    _until_still(lambda: _accepted(mark), wanted, _QUIET_S)
    passed, spent = time.monotonic() - started, _cpu_s(watched) - spent
    values = _Values(peer)
    _until_still(values.count, wanted, _QUIET_S)
    return {
        "changes_per_s": changes / passed,
        "collector_cpu_us_per_change": spent / changes * 1e6,
        "collector_cpu_cores": spent / passed,
        "collector_rss_mb": memory.stop() / 1e6,
        "server_cpu_us_per_change": served / changes * 1e6,
        "server_cpu_cores": served / counting_s,
        "subscribed_s": _subscribed_s(log_file.read_text()),
        **_compared(values, changes),
    }


class _Values:
    """What the peer has, read as it comes."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._tables: dict[tuple[str, int], pa.Table] = {}

    @property
    def all(self) -> pa.Table:
        return pa.concat_tables(self._tables.values())

    def count(self) -> int:
        """Of the counters."""
        for key, payload in self._peer.take().items():
            if key not in self._tables:
                table = batch.decode(payload).table
                self._tables[key] = table.select(["equipment", "signal", "value"])
        return int(_of_counters(self.all).num_rows)


def _of_counters(table: pa.Table) -> pa.Table:
    return table.filter(pc.starts_with(table["signal"], "Counter"))


def _compared(values: _Values, changes: int) -> dict[str, float]:
    """Every counter's values beside those that it had: 0, 1, 2, … without a jump."""
    counters = _of_counters(values.all)
    each = counters.group_by(["equipment", "signal"]).aggregate(
        [("value", "count_distinct"), ("value", "max")]
    )
    distinct = pc.sum(each["value_count_distinct"]).as_py()
    jumps = pc.sum(pc.not_equal(pc.add(each["value_max"], 1), each["value_count_distinct"]))
    overflows = values.all.filter(pc.equal(values.all["signal"], "$overflow"))
    return {
        "changes": float(changes),
        "lost": float(changes + _SHAPE.items - distinct),
        "doubled": float(counters.num_rows - distinct),
        "counters_with_a_jump": float(jumps.as_py()),
        "overflows": float(pc.sum(overflows["value"]).as_py() or 0),
    }


def _subscribed_s(log: str) -> float:
    """From the collector's start until it had all items."""
    times = [
        datetime.fromisoformat(found.group(1))
        for found in re.finditer(r"^(\S+Z) .*(?: ready: |: up: connected)", log, re.MULTILINE)
    ]
    return (times[1] - times[0]).total_seconds()


def _until_still(count: Callable[[], int], wanted: int, patience_s: float) -> None:
    """Return once the count is all that is wanted, or has not moved for a while."""
    seen, moved_at = count(), time.monotonic()
    while seen < wanted and time.monotonic() - moved_at < patience_s:
        time.sleep(0.05)
        if (now := count()) > seen:
            seen, moved_at = now, time.monotonic()


def _accepted(mark: Path) -> int:
    return int(json.loads(mark.read_bytes())["last_row"])


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
