"""Edge to ingestion through a broker with TLS, accounts and the access list of `deploy/`."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

import lake
from takt import children, topics
from takt.settings import BrokerSettings, Settings
from tests.conftest import ROOT, Mosquitto, accepts_connections, find_program, free_port, wait_until
from tests.tls_broker import Authority

EDGE = """
site = "demo"
collector = "collector1"
[sources.line2]
kind = "mqtt"
host = "127.0.0.1"
port = {port}
topic = "plant/{{equipment:3}}/{{signal}}"
timestamp = "t"
timestamp_unit = "ms"
"""
USERS = ("ingest", "collector1", "collector2", "mes")


class SecuredMosquitto:
    """Mosquitto as `deploy/mosquitto-plant.conf` runs it: the same lines, other paths."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.certificate_port = free_port()
        self.authority = Authority(folder)
        self.ca_file = self.authority.ca_file
        self._broker_files = self.authority.issue("broker")
        for user in USERS:
            self.password_file(user).write_text(f"secret of {user}\n")
        self._process = self._start()
        for port in (self.port, self.certificate_port):
            wait_until(lambda port=port: accepts_connections(port), "Mosquitto to listen")

    def password_file(self, user: str) -> Path:
        return self.folder / f"{user}.password"

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _start(self) -> "subprocess.Popen[bytes]":
        accounts = self.folder / "broker_passwords"
        accounts.touch(mode=0o600)
        for user in USERS:
            password = self.password_file(user).read_text().strip()
            program = find_program("mosquitto_passwd")
            subprocess.run([program, "-b", accounts, user, password], check=True)
        shipped = (ROOT / "deploy/mosquitto-plant.conf").read_text()
        configuration = self.folder / "mosquitto.conf"
        configuration.write_text(
            shipped.replace("listener 8883", f"listener {self.port} 127.0.0.1")
            .replace("listener 8884", f"listener {self.certificate_port} 127.0.0.1")
            .replace("/run/secrets/broker_ca", str(self.ca_file))
            .replace("/run/secrets/broker_certificate", str(self._broker_files[0]))
            .replace("/run/secrets/broker_key", str(self._broker_files[1]))
            .replace("/run/secrets/", f"{self.folder}/")
            .replace("/mosquitto/config/acl", str(ROOT / "deploy/mosquitto.acl"))
            .replace("/mosquitto/data/", f"{self.folder}/")
            + ("user root\n" if os.geteuid() == 0 else "")
        )
        return subprocess.Popen(
            [find_program("mosquitto"), "-c", configuration],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[SecuredMosquitto]:
    folder = tmp_path / "secured"
    folder.mkdir()
    broker = SecuredMosquitto(folder)
    yield broker
    broker.stop()


def settings_of(user: str, broker: SecuredMosquitto, installation: Settings) -> Settings:
    """The installation as a process of `user` has it."""
    access = BrokerSettings(
        port=broker.port,
        embedded=False,
        username=user,
        password_file=broker.password_file(user),
        ca_file=broker.ca_file,
    )
    return installation.model_copy(update={"broker": access})


def certified_as(user: str, broker: SecuredMosquitto, installation: Settings) -> Settings:
    """The same, known by its certificate instead of a password."""
    certificate, key = broker.authority.issue(user)
    access = BrokerSettings(
        port=broker.certificate_port,
        embedded=False,
        ca_file=broker.ca_file,
        certificate_file=certificate,
        key_file=key,
    )
    return installation.model_copy(update={"broker": access})


class Services:
    """`takt VERB` processes whose output is one file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()

    def start(self, verb: str, settings: Settings) -> Path:
        log_file = self._folder / f"{verb}.log"
        output = self._stack.enter_context(log_file.open("wb"))
        command = [sys.executable, "-m", "takt", verb]
        child = children.start(verb, command, env=settings.environment(), output=output)
        self._stack.callback(child.end, 10)
        return log_file

    def stop(self) -> None:
        self._stack.close()


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    started = Services(tmp_path)
    yield started
    started.stop()


def counted(settings: Settings) -> list[float]:
    """Values of the machines' signal in the lake."""
    with lake.open(settings, read_only=True) as con:
        rows = con.execute("select value from raw.telemetry where signal = 'Count' order by value")
        return [value for (value,) in rows.fetchall()]


@pytest.mark.parametrize("known_by", [settings_of, certified_as])
def test_samples_pass_a_broker_with_tls_accounts_and_access_list(
    lake_settings: Settings,
    mosquitto: Mosquitto,
    secured: SecuredMosquitto,
    services: Services,
    known_by: Callable[[str, SecuredMosquitto, Settings], Settings],
) -> None:
    (lake_settings.home / "edge.toml").write_text(EDGE.format(port=mosquitto.port))
    services.start("ingest", known_by("ingest", secured, lake_settings))
    edge = services.start("edge", known_by("collector1", secured, lake_settings))
    wait_until(lambda: b"line2: up" in edge.read_bytes(), "the machines' broker")

    for number in range(5):
        message = f'{{"value": {number}, "t": {1_700_000_000_000 + number}}}'
        mosquitto.publish("plant/assembly/line2/pack01/Count", message)

    wait_until(lambda: counted(lake_settings) == [0, 1, 2, 3, 4], "the values in the lake", 60)


def test_a_secret_that_comes_later_is_waited_for_in_one_line(
    lake_settings: Settings, secured: SecuredMosquitto, services: Services
) -> None:
    secret = secured.password_file("ingest").read_text()
    secured.password_file("ingest").unlink()
    log_file = services.start("ingest", settings_of("ingest", secured, lake_settings))
    wait_until(lambda: b"ingest.password" in log_file.read_bytes(), "the missing file to be named")

    secured.password_file("ingest").write_text(secret)

    wait_until(lambda: b"ready as" in log_file.read_bytes(), "ingestion to be let in")
    assert b"Traceback" not in log_file.read_bytes()


@pytest.mark.parametrize("is_certified", [False, True])
def test_a_collector_writes_its_own_topics_only_and_no_acknowledgement(
    secured: SecuredMosquitto, *, is_certified: bool
) -> None:
    own, other = (topics.Collector("demo", name) for name in USERS[1:3])
    heard: list[str] = []
    listener = _client(secured, "ingest")
    listener.on_message = lambda _c, _d, message: heard.append(message.topic)
    granted: list[int] = []
    listener.on_subscribe = lambda _c, _d, mid, *_: granted.append(mid)
    listener.subscribe([(topics.HEALTH_FILTER, 1), (topics.BATCH_FILTER, 1)])
    wait_until(lambda: granted, "the subscription")
    reader = _client(secured, "collector1", is_certified=is_certified)
    forged: list[str] = []
    reader.on_message = lambda _c, _d, message: forged.append(message.topic)
    reader.subscribe([("takt/v1/#", 1)])

    writer = _client(secured, "collector1", is_certified=is_certified)
    epoch = "0e2a5f4c-8f4e-4d1c-9a51-000000000001"
    for topic in (
        topics.ack_topic(own),
        topics.ack_topic(other),
        topics.health_topic(other),
        topics.batch_topic(other, epoch, 1),
        topics.batch_topic(own, epoch, 1),
        topics.health_topic(own),
    ):
        writer.publish(topic, b"x", qos=1).wait_for_publish(10)
    listener.publish(topics.ack_topic(other), b"x", qos=1).wait_for_publish(10)
    listener.publish(topics.ack_topic(own), b"x", qos=1).wait_for_publish(10)

    wait_until(lambda: forged, "the collector's own acknowledgement")
    wait_until(lambda: topics.health_topic(own) in heard, "the collector's own health")
    assert heard == [topics.batch_topic(own, epoch, 1), topics.health_topic(own)]
    assert forged == [topics.ack_topic(own)]
    for client in (listener, reader, writer):
        client.disconnect()
        client.loop_stop()


def test_an_mes_writes_messages_of_orders_which_only_ingestion_reads(
    secured: SecuredMosquitto,
) -> None:
    heard: list[tuple[str, str]] = []
    clients = {user: _client(secured, user) for user in ("ingest", "collector1", "mes")}
    granted: list[object] = []
    for user, client in clients.items():
        client.on_message = lambda _c, _d, message, user=user: heard.append((user, message.topic))
        client.on_subscribe = lambda _c, _d, mid, *_: granted.append(mid)
        client.subscribe([(topics.MES_FILTER, 1), (topics.HEALTH_FILTER, 1)])
    wait_until(lambda: len(granted) == 3, "the subscriptions")

    for user, order in (("collector1", "1001"), ("mes", "1002")):
        topic = topics.mes_topic("demo", order)
        clients[user].publish(topic, b"{}", qos=1).wait_for_publish(10)
        forged = topics.health_topic(topics.Collector("demo", "collector2"))
        clients[user].publish(forged, b"{}", qos=1).wait_for_publish(10)
    clients["collector1"].publish(
        topics.health_topic(topics.Collector("demo", "collector1")), b"{}", qos=1
    ).wait_for_publish(10)

    wait_until(lambda: len(heard) >= 2, "what is let through")
    assert heard == [
        ("ingest", topics.mes_topic("demo", "1002")),
        ("ingest", topics.health_topic(topics.Collector("demo", "collector1"))),
    ]
    for client in clients.values():
        client.disconnect()
        client.loop_stop()


def test_who_shows_no_certificate_of_the_authority_is_not_let_in(
    secured: SecuredMosquitto, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "stranger").issue("ingest")
    for files in ((), stranger):
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        client.tls_set(str(secured.ca_file), *map(str, files))
        ended: list[object] = []
        client.on_disconnect = lambda *args, ended=ended: ended.append(args)
        client.on_connect = lambda *_: pytest.fail("let in")
        with contextlib.suppress(OSError):
            client.connect("127.0.0.1", secured.certificate_port)
            client.loop_start()
            wait_until(lambda ended=ended: ended, "the refusal")
            client.loop_stop()


def _client(broker: SecuredMosquitto, user: str, *, is_certified: bool = False) -> mqtt.Client:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    if is_certified:
        client.tls_set(str(broker.ca_file), *map(str, broker.authority.issue(user)))
    else:
        client.tls_set(str(broker.ca_file))
        client.username_pw_set(user, broker.password_file(user).read_text().strip())
    client.connect("127.0.0.1", broker.certificate_port if is_certified else broker.port)
    client.loop_start()
    wait_until(client.is_connected, f"{user} to be let in")
    return client
