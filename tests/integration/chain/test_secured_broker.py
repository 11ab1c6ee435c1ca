"""Edge to ingestion through a broker with TLS, accounts and the access list of `deploy/`."""

import datetime as dt
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import lake
from takt import children, topics
from takt.settings import BrokerSettings, Settings
from tests.conftest import ROOT, Mosquitto, accepts_connections, find_program, free_port, wait_until

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
USERS = ("ingest", "collector1", "collector2")
Key = ec.EllipticCurvePrivateKey


def certificate(name: str, key: Key, issuer: str, issuer_key: Key) -> x509.Certificate:
    """A certificate for a day; an authority when it is its own issuer."""
    now = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issued_by = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)])
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issued_by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=name == issuer, path_length=None), critical=True)
        .add_extension(address, critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


class SecuredMosquitto:
    """Mosquitto as `deploy/mosquitto-plant.conf` runs it: the same lines, other paths."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.ca_file = self._make_certificates()
        for user in USERS:
            self.password_file(user).write_text(f"secret of {user}\n")
        self._process = self._start()
        wait_until(lambda: accepts_connections(self.port), "Mosquitto to listen")

    def password_file(self, user: str) -> Path:
        return self.folder / f"{user}.password"

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _make_certificates(self) -> Path:
        ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        pem = serialization.Encoding.PEM
        ca = certificate("plant", ca_key, "plant", ca_key)
        broker = certificate("broker", key, "plant", ca_key)
        (self.folder / "broker_ca").write_bytes(ca.public_bytes(pem))
        (self.folder / "broker_certificate").write_bytes(broker.public_bytes(pem))
        (self.folder / "broker_key").write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        return self.folder / "broker_ca"

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


def test_samples_pass_a_broker_with_tls_accounts_and_access_list(
    lake_settings: Settings, mosquitto: Mosquitto, secured: SecuredMosquitto, services: Services
) -> None:
    (lake_settings.home / "edge.toml").write_text(EDGE.format(port=mosquitto.port))
    services.start("ingest", settings_of("ingest", secured, lake_settings))
    edge = services.start("edge", settings_of("collector1", secured, lake_settings))
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


def test_a_collector_writes_its_own_topics_only_and_no_acknowledgement(
    secured: SecuredMosquitto,
) -> None:
    own, other = (topics.Collector("demo", name) for name in USERS[1:])
    heard: list[str] = []
    listener = _client(secured, "ingest")
    listener.on_message = lambda _c, _d, message: heard.append(message.topic)
    granted: list[int] = []
    listener.on_subscribe = lambda _c, _d, mid, *_: granted.append(mid)
    listener.subscribe([(topics.HEALTH_FILTER, 1), (topics.BATCH_FILTER, 1)])
    wait_until(lambda: granted, "the subscription")
    reader = _client(secured, "collector1")
    forged: list[str] = []
    reader.on_message = lambda _c, _d, message: forged.append(message.topic)
    reader.subscribe([("takt/v1/#", 1)])

    writer = _client(secured, "collector1")
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


def _client(broker: SecuredMosquitto, user: str) -> mqtt.Client:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.tls_set(str(broker.ca_file), tls_version=ssl.PROTOCOL_TLS_CLIENT)
    client.username_pw_set(user, broker.password_file(user).read_text().strip())
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    wait_until(client.is_connected, f"{user} to be let in")
    return client
