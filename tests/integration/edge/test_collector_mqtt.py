import asyncio
import json
import signal
import threading
import time

import paho.mqtt.client as mqtt
import pytest

from edge.recent_packets import REMEMBERED
from tests.conftest import asked, wait_until
from tests.integration.edge.conftest import CollectorProcess
from tests.integration.edge.proxy import Proxy

UNDATED = """
site = "demo"
collector = "collector1"
[sources.line2]
kind = "mqtt"
host = "127.0.0.1"
port = {port}
topic = "plant/{{equipment:3}}/{{signal}}"
"""
CONFIGURATION = f"""{UNDATED}
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
    process.wait_connected()
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


def start(mosquitto, home, source: str) -> CollectorProcess:
    """A collector whose only source is `source`, on the machines' broker."""
    home.mkdir()
    head = 'site = "demo"\ncollector = "collector1"\n[sources.line2]\nkind = "mqtt"\n'
    address = f'host = "127.0.0.1"\nport = {mosquitto.port}\n'
    process = CollectorProcess(home, mosquitto.port, head + address + source)
    process.start()
    return process


def test_a_hub_s_messages_arrive_out_of_the_box(mosquitto, tmp_path, peer):
    collector = start(mosquitto, tmp_path / "home", 'format = "umh"\n')
    machine = "umh/v1/acme/cologne/assembly/line2/pack01"
    wait_until(lambda: "connected" in collector.log.read_text(), "the subscription")

    mosquitto.publish(f"{machine}/_raw/motor/Speed", '{"timestamp_ms": 1700000000123, "value": 7}')
    mosquitto.publish(f"{machine}/_historian", '{"timestamp_ms": 1700000000124, "a": "1", "b": 2}')

    wait_until(lambda: len(peer.data()) == 3, "three samples")
    assert [(row["signal"], row["value"], row["text"]) for row in peer.data()] == [
        ("motor.Speed", 7.0, None),
        ("a", None, "1"),
        ("b", 2.0, None),
    ]
    assert {row["equipment"] for row in peer.data()} == {"assembly/line2/pack01"}
    collector.stop()


def test_one_message_with_many_values_counts_what_can_be_read(mosquitto, tmp_path, peer):
    source = 'topic = "plant/{equipment:3}/+"\nsignals = ""\ntimestamp = "t"\n'
    collector = start(mosquitto, tmp_path / "home", source)
    wait_until(lambda: "connected" in collector.log.read_text(), "the subscription")

    mosquitto.publish(
        TOPIC, '{"t": "2023-11-14T22:13:20Z", "Speed": 1.5, "$x": 1, "Serial": "0042"}'
    )

    wait_until(lambda: len(peer.data()) == 2, "two samples")
    assert [(row["signal"], row["value"], row["text"]) for row in peer.data()] == [
        ("Speed", 1.5, None),
        ("Serial", None, "0042"),
    ]
    assert "a value is left out ($x: signal '$x' is reserved" in collector.log.read_text()
    collector.stop()


def test_a_retained_message_is_history_and_counts_once_however_often_it_is_repeated(
    mosquitto, tmp_path, peer
):
    mosquitto.publish(TOPIC, message(1), "-r")
    collector = CollectorProcess(
        tmp_path, mosquitto.port, CONFIGURATION.format(port=mosquitto.port)
    )
    collector.start()
    wait_until(lambda: peer.values() == [1.0], "the retained message")
    mosquitto.publish(TOPIC, message(2), "-r")
    wait_until(lambda: peer.values() == [1.0, 2.0], "the same topic, live")

    collector.end(signal.SIGKILL)
    collector.start()
    mosquitto.publish(TOPIC, message(3))

    wait_until(lambda: 3.0 in peer.values(), "the last message")
    assert peer.values() == [1.0, 2.0, 3.0]
    assert [row["is_historical"] for row in peer.data()] == [True, False, False]
    collector.stop()


def test_a_retained_message_without_a_time_is_no_sample(mosquitto, tmp_path, peer):
    mosquitto.publish(TOPIC, '{"value": 1}', "-r")
    collector = start(mosquitto, tmp_path / "home", 'topic = "plant/{equipment:3}/{signal}"\n')
    wait_until(lambda: "nobody knows when it held" in collector.log.read_text(), "the log")

    mosquitto.publish(TOPIC, '{"value": 2}')

    wait_until(lambda: peer.values() == [2.0], "the live message")
    collector.stop()


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


def publish_undated(port: int, first: int, last: int) -> None:
    """Publish these numbers, without a time, at QoS 1."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "machine")
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for number in range(first, last + 1):
        said = client.publish(TOPIC, json.dumps({"value": number}), qos=1)
    said.wait_for_publish(20)
    client.disconnect()
    client.loop_stop()


@pytest.mark.parametrize("loss", ["the collector is killed", "the line is cut"])
async def test_what_was_accepted_without_a_time_and_never_acknowledged_counts_once(
    loss, mosquitto, tmp_path, peer
):
    async def until_arrived(last: int) -> None:
        await asyncio.to_thread(wait_until, lambda: last in peer.values(), f"message {last}")

    proxy, accepted = Proxy(mosquitto.port), REMEMBERED + 10
    await proxy.open()
    collector = CollectorProcess(tmp_path, mosquitto.port, UNDATED.format(port=proxy.port))
    await asyncio.to_thread(collector.start)
    await asyncio.to_thread(collector.wait_connected)
    await asyncio.to_thread(publish_undated, mosquitto.port, 1, accepted)
    await until_arrived(accepted)

    proxy.is_mute = True
    await asyncio.to_thread(publish_undated, mosquitto.port, accepted + 1, accepted + 30)
    # Mosquitto hands over twenty before it is answered, less those whose answers were under way.
    await until_arrived(accepted + 1)
    if loss == "the collector is killed":
        collector.end(signal.SIGKILL)
    await proxy.cut()
    proxy.is_mute = False
    await proxy.open()
    if loss == "the collector is killed":
        await asyncio.to_thread(collector.start)
    await until_arrived(accepted + 30)

    assert sorted(peer.values()) == list(range(1, accepted + 31))
    collector.stop()
    await proxy.cut()


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


def test_a_collector_says_how_it_is_to_whoever_asks(mosquitto, collector, peer):
    port = collector.metrics_port
    mosquitto.publish(TOPIC, message(1))
    nothing = "takt_edge_rows_accepted 0.0"
    wait_until(lambda: nothing not in asked(port, "/metrics")[1], "its count")
    _, figures = asked(port, "/metrics")
    well, _ = asked(port, "/health")
    mosquitto.kill()
    wait_until(lambda: asked(port, "/health")[0] == 503, "it to miss the broker")

    assert well == 200
    assert 'takt_edge_link{source="' in figures
    assert "takt_edge_batches_published_total" in figures


def test_a_killed_collector_is_reported_offline_by_its_will(mosquitto, collector, peer):
    wait_until(lambda: peer.healths and peer.healths[-1].online, "health")

    collector.end(signal.SIGKILL)

    wait_until(lambda: not peer.healths[-1].online, "the will")
