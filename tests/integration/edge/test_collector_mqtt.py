import json
import signal
import threading
import time

import paho.mqtt.client as mqtt
import pytest

from tests.conftest import wait_until
from tests.integration.edge.conftest import CollectorProcess

CONFIGURATION = """
site = "demo"
collector = "collector1"
[sources.line2]
kind = "mqtt"
host = "127.0.0.1"
port = {port}
topic = "plant/{{equipment:3}}/{{signal}}"
timestamp = "timestamp_ms"
timestamp_unit = "ms"
"""
TOPIC = "plant/assembly/line2/pack01/Count"
START_MS = 1_700_000_000_000


def message(number: int) -> str:
    return json.dumps({"value": number, "timestamp_ms": START_MS + number})


@pytest.fixture
def collector(mosquitto, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    process = CollectorProcess(home, mosquitto.port, CONFIGURATION.format(port=mosquitto.port))
    process.start()
    yield process
    process.stop()


class CountingPublisher:
    """Publishes 0, 1, 2, … at QoS 1 until told to stop; `sent` were taken by the broker."""

    def __init__(self, port: int, rate: float) -> None:
        self.sent = 0
        self._rate = rate
        self._stop = threading.Event()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "publisher")
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(1 / self._rate):
            self._client.publish(TOPIC, message(self.sent), qos=1).wait_for_publish(10)
            self.sent += 1

    def stop(self) -> int:
        self._stop.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()
        return self.sent


def test_what_mosquitto_pub_publishes_arrives_with_its_own_time(mosquitto, collector, peer):
    mosquitto.publish(TOPIC, '{"value": 42, "timestamp_ms": 1700000000123}')
    mosquitto.publish(
        "plant/assembly/line2/pack01/Serial", '{"value": "0042", "timestamp_ms": 1700000000124}'
    )

    wait_until(lambda: len(peer.data()) == 2, "two samples")
    count, serial = peer.data()
    assert (count["equipment"], count["signal"]) == ("assembly/line2/pack01", "Count")
    assert (count["value"], count["text"], count["quality"]) == (42.0, None, 0)
    assert count["observed_at"].timestamp() == 1700000000.123
    assert (serial["value"], serial["text"]) == (None, "0042")


def test_the_same_message_twice_counts_once(mosquitto, collector, peer):
    for number in (1, 1, 2):
        mosquitto.publish(TOPIC, message(number))

    wait_until(lambda: 2.0 in peer.values(), "the last message")
    assert peer.values() == [1.0, 2.0]


def test_a_message_that_is_no_sample_is_counted_and_stops_nothing(mosquitto, collector, peer):
    for payload in (b"\xff", "{", "[1]", '{"value": 1}', '{"value": {}, "timestamp_ms": 1}'):
        mosquitto.publish(TOPIC, payload)
    mosquitto.publish(TOPIC, message(7))

    wait_until(lambda: peer.values() == [7.0], "the good message")
    wait_until(
        lambda: "5 messages not understood" in peer.healths[-1].sources["line2"].reason,
        "the count in health",
    )


def test_equipment_has_a_link_and_heartbeats_once_it_speaks(mosquitto, collector, peer):
    mosquitto.publish(TOPIC, message(1))

    wait_until(lambda: peer.events("$heartbeat"), "a heartbeat")
    [link] = peer.events("$link")
    assert (link["equipment"], link["value"]) == ("assembly/line2/pack01", 1.0)
    assert str(link["text"]).startswith("line2: ")
    assert peer.events("$heartbeat")[0]["text"] == "line2"


def test_kills_of_the_collector_lose_and_repeat_nothing(mosquitto, collector, peer):
    publisher = CountingPublisher(mosquitto.port, rate=200)
    for kill in range(3):
        wait_until(lambda: len(peer.values()) > 50 * (kill + 1), "more samples")  # noqa: B023
        collector.end(signal.SIGKILL)
        collector.start()
    sent = publisher.stop()

    wait_until(lambda: len(peer.values()) >= sent, "all samples")
    assert sorted(peer.values()) == [float(number) for number in range(sent)]


def test_a_stopped_collector_ends_within_ten_seconds_and_goes_on_where_it_was(
    mosquitto, collector, peer
):
    publisher = CountingPublisher(mosquitto.port, rate=200)
    wait_until(lambda: len(peer.values()) > 50, "some samples")

    started = time.monotonic()
    assert collector.end(signal.SIGTERM) == 0
    assert time.monotonic() - started < 10
    wait_until(lambda: not peer.healths[-1].online, "the farewell")
    collector.start()
    sent = publisher.stop()

    wait_until(lambda: len(peer.values()) >= sent, "all samples")
    assert sorted(peer.values()) == [float(number) for number in range(sent)]
    assert len({epoch for epoch, _ in peer.batches}) == 1
    assert "ERROR" not in collector.log.read_text()


def test_a_killed_collector_is_reported_offline_by_its_will(mosquitto, collector, peer):
    wait_until(lambda: peer.healths and peer.healths[-1].online, "health")

    collector.end(signal.SIGKILL)

    wait_until(lambda: not peer.healths[-1].online, "the will")
