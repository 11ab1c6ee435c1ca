"""Ingestion processes that share shards, several collectors: one dies, one stands still."""

import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

import lake
from ingestion.sharding import shard_of_collector
from takt import children
from takt.settings import BrokerSettings, IngestionSettings, Settings
from takt.topics import Collector
from tests.command import environment
from tests.conftest import Mosquitto, wait_until
from tests.e2e.chain import CountedSource
from tests.failure_report import FailureReport, Kind, Result, scaled

SHARDS = 2
FAULTS = scaled(60)
SEED = 5
EDGE = """
site = "demo"
collector = "{collector}"
[sources.counted]
kind = "mqtt"
host = "127.0.0.1"
port = {port}
topic = "plant/assembly/{collector}/{{equipment:1}}/{{signal}}"
timestamp = "timestamp_us"
timestamp_unit = "us"
"""


def collectors() -> list[str]:
    """Three names: two of one shard, one of the other."""
    names = [f"line{number}" for number in range(1, 20)]
    by_shard: dict[int, list[str]] = {shard: [] for shard in range(SHARDS)}
    for name in names:
        by_shard[shard_of_collector(Collector("demo", name), SHARDS)].append(name)
    return [*by_shard[0][:2], *by_shard[1][:1]]


class Plant:
    """Counted machines, a collector for each, and ingestion processes of one lake."""

    def __init__(self, settings: Settings, machines: Mosquitto, running: ExitStack) -> None:
        self.settings = settings
        self._machines = machines
        self._running = running
        self.sources: dict[str, CountedSource] = {}

    def start(self, name: str, arguments: list[str | Path], settings: Settings) -> children.Child:
        """Start `takt ARGUMENTS`; what it says goes to `NAME.log`."""
        output = self._running.enter_context(self.log_file(name).open("ab"))
        command = [sys.executable, "-m", "takt", *arguments]
        child = children.start(name, command, env=environment_of(settings), output=output)
        self._running.callback(child.end, 10)
        return child

    def collect(self) -> None:
        """Start the collectors; when they listen, their machines begin to count."""
        for name in collectors():
            home = self.settings.home.parent / name
            home.mkdir()
            (home / "edge.toml").write_text(EDGE.format(collector=name, port=self._machines.port))
            edge = self.settings.model_copy(update={"home": home})
            self.start(name, ["edge"], edge)
        for name in collectors():
            wait_until(lambda name=name: "counted: up" in self.log(name), f"collector {name}", 60)
            self.sources[name] = CountedSource(self._machines.port, 100, line=name)
            self._running.callback(self.sources[name].stop)

    def log_file(self, name: str) -> Path:
        return self.settings.home.parent / f"{name}.log"

    def log(self, name: str) -> str:
        return self.log_file(name).read_text()

    def result(self, **known: Any) -> Result:
        """What the lake has of all that was counted."""
        counted = sum(source.stop() for source in self.sources.values())
        found = self.committed().values()
        distinct = sum(each[1] for each in found)
        doubled = sum(each[0] for each in found) - distinct
        return Result(values=counted, lost=counted - distinct, doubled=doubled, **known)

    def committed(self) -> dict[str, tuple[int, int, int]]:
        """Rows, distinct values and the highest value of each collector."""
        with lake.open(self.settings, read_only=True) as con:
            rows = con.execute(
                "select collector, count(*), count(distinct value), max(value)::bigint"
                " from raw.telemetry where signal = 'counter' group by collector"
            ).fetchall()
        return {name: tuple(numbers) for name, *numbers in rows}

    def wait_flowing(self, timeout_s: float = 60) -> float:
        """Wait until what every machine counts from now on is in the lake; how long that took."""
        began = time.monotonic()
        seen = {name: source.count for name, source in self.sources.items()}

        def is_flowing() -> bool:
            found = self.committed()
            return all(found.get(name, (0, 0, 0))[2] > seen[name] for name in seen)

        wait_until(is_flowing, "values of every collector", timeout_s, interval_s=0.2)
        return time.monotonic() - began

    def assert_everything_arrived_once(self) -> None:
        """Each collector's 1 … count is in the lake, each once."""
        wanted = {name: source.stop() for name, source in self.sources.items()}
        wait_until(
            lambda: all(self.committed()[name][1] >= wanted[name] for name in wanted),
            "everything in the lake",
            60,
            interval_s=0.2,
        )
        assert self.committed() == {name: (n, n, n) for name, n in wanted.items()}


def environment_of(settings: Settings) -> dict[str, str]:
    return environment(settings) | {
        "TAKT_BROKER__EMBEDDED": "false",
        "TAKT_INGESTION__SHARDS": str(settings.ingestion.shards),
    }


@contextmanager
def running_plant(settings: Settings, machines: Mosquitto, broker: Mosquitto) -> Iterator[Plant]:
    sharded = settings.model_copy(
        update={
            "broker": BrokerSettings(port=broker.port, embedded=False),
            "ingestion": IngestionSettings(shards=SHARDS),
        }
    )
    with ExitStack() as running:
        yield Plant(sharded, machines, running)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """Takt's broker; that of the machines is `mosquitto`."""
    folder = tmp_path / "broker"
    folder.mkdir()
    ours = Mosquitto(folder)
    ours.start()
    yield ours
    ours.kill()


@pytest.mark.parametrize(
    "within_s",
    [
        pytest.param(30, id="whatever else the machine does"),
        pytest.param(10, id="on a machine of its own", marks=pytest.mark.long),
    ],
)
def test_shards_are_taken_over_from_the_killed_and_from_the_paused(
    lake_settings: Settings,
    mosquitto: Mosquitto,
    broker: Mosquitto,
    within_s: float,
    failure_report: FailureReport,
) -> None:
    """Three processes, two shards: at first one stands by."""
    with running_plant(lake_settings, mosquitto, broker) as plant:
        ingestors = {name: plant.start(name, ["ingest"], plant.settings) for name in "abc"}
        plant.collect()
        plant.wait_flowing()

        killed = next(name for name in ingestors if " ready as " in plant.log(name))
        children.kill_session(ingestors.pop(killed).process.pid)
        flowing_s = [plant.wait_flowing()]

        paused, other = ingestors
        ingestors[paused].send(signal.SIGSTOP)
        flowing_s.append(plant.wait_flowing())
        ingestors[paused].send(signal.SIGCONT)
        owned_before = plant.log(paused).count(" ready as ")
        wait_until(lambda: plant.log(paused).count(" ready as ") > owned_before, "its part again")

        assert "left to another process" in plant.log(other)
        plant.assert_everything_arrived_once()
        failure_report.add(
            plant.result(
                fault="one of three ingesting processes of two shards killed, then one paused",
                kind=Kind.KILL,
                faults=2,
                flowing_again_s=flowing_s,
                seen='log of the one that takes over "ready as …, shard …"',
            )
        )
        assert max(flowing_s) < within_s


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_dozens_of_kills_and_pauses_of_ingesting_processes_lose_and_double_nothing(
    lake_settings: Settings,
    mosquitto: Mosquitto,
    broker: Mosquitto,
    failure_report: FailureReport,
) -> None:
    fault = "two ingesting processes of two shards killed or paused (SIGSTOP), three collectors"
    with running_plant(lake_settings, mosquitto, broker) as plant:
        ingestors = {name: plant.start(name, ["ingest"], plant.settings) for name in "ab"}
        plant.collect()
        plant.wait_flowing()
        chance = random.Random(SEED)
        for number in range(FAULTS):
            name = chance.choice("ab")
            # The pause is the fault's moment, not a wait for something to have happened.
            time.sleep(chance.uniform(0.5, 3.0))
            if chance.random() < 0.5:
                children.kill_session(ingestors[name].process.pid)
                ingestors[name] = plant.start(name, ["ingest"], plant.settings)
            else:
                ingestors[name].send(signal.SIGSTOP)
                time.sleep(chance.uniform(0.5, 9.0))
                ingestors[name].send(signal.SIGCONT)
            failure_report.progress(fault, number + 1, FAULTS)
        flowing_s = plant.wait_flowing()

        try:
            plant.assert_everything_arrived_once()
            assert "left to another process" in plant.log("a") + plant.log("b")
        finally:
            failure_report.add(
                plant.result(
                    fault=fault,
                    kind=Kind.KILL,
                    faults=FAULTS,
                    seed=SEED,
                    seen='log "shard … is left to another process" and "ready as …, shard …"',
                    measured=f"all collectors flowed {flowing_s:.1f} s after the last one",
                )
            )
