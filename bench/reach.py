"""From a machine's change to the committed row: p50, p95 and max at 10,000 values per second.

Sparkplug edge nodes, Mosquitto, `takt edge`, Mosquitto again, `takt ingest`, lake. A row is
there when ingestion's acknowledgement, sent after its COMMIT, is heard by this process; it was
born when its edge node says.
"""

import multiprocessing
import tempfile
import threading
import time
from pathlib import Path

import paho.mqtt.client as mqtt
import pyarrow as pa
from paho.mqtt.enums import CallbackAPIVersion

import lake
from bench._ports import free_port
from bench._processes import collector, ingestion, mosquitto, wait_for
from bench.sparkplug import publish
from takt import topics
from takt.messages import Ack
from takt.settings import BrokerSettings, Settings

DEFAULT_SECONDS = 60.0
_PER_SECOND = 10_000
_WARM_UP_S = 5.0
_DRAIN_S = 30.0
_EDGE = """
site = "bench"
collector = "collector1"
[sources.plant]
kind = "sparkplug"
host = "127.0.0.1"
port = {port}
"""
_DELAYS = """
with ranges as (
    select batch.epoch, first_row, first_row + rows - 1 as last_row, committed_at,
        min(acks.heard_at) as heard_at
    from raw.batch join acks on acks.epoch = batch.epoch and acks.through >= batch.last_seq
    where status = 'committed' group by all
),
delays as (
    select (heard_at - epoch_us(observed_at)) / 1e6 as heard_s,
        epoch_us(received_at - observed_at) / 1e6 as received_s,
        epoch_us(committed_at - received_at) / 1e6 as waited_s
    from raw.telemetry
    join ranges on telemetry.epoch = ranges.epoch and row_number between first_row and last_row
    where starts_with(signal, 'Measurement') and epoch_us(observed_at) >= $since
)
select count(*), quantile_cont(heard_s, 0.5), quantile_cont(heard_s, 0.95), max(heard_s),
    quantile_cont(received_s, 0.95), quantile_cont(waited_s, 0.95)
from delays
"""


def run(seconds: float) -> dict[str, float]:
    """Publish for `seconds` after a warm-up; figures in seconds, of every value."""
    with tempfile.TemporaryDirectory(prefix="takt-bench-") as folder:
        home = Path(folder) / "home"
        broker = BrokerSettings(port=free_port(), embedded=False)
        settings = Settings(home=home, catalog=None, data=None, broker=broker)
        lake.schema.create(settings)
        with (
            mosquitto(Path(folder), broker.port),
            ingestion(settings, Path(folder)),
            collector(home, _EDGE.format(port=broker.port), broker.port),
        ):
            wait_for("the subscription", lambda: "connected" in _log(home), 10)
            figures = _measure(settings, seconds)
        lake.catalog.leave(settings)
    return figures


def _log(home: Path) -> str:
    return (home / "edge.log").read_text()


def _measure(settings: Settings, seconds: float) -> dict[str, float]:
    acks = _Acks(settings.broker.port)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    arguments = (settings.broker.port, _PER_SECOND, _WARM_UP_S + seconds, theirs)
    nodes = context.Process(target=publish, args=arguments, daemon=True)
    nodes.start()
    ours.recv()
    since = time.time() + _WARM_UP_S
    published, passed = int(ours.recv()), seconds
    nodes.join(5)
    with lake.open(settings, read_only=True) as connection:
        connection.register("acks", acks.until_still(_DRAIN_S))
        row = connection.execute(_DELAYS, {"since": int(since * 1e6)}).fetchall()[0]
        names = "where starts_with(signal, 'Measurement')"
        (there,) = connection.execute(f"select count(*) from raw.telemetry {names}").fetchall()[0]
    acks.close()
    return {
        "values": float(row[0]),
        "values_per_s": row[0] / passed,
        "p50_s": row[1],
        "p95_s": row[2],
        "max_s": row[3],
        "received_p95_s": row[4],
        "received_to_commit_p95_s": row[5],
        "published": float(published),
        "in_lake": float(there),
    }


class _Acks:
    """When this process heard how far all is settled."""

    def __init__(self, port: int) -> None:
        self._heard: list[tuple[str, int, int]] = []
        self._lock = threading.Lock()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "bench-acks")
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def until_still(self, patience_s: float) -> pa.Table:
        """All acknowledgements, once they say nothing new for two seconds."""
        deadline, seen = time.monotonic() + patience_s, -1
        while (now := self._furthest()) > seen and time.monotonic() < deadline:
            seen = now
            time.sleep(2)
        with self._lock:
            epochs, through, heard_at = zip(*self._heard, strict=True)
        return pa.table({"epoch": epochs, "through": through, "heard_at": heard_at})

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _furthest(self) -> int:
        with self._lock:
            return max((through for _, through, _ in self._heard), default=0)

    def _on_connect(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe(topics.ack_topic(topics.Collector("bench", "collector1")), 1)

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        now, ack = time.time_ns() // 1_000, Ack.model_validate_json(message.payload)
        with self._lock:
            self._heard.append((ack.epoch, ack.settled_through, now))
