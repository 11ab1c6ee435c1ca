"""The chain from a counted source to the lake, as real processes that can be killed.

    counted source → machines' broker → `takt edge` → Takt's broker → `takt ingest` → lake

The machines' broker is never killed: what a foreign broker loses before handing it over is
not Takt's. Everything else is. Belongs here: what runs. Whether everything arrived is asked in
`tests.e2e.verdict`.
"""

import json
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import paho.mqtt.client as mqtt
import psutil

import lake
from edge.recent_packets import REMEMBERED
from takt import children
from takt.settings import BrokerSettings, Settings
from tests.command import environment
from tests.conftest import Mosquitto, accepts_connections, asked, free_port, wait_until

EDGE = """
site = "demo"
collector = "collector1"
[sources.counted]
kind = "mqtt"
host = "127.0.0.1"
port = {port}
topic = "plant/{{equipment:3}}/{{signal}}"
timestamp = "timestamp_us"
timestamp_unit = "us"
"""

UNDATED = """
site = "demo"
collector = "collector1"
[sources.counted]
kind = "mqtt"
host = "127.0.0.1"
port = {port}
topic = "undated/{{equipment:3}}/{{signal:1}}"
"""

COUNTER = "signal = 'counter'"
COMMITS = """
    select told.*, epoch_us(timezone('UTC', snapshot_time)) as committed_at
    from (select *, snapshot_id from raw.telemetry) as told
    join ducklake_snapshots('lake') using (snapshot_id)
"""


class CountedSource:
    """Publishes 1, 2, 3, … on one topic with QoS 1, each with its time, until stopped."""

    def __init__(
        self, port: int, per_second: float, line: str = "line1", above: str = "plant"
    ) -> None:
        self.count = 0
        self.began_at = time.time()
        self._topic = f"{above}/assembly/{line}/press01/counter"
        self._pause_s = 1 / per_second
        self._stop = threading.Event()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"machine-{line}")
        self._client.max_queued_messages_set(0)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._run, name="counted source")
        self._thread.start()

    def stop(self) -> int:
        """Stop and return how many values the machines' broker has accepted: all."""
        if not self._stop.is_set():
            self._stop.set()
            self._thread.join()
            self._last.wait_for_publish(30)
            self._client.disconnect()
            self._client.loop_stop()
        return self.count

    def _run(self) -> None:
        while not self._stop.wait(self._pause_s):
            self.count += 1
            payload = {"value": self.count, "timestamp_us": time.time_ns() // 1000}
            self._last = self._client.publish(self._topic, json.dumps(payload), qos=1)


class CountedMosquitto(Mosquitto):
    """A Mosquitto that says every second how many messages it holds."""

    def settings(self) -> str:
        return "sys_interval 1\n"


class Chain:
    """Broker, edge and ingestion of one home, as children of the test.

    Attributes:
        variables: Further environment of each process.
        wrapped: Command that each process is run by, as its last arguments.
    """

    def __init__(self, home: Path, machines: Mosquitto, broker: str) -> None:
        self.machines = machines
        self.settings = Settings(
            home=home,
            broker=BrokerSettings(port=free_port(), embedded=broker == "embedded"),
        )
        home.mkdir(parents=True, exist_ok=True)
        (home / "edge.toml").write_text(EDGE.format(port=machines.port))
        self._mosquitto = CountedMosquitto(home, self.settings.broker.port)
        self._metrics = {"edge": free_port(), "ingest": free_port()}
        self.variables: dict[str, dict[str, str]] = {
            verb: {f"TAKT_METRICS__{verb.upper()}_PORT": str(port)}
            for verb, port in self._metrics.items()
        }
        self.wrapped: dict[str, list[str | Path]] = {}
        self._children: dict[str, children.Child] = {}
        self.log_file = home / "chain.log"
        self._log = self.log_file.open("ab")

    def collect_undated(self) -> None:
        """Let the collector, from its start, take its own times for `undated/#`."""
        (self.settings.home / "edge.toml").write_text(UNDATED.format(port=self.machines.port))

    def start(self, name: str) -> None:
        """Start `broker`, `edge` or `ingest`; a broker is waited for."""
        if name == "broker" and not self.settings.broker.embedded:
            self._mosquitto.start()
            return
        self._children[name] = self.start_another(name)
        if name == "broker":
            wait_until(lambda: accepts_connections(self.settings.broker.port), "the broker")

    def start_another(self, verb: str) -> children.Child:
        """Start `takt VERB` beside whatever runs."""
        return children.start(
            verb,
            [*self.wrapped.get(verb, []), sys.executable, "-m", "takt", verb],
            env=environment(self.settings)
            | {"TAKT_BROKER__EMBEDDED": str(self.settings.broker.embedded)}
            | self.variables.get(verb, {}),
            output=self._log,
        )

    def kill(self, name: str) -> None:
        """SIGKILL `broker`, `edge`, `ingest` or `catalog`; nobody is told."""
        if name == "catalog":
            self._kill_catalog()
        elif name == "broker" and not self.settings.broker.embedded:
            self._mosquitto.kill()
        else:
            children.kill_session(self._children[name].process.pid)
            self._children[name].process.wait()

    def child(self, name: str) -> children.Child:
        """The running process of that name."""
        return self._children[name]

    def health(self, name: str) -> str:
        """How `edge` or `ingest` says that it is when it is asked: `ok`, or what is wrong."""
        return str(json.loads(asked(self._metrics[name], "/health")[1])["status"])

    def figure(self, name: str, figure: str) -> float:
        """One of the figures that `edge` or `ingest` shows to Prometheus."""
        lines = asked(self._metrics[name], "/metrics")[1].splitlines()
        return float(next(line for line in lines if line.startswith(f"{figure} ")).split()[1])

    def memory_mb(self, name: str) -> float:
        """What `edge` or `ingest` holds in memory."""
        return psutil.Process(self.child(name).process.pid).memory_info().rss / 1e6

    def says(self, words: str) -> bool:
        """Whether any process has logged these words."""
        return self.told(words) > 0

    def told(self, words: str) -> int:
        """How often any process has logged these words."""
        return self.log_file.read_text(errors="replace").count(words)

    def pause(self, name: str) -> None:
        """SIGSTOP `edge`, `ingest` or every process of `catalog`; nobody is told."""
        self._send(name, signal.SIGSTOP)

    def wake(self, name: str) -> None:
        """SIGCONT what was paused."""
        self._send(name, signal.SIGCONT)

    def _send(self, name: str, number: signal.Signals) -> None:
        if name != "catalog":
            self._children[name].send(number)
            return
        # The server first: one that is still at work begets backends that nobody stops.
        for server in self._catalog_servers():
            with suppress(psutil.NoSuchProcess):
                server.send_signal(number)
        for process in self._catalog_processes():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def kill_and_restart(self, name: str) -> None:
        """SIGKILL a process and start it again; the catalog is started by who needs it."""
        self.kill(name)
        if name != "catalog":
            self.start(name)

    def end(self, name: str) -> None:
        """End `edge` or `ingest` as an operator would; it finishes what it has begun."""
        if name in self.wrapped:
            # What runs a process does not hand on what it is asked.
            for wrapped in psutil.Process(self._children[name].process.pid).children():
                wrapped.terminate()
        self._children[name].end(timeout_s=10)

    def stop(self) -> None:
        """End everything as an operator would."""
        self.wake("catalog")
        children.end_all(list(self._children.values()), timeout_s=15)
        self._mosquitto.kill()
        self._log.close()

    def committed(self) -> tuple[int, int, int]:
        """Rows, distinct values and highest value of the counted signal in the lake."""
        return self.query(
            "select count(*), count(distinct value), coalesce(max(value), 0)::bigint"
            f" from raw.telemetry where {COUNTER}"
        )[0]

    def waits_after(self, moments: Sequence[datetime]) -> list[float]:
        """From each moment until the lake had a value that was born after it, in seconds."""
        rows = self.query(
            f"select epoch_us(max(observed_at)), committed_at from ({COMMITS})"
            f" where {COUNTER} group by committed_at order by 2"
        )
        waits = []
        for moment in (int(each.timestamp() * 1e6) for each in moments):
            committed_at = next((at for newest, at in rows if newest > moment), None)
            waits.append(math.inf if committed_at is None else (committed_at - moment) / 1e6)
        return waits

    def query(self, sql: str) -> list[tuple]:
        """Rows of a query at the lake's head."""
        with lake.open(self.settings, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def _kill_catalog(self) -> None:
        """SIGKILL the PostgreSQL of this home with all its backends, as a crash would."""
        for process in self._catalog_processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def _catalog_servers(self) -> list[psutil.Process]:
        """The PostgreSQL servers of this home."""
        catalog = str(self.settings.home)
        return [
            process
            for process in psutil.process_iter(["name", "cmdline"])
            if process.info["name"] == "postgres"
            and catalog in " ".join(process.info["cmdline"] or [])
        ]

    def _catalog_processes(self) -> list[psutil.Process]:
        """Every server, and below it all its backends."""
        found = []
        for server in self._catalog_servers():
            # A backend that has no title of its own yet looks like a server, and may be gone.
            with suppress(psutil.NoSuchProcess):
                found += [*server.children(recursive=True), server]
        return found


@contextmanager
def running_chain(
    home: Path,
    machines: Mosquitto,
    broker: str = "mosquitto",
    prepare: Callable[[Chain], object] = lambda _: None,
) -> Iterator[Chain]:
    """A chain that works, and is gone afterwards; `prepare` may change it before it starts."""
    chain = Chain(home, machines, broker)
    prepare(chain)
    try:
        lake.schema.create(chain.settings)
        for name in ("broker", "ingest", "edge"):
            chain.start(name)
        # Only from its first subscription on does the machines' broker keep values for the edge.
        wait_until(lambda: chain.says("counted: up"), "the edge to subscribe")
        yield chain
    finally:
        chain.stop()
        lake.catalog.leave(chain.settings)


@contextmanager
def counted_undated(chain: Chain, per_second: float) -> Iterator[CountedSource]:
    """As `counted`, without times; so many values are there that repeats are recognised."""
    with counted(chain, per_second, line="line2", above="undated") as source:
        wait_until(lambda: chain.committed()[2] > REMEMBERED, "enough packets to know their ids")
        yield source


@contextmanager
def counted(chain: Chain, per_second: float, **named: str) -> Iterator[CountedSource]:
    """A source whose values reach the lake; stopped at the end, whatever happens."""
    source = CountedSource(chain.machines.port, per_second, **named)
    try:
        wait_until(lambda: chain.committed()[0] > 0, "the first values in the lake")
        yield source
    finally:
        source.stop()
