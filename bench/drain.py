"""A collector comes back after an outage: how fast its backlog drains, how late live data are.

A spool is filled beforehand; then Mosquitto, ingestion and the collector start, and machines
publish live values beside the backlog. The lake is asked how old its newest live value is
until all that waited is committed.
"""

import statistics
import tempfile
import time
from pathlib import Path

import duckdb

import lake
from bench._machines import EDGE, Machines, Pace
from bench._ports import free_port
from bench._processes import collector, ingestion, mosquitto
from edge.spool import Delivery, Spool
from takt import batch
from takt.batch import Sample
from takt.settings import BrokerSettings, Settings

DEFAULT_SECONDS = 30.0
_LIVE_PER_S = 2_000.0
_BACKLOG_BATCHES = 6_000
_ROWS = batch.MAX_ROWS // 4
"""A quarter of a second of 1,000 samples/s."""


def run(seconds: float) -> dict[str, float]:
    """Drain a backlog under `seconds` of live load."""
    with tempfile.TemporaryDirectory(prefix="takt-bench-") as folder:
        home, machines_port = Path(folder) / "home", free_port()
        broker = BrokerSettings(port=free_port(), embedded=False)
        settings = Settings(home=home, catalog=None, data=None, broker=broker)
        lake.schema.create(settings)
        backlog = _fill(home / "edge" / "collector1" / "spool.db")
        machines_folder = Path(folder) / "machines"
        machines_folder.mkdir()
        with (
            mosquitto(Path(folder), broker.port),
            mosquitto(machines_folder, machines_port),
            ingestion(settings, Path(folder)),
            collector(home, EDGE.format(port=machines_port, number=1), broker.port),
        ):
            figures = _measure(settings, machines_port, backlog, seconds)
        lake.catalog.leave(settings)
    return figures


def _fill(path: Path) -> int:
    """Rows of an outage, put into a spool that is then closed."""
    spool = Spool(path, lambda: time.time_ns() // 1_000, capacity_bytes=10**10)
    began = time.time_ns() // 1_000 - _BACKLOG_BATCHES * 250_000
    for number in range(_BACKLOG_BATCHES):
        at = began + number * 250_000
        samples = [
            Sample(f"area1/line1/unit{n % 40:02d}", "Waited", at + n * 1_000, n / 7, None, 0, at)
            for n in range(_ROWS)
        ]
        spool.append([Delivery(samples)])
    spool.close()
    return _BACKLOG_BATCHES * _ROWS


def _measure(settings: Settings, port: int, backlog: int, seconds: float) -> dict[str, float]:
    mark = settings.home / "edge" / "collector1" / "spool.mark"
    machines = Machines(port, Pace(_LIVE_PER_S, seconds, mark, ahead=20_000))
    machines.wait_started()
    started, ages, drained_s = time.monotonic(), [], 0.0
    with lake.open(settings, read_only=True) as connection:
        while not drained_s:
            time.sleep(0.25)
            waited, newest = _seen(connection)
            passed = time.monotonic() - started
            ages.append(time.time() - newest / 1e6 if newest else passed)
            if waited >= backlog:
                drained_s = passed
        published = machines.wait()
        while (live := _live(connection)) < published and time.monotonic() - started < 180:
            time.sleep(0.25)
    return {
        "backlog_rows": float(backlog),
        "drain_rows_per_s": backlog / drained_s,
        "drain_times_outage_rate": backlog / drained_s / 1_000,
        "live_per_s": _LIVE_PER_S,
        "live_age_p50_s": statistics.median(ages),
        "live_age_max_s": max(ages),
        "live_lost": float(published - live),
    }


def _seen(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Rows of the backlog that are committed, and when the newest live value was born."""
    row = connection.execute(
        "select count(*) filter (signal = 'Waited'),"
        " coalesce(max(epoch_us(observed_at)) filter (starts_with(signal, 'Measurement')), 0)"
        " from raw.telemetry"
    ).fetchall()[0]
    return int(row[0]), int(row[1])


def _live(connection: duckdb.DuckDBPyConnection) -> int:
    found = connection.execute(
        "select count(distinct value) from raw.telemetry where starts_with(signal, 'Measurement')"
    ).fetchall()
    return int(found[0][0])
