"""The running plant serves real values over both protocols, and ends when told."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asyncua import Client

from edge.simulator import marker
from edge.simulator.edge_config import NAMESPACE, endpoint
from edge.simulator.production import Plant
from edge.simulator.shifts import to_ms
from edge.simulator.signals import Signals
from tests.conftest import Mosquitto, find_program, free_port, wait_until

START = datetime(2026, 10, 12, tzinfo=UTC)
CYCLE_TOPIC = "plant/machining/line2/saw01/cycle"


class RunningPlant:
    """`takt plant` as a child process in a home of its own."""

    def __init__(self, home: Path, broker_port: int, *, speed: float = 1) -> None:
        self.home = home
        self.port = free_port()
        self.log = home / "plant.log"
        environment = {
            **os.environ,
            "TAKT_HOME": str(home),
            "TAKT_BROKER__PORT": str(broker_port),
            "TAKT_PLANT__PORT": str(self.port),
        }
        command = ["-m", "takt", "plant", "--seed", "7", "--start", f"{START:%Y-%m-%dT%H:%M:%S}"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command, "--speed", str(speed)],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: "ready" in self.log.read_text(), "the plant to be ready")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """The gateways' broker."""
    broker = Mosquitto(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture(scope="module")
def fast_plant(
    tmp_path_factory: pytest.TempPathFactory, broker: Mosquitto
) -> Iterator[RunningPlant]:
    """A plant that begins at 07:30 UTC, in both lines' shifts, and runs 300 times as fast.

    The tests of this module follow one another; the last one ends it.
    """
    home = tmp_path_factory.mktemp("plant") / "home"
    marker.keep(home / "plant", START + timedelta(hours=7, minutes=30))
    plant = RunningPlant(home, broker.port, speed=300)
    yield plant
    plant.process.kill()
    plant.process.wait()


def received(broker: Mosquitto, topic: str, messages: int) -> list[dict]:
    """The first messages of a topic, as a foreign client sees them."""
    done = subprocess.run(
        [find_program("mosquitto_sub"), "-p", str(broker.port), "-t", topic, "-C", str(messages)],
        capture_output=True,
        timeout=60,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


async def test_controllers_serve_values_with_the_time_of_their_birth(
    fast_plant: RunningPlant,
) -> None:
    name = f"nsu={NAMESPACE};s=line1.press01."
    async with Client(endpoint(fast_plant.port), timeout=30) as client:
        index = await client.get_namespace_index(NAMESPACE)
        node_ids = [
            f"{name}{each}".replace(f"nsu={NAMESPACE}", f"ns={index}")
            for each in ("StateCurrent", "OrderId", "ProdProcessedCount")
        ]
        state, order, count = [
            await client.get_node(node_id).read_data_value() for node_id in node_ids
        ]

    assert state.Value.Value in range(21)
    assert order.Value.Value.startswith("PO-")
    assert count.Value.VariantType.name == "UInt16"
    assert START < count.SourceTimestamp.replace(tzinfo=UTC) < START + timedelta(days=1)


def test_gateways_publish_exactly_what_happened(
    fast_plant: RunningPlant, broker: Mosquitto
) -> None:
    heard = [each["timestamp_ms"] for each in received(broker, CYCLE_TOPIC, 5)]

    expected = told_cycles(heard[0], heard[-1] + 1)
    assert heard == expected


def told_cycles(begin: int, end: int) -> list[int]:
    signals = Signals(Plant(7, to_ms(START)))
    return [
        at
        for series in signals.between(begin, end)
        if (series.equipment_id, series.signal.name) == ("machining/line2/saw01", "cycle")
        for at in series.at.tolist()
    ]


def test_a_listener_that_comes_later_hears_the_current_state_at_once(
    fast_plant: RunningPlant, broker: Mosquitto
) -> None:
    (heard,) = received(broker, "plant/assembly/line1/coat01/status", 1)

    assert heard["value"] in ("Produktion", "Rüsten", "Warten", "Halt")


def test_it_ends_on_sigterm_and_marks_how_far_it_came(fast_plant: RunningPlant) -> None:
    assert fast_plant.stop() == 0

    told_through = marker.read(fast_plant.home / "plant")
    assert told_through is not None
    assert START + timedelta(hours=7, minutes=30) <= told_through < START + timedelta(days=1)


def test_a_taken_port_is_said_in_one_line(tmp_path: Path, broker: Mosquitto) -> None:
    environment = {
        **os.environ,
        "TAKT_HOME": str(tmp_path),
        "TAKT_PLANT__PORT": str(broker.port),
        "TAKT_BROKER__PORT": str(broker.port),
    }
    done = subprocess.run(
        [sys.executable, "-m", "takt", "plant"], env=environment, capture_output=True, timeout=60
    )

    assert done.returncode == 2
    assert f"cannot listen on port {broker.port}" in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
