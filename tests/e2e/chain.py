"""The chain from a counted source to the lake, as real processes that can be killed.

    counted source → machines' broker → `takt edge` → Takt's broker → `takt ingest` → lake

The machines' broker is never killed: what a foreign broker loses before handing it over is
not Takt's. Everything else is.
"""

import json
import math
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb
import paho.mqtt.client as mqtt
import psutil

import lake
from takt import children
from takt.errors import TaktError
from takt.settings import BrokerSettings, Settings
from tests.command import environment
from tests.conftest import Mosquitto, accepts_connections, free_port, wait_until

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


class CountedSource:
    """Publishes 1, 2, 3, … on one topic with QoS 1, each with its time, until stopped."""

    def __init__(self, port: int, per_second: float, line: str = "line1") -> None:
        self.count = 0
        self._topic = f"plant/assembly/{line}/press01/counter"
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


class Chain:
    """Broker, edge and ingestion of one home, as children of the test."""

    def __init__(self, home: Path, machines: Mosquitto, broker: str) -> None:
        self.machines = machines
        self.settings = Settings(
            home=home,
            broker=BrokerSettings(port=free_port(), embedded=broker == "embedded"),
        )
        home.mkdir(parents=True, exist_ok=True)
        (home / "edge.toml").write_text(EDGE.format(port=machines.port))
        self._mosquitto = Mosquitto(home, self.settings.broker.port)
        self._children: dict[str, children.Child] = {}
        self.log_file = home / "chain.log"
        self._log = self.log_file.open("ab")

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
            [sys.executable, "-m", "takt", verb],
            env=environment(self.settings)
            | {"TAKT_BROKER__EMBEDDED": str(self.settings.broker.embedded)},
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

    def kill_and_restart(self, name: str) -> None:
        """SIGKILL a process and start it again; the catalog is started by who needs it."""
        self.kill(name)
        if name != "catalog":
            self.start(name)

    def end(self, name: str) -> None:
        """End `edge` or `ingest` as an operator would; it finishes what it has begun."""
        self._children[name].end(timeout_s=10)

    def stop(self) -> None:
        """End everything as an operator would."""
        children.end_all(list(self._children.values()), timeout_s=15)
        self._mosquitto.kill()
        self._log.close()

    def committed(self) -> tuple[int, int, int]:
        """Rows, distinct values and highest value of the counted signal in the lake."""
        return self.query(
            "select count(*), count(distinct value), coalesce(max(value), 0)::bigint"
            " from raw.telemetry where signal = 'counter'"
        )[0]

    def waits_after(self, moments: Sequence[datetime]) -> list[float]:
        """From each moment until the lake had a value that was born after it, in seconds."""
        rows = self.query(
            "select epoch_us(max(observed_at)), epoch_us(any_value(timezone('UTC', snapshot_time)))"
            " from (select *, snapshot_id from raw.telemetry) as told"
            " join ducklake_snapshots('lake') using (snapshot_id)"
            " where signal = 'counter' group by snapshot_id order by 2"
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
        catalog = str(self.settings.home)
        for process in psutil.process_iter(["name", "cmdline"]):
            command = " ".join(process.info["cmdline"] or [])
            if process.info["name"] == "postgres" and catalog in command:
                for below in [*process.children(recursive=True), process]:
                    _kill_if_running(below)


def _kill_if_running(process: psutil.Process) -> None:
    """SIGKILL a process that may have ended meanwhile."""
    try:
        os.kill(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@contextmanager
def running_chain(home: Path, machines: Mosquitto, broker: str) -> Iterator[Chain]:
    """A chain that works, and is gone afterwards."""
    chain = Chain(home, machines, broker)
    lake.schema.create(chain.settings)
    try:
        for name in ("broker", "ingest", "edge"):
            chain.start(name)
        # Only from its first subscription on does the machines' broker keep values for the edge.
        wait_until(lambda: b"counted: up" in chain.log_file.read_bytes(), "the edge to subscribe")
        yield chain
    finally:
        chain.stop()
        lake.catalog.leave(chain.settings)


def kill_at_random_moments(
    chain: Chain, victims: list[str], kills: int, seed: int, between_s: tuple[float, float]
) -> list[datetime]:
    """Kill and restart a random victim, again and again; when that was."""
    chance = random.Random(seed)
    moments = []
    for _ in range(kills):
        # The pause is the fault's moment, not a wait for something to have happened.
        time.sleep(chance.uniform(*between_s))
        moments.append(datetime.now(UTC))
        chain.kill_and_restart(chance.choice(victims))
    return moments


def assert_everything_arrived_once(chain: Chain, count: int, timeout_s: float = 90) -> None:
    """The lake holds 1 … count exactly once, the ledger has no hole, the balance is zero.

    Edge and ingestion are ended before it is counted: nothing is under way that could come twice.
    """

    def has_arrived() -> bool:
        try:
            return chain.committed()[1] >= count
        except (TaktError, duckdb.Error):
            return False  # the catalog may have been killed this moment

    wait_until(has_arrived, f"{count} values in the lake", timeout_s, interval_s=0.3)
    chain.end("edge")
    wait_until(lambda: not _last_health(chain).online, "the edge's farewell", timeout_s=30)
    chain.end("ingest")
    assert chain.committed() == (count, count, count)
    assert_ledger_is_whole(chain)
    assert_balance_is_zero(chain)


class LastHealth(NamedTuple):
    """What the collector said last."""

    online: bool
    epoch: str
    accepted_rows: int
    spool_first_row: int
    spool_rows: int


def _last_health(chain: Chain) -> LastHealth:
    [row] = chain.query(
        "select online, epoch, accepted_rows, spool_first_row, spool_rows from raw.health"
        " order by reported_at desc, accepted_rows desc limit 1"
    )
    return LastHealth(*row)


def assert_balance_is_zero(chain: Chain) -> None:
    """Accepted = committed + in spool by the collector's last word; nothing refused or lost."""
    health = _last_health(chain)
    statuses = chain.query("select distinct status from raw.batch")
    assert statuses == [("committed",)]
    [(settled,)] = chain.query(
        f"select sum(least(rows, greatest({health.spool_first_row} - first_row, 0)))::bigint"
        f" from raw.batch where epoch = '{health.epoch}'"
    )
    assert health.accepted_rows - settled - health.spool_rows == 0, health


def assert_ledger_is_whole(chain: Chain) -> None:
    """Within each epoch, seqs and rows follow one another without hole or overlap.

    Both tables are read at one snapshot: the collector goes on saying that it lives.
    """
    with (
        lake.open(chain.settings, read_only=True) as connection,
        lake.transaction(connection),
    ):
        ranges = connection.execute(
            "select epoch, first_seq, last_seq, first_row, rows from raw.batch order by 1, 2"
        ).fetchall()
        stored = connection.execute(
            "select epoch, count(*), min(row_number), max(row_number), count(distinct row_number)"
            " from raw.telemetry group by epoch"
        ).fetchall()
    following: dict[str, tuple[int, int]] = {}
    for epoch, first_seq, last_seq, first_row, rows in ranges:
        assert (first_seq, first_row) == following.get(epoch, (1, 1)), ranges
        following[epoch] = (last_seq + 1, first_row + rows)
    for epoch, rows, first, last, distinct in stored:
        assert (first, last, distinct) == (1, rows, rows), epoch
        assert following[epoch][1] == rows + 1, epoch
