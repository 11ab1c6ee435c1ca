"""Messages of an MES from a real broker, whatever becomes of the process that listens."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingestion import mes_letters, reference
from takt import topics
from takt.settings import Settings
from tests.conftest import Mosquitto, asked, free_port, wait_until
from tests.integration.ingestion.conftest import ROOT, environment_of, query
from tests.mes_messages import payload, report, whole_order
from tests.plant_files import FILES, write_plant

ORDERS = [str(number) for number in range(1001, 1011)]


class Listener:
    """`takt mes listen` as a process of its own."""

    def __init__(self, settings: Settings, log_file: Path) -> None:
        self.port = free_port()
        self._environment = environment_of(settings) | {
            "TAKT_METRICS__MES_PORT": str(self.port),
            "TAKT_MES__INTERVAL_S": "0.1",
            "TAKT_MES__RETRY_S": "0.2",
        }
        self._log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log_file.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "takt", "mes", "listen"],
                env=self._environment, cwd=ROOT, stdout=output, stderr=output,
            )  # fmt: skip

    @property
    def log(self) -> str:
        return self._log_file.read_text() if self._log_file.exists() else ""

    def wait_ready(self, times: int = 1) -> None:
        wait_until(lambda: self.log.count("ready, listening") >= times, "the listener", 60)

    def end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(20)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def plant(settings: Settings, tmp_path: Path) -> Settings:
    header = FILES["production_order"].partition("\n")[0]
    orders = "".join(f"{order},demo,cup,1,500\n" for order in ORDERS)
    files = {
        "production_order": f"{header}\n{orders}",
        "order_operation": FILES["order_operation"].partition("\n")[0] + "\n",
    }
    assert reference.load(settings, write_plant(tmp_path / "plant", **files)).is_accepted
    return settings


@pytest.fixture
def new_listener(plant: Settings, tmp_path: Path) -> Iterator[Callable[[], Listener]]:
    made: list[Listener] = []

    def make() -> Listener:
        made.append(Listener(plant, tmp_path / f"mes{len(made)}.log"))
        made[-1].start()
        return made[-1]

    yield make
    for each in made:
        each.kill()


@pytest.fixture
def publish(mosquitto: Mosquitto) -> Iterator[Callable[..., None]]:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "an-mes")
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()

    def publish(order: str, told: object) -> None:
        sent = told if isinstance(told, bytes) else payload(told)
        client.publish(topics.mes_topic("demo", order), sent, qos=1).wait_for_publish(10)

    yield publish
    client.disconnect()
    client.loop_stop()


def good(settings: Settings, order: str) -> int:
    sql = (
        "select coalesce(sum(good_quantity), 0)::int from reference.order_operation"
        " where closed_at is null and production_order_id = ?"
    )
    return int(query(settings, sql, order)[0][0])


def test_messages_are_taken_in_also_those_that_came_while_nobody_listened(
    plant: Settings, new_listener: Callable[[], Listener], publish: Callable[..., None]
) -> None:
    listener = new_listener()
    listener.wait_ready()
    first, *others = whole_order()
    publish("1001", first)
    publish("1001", b"")
    started = "select status from reference.production_order where status = 'started'"
    wait_until(lambda: query(plant, started), "the start of the order")
    assert listener.end(signal.SIGTERM) == 0

    for each in others:
        publish("1001", each)
    publish("1002", b"no JSON")
    publish("1003", report(1, 7, "1003"))
    listener.start()
    wait_until(lambda: (good(plant, "1001"), good(plant, "1003")) == (450, 7), "the rest")

    assert [entry.state for entry in mes_letters.entries(plant)] == ["dead letter"]
    figures = "takt_mes_dead_letters 1.0"
    wait_until(lambda: figures in asked(listener.port, "/metrics")[1], "the figure")
    assert asked(listener.port, "/health")[0] == 200
    assert "of order 1002 is a dead letter: not JSON" in listener.log


def test_a_listener_that_is_killed_is_replaced_and_nothing_is_lost_or_doubled(
    plant: Settings, new_listener: Callable[[], Listener], publish: Callable[..., None]
) -> None:
    def report_to_each(numbers: range) -> None:
        for number in numbers:
            for order in ORDERS:
                publish(order, report(number, number, order))

    first = new_listener()
    first.wait_ready()
    second = new_listener()
    wait_until(lambda: "standing by" in second.log, "the second to stand by", 60)
    report_to_each(range(1, 6))
    first.kill()
    report_to_each(range(6, 11))
    second.wait_ready()
    first.start()
    report_to_each(range(11, 16))
    second.kill()
    first.wait_ready(times=2)

    expected = [sum(range(1, 16))] * len(ORDERS)
    wait_until(lambda: [good(plant, order) for order in ORDERS] == expected, "all reports", 60)
    assert mes_letters.entries(plant) == []
    received = "select count(*), count(distinct digest) from raw.mes_message"
    assert query(plant, received) == [(150, 150)]
