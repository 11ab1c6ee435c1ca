"""`takt doctor` and a running collector say the same of each source that is wrong."""

import asyncio
import socket
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.crypto.permission_rules import User, UserRole

from edge.examining import examine, examine_broker
from takt.broker_access import BrokerAccess
from takt.command import doctor
from takt.finding import Finding
from takt.settings import BrokerSettings, Settings
from tests.command import run_takt
from tests.conftest import Mosquitto, free_port
from tests.integration.edge.conftest import CollectorProcess
from tests.integration.edge.opcua_plant import URI, Plant, make_identity
from tests.tls_broker import TlsMosquitto

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEAD = 'site = "demo"\ncollector = "collector1"\n'
ENCRYPTED = [ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]


class Operator:
    """Lets in `operator` with a password, and anonymous users."""

    def get_user(self, iserver, username=None, password=None, certificate=None):
        if username is None or (username, password) == ("operator", "secret"):
            return User(UserRole.User, name=username or "anonymous")
        return None


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def plant():
    plant = Plant()
    await plant.start(Speed=1.0)
    yield plant
    await plant.stop()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def secure(tmp_path_factory):
    plant = Plant()
    folder = tmp_path_factory.mktemp("secure")
    plant.files = make_identity(folder, ends=timedelta(days=29))
    users = Operator()
    await plant.start(policies=ENCRYPTED, identity=plant.files, users=users, Speed=1.0)
    yield plant
    await plant.stop()


def opcua(name: str, endpoint: str, *nodes: str, keys: str = "") -> str:
    tables = [
        f'[[sources.{name}.nodes]]\n{node}\nequipment = "line/{name}"\nsignal = "S{place}"'
        for place, node in enumerate(nodes or [f'node = "nsu={URI};s=Speed"'])
    ]
    head = f'[sources.{name}]\nkind = "opcua"\nendpoint = "{endpoint}"\n{keys}\n'
    return head + "\n".join(tables) + "\n"


def mqtt(name: str, port: int, keys: str = "", kind: str = "mqtt") -> str:
    topic = 'topic = "plant/{equipment:3}/{signal}"' if kind == "mqtt" else ""
    where = f'host = "127.0.0.1"\nport = {port}'
    return f'[sources.{name}]\nkind = "{kind}"\n{where}\n{topic}\n{keys}\n'


async def examined(home: Path, *sources: str) -> dict[str, list[Finding]]:
    """Findings by what was looked at; each is one line."""
    file = home / "edge.toml"
    file.write_text(HEAD + "".join(sources))
    found: dict[str, list[Finding]] = {}
    for finding in await asyncio.to_thread(examine, file, home):
        assert "\n" not in finding.what + finding.found + finding.remedy
        found.setdefault(finding.what, []).append(finding)
    return found


def said(findings: list[Finding]) -> str:
    """The one finding, as text."""
    [finding] = findings
    return f"{finding.found} | {finding.remedy}"


def trust(home: Path, *certificates: Path) -> None:
    trusted = home / "edge/collector1/opcua/trusted"
    trusted.mkdir(parents=True, exist_ok=True)
    for place, certificate in enumerate(certificates):
        (trusted / f"{place}.der").write_bytes(certificate.read_bytes())


async def test_good_sources_are_good_and_bad_ones_stop_none(plant, mosquitto, tmp_path):
    found = await examined(
        tmp_path,
        opcua("stray", plant.endpoint, keys="speling = 1"),
        opcua("refused", f"opc.tcp://127.0.0.1:{free_port()}"),
        mqtt("unheard", free_port()),
        mqtt("nobody", free_port(), kind="sparkplug"),
        opcua("line1", plant.endpoint),
        mqtt("line2", mosquitto.port),
        mqtt("line3", mosquitto.port, kind="sparkplug"),
    )

    assert "unknown key; remove it" in said(found["source stray"])
    assert "is left out; the others go on" in said(found["source stray"])
    assert "nothing listens there; start it" in said(found["source refused"])
    assert "nothing listens there; start it" in said(found["source unheard"])
    assert "nothing listens there; start it" in said(found["source nobody"])
    good = ("edge.toml", "source line1", "source line2", "source line3")
    assert [name for name in found if all(each.is_good for each in found[name])] == list(good)


async def test_each_node_that_does_not_exist_is_named(plant, tmp_path):
    nodes = [
        f'node = "nsu={URI};s=Speed"',
        f'node = "nsu={URI};s=Sped"',
        'node = "nsu=urn:other;s=Speed"',
        'path = "Nowhere/Speed"',
    ]
    found = await examined(tmp_path, opcua("line1", plant.endpoint, *nodes))

    shown = [finding.found for finding in found["source line1"]]
    assert len(shown) == 3
    for node, why in (
        ("urn:other;s=Speed", "the server does not know the namespace"),
        ("Nowhere/Speed", "nothing on the server fits Nowhere"),
        (f"nsu={URI};s=Sped", "BadNodeIdUnknown"),
    ):
        [line] = [line for line in shown if node in line]
        assert why in line
        assert "the others go on" in line


async def test_a_server_that_is_not_trusted_is_named_with_the_file_to_move(secure, tmp_path):
    found = await examined(tmp_path, opcua("line1", secure.endpoint))

    folder = tmp_path / "edge/collector1/opcua"
    [rejected] = (folder / "rejected").iterdir()
    assert f"move {rejected} to {folder / 'trusted'}" in said(found["source line1"])


async def test_a_wrong_password_and_a_certificate_that_ends_soon_are_found(secure, tmp_path):
    trust(tmp_path, secure.files[0])
    (tmp_path / "wrong").write_text("wrong")
    user = f'username = "operator"\npassword_file = "{tmp_path / "wrong"}"'
    found = await examined(
        tmp_path,
        opcua("line1", secure.endpoint, keys=user),
        opcua("line2", secure.endpoint),
    )

    assert "the server refuses the user; check user name, password" in said(found["source line1"])
    assert "the server's certificate ends on" in said(found["source line2"])
    assert "renew it; no restart is needed" in said(found["source line2"])


async def test_expired_certificates_are_found_on_every_side(secure, tmp_path):
    server = make_identity(tmp_path / "server", ends=timedelta(days=-1))
    expired = Plant()
    await expired.start(policies=ENCRYPTED, identity=server, Speed=1.0)
    trust(tmp_path, secure.files[0], server[0])
    own = make_identity(tmp_path / "own", "own", ends=timedelta(days=-2))
    user = make_identity(tmp_path / "user", "user", ends=timedelta(days=-3))
    security = f'security.certificate = "{own[0]}"\nsecurity.private_key = "{own[1]}"'
    card = f'user_certificate = "{user[0]}"\nuser_private_key = "{user[1]}"'
    closed = f"opc.tcp://127.0.0.1:{free_port()}"
    found = await examined(
        tmp_path,
        opcua("line1", expired.endpoint),
        opcua("line2", secure.endpoint, keys=security),
        opcua("line3", secure.endpoint, keys=card),
        opcua("line4", closed, keys=f"{security}\n{card}"),
    )
    await expired.stop()

    assert f"the certificate of {expired.endpoint} expired on" in said(found["source line1"])
    assert f"{own[0]} expired on" in said(found["source line2"])
    assert f"{user[0]} expired on" in said(found["source line3"])
    lines = [finding.remedy for finding in found["source line4"]]
    assert len(lines) == 3, lines
    assert f"{user[0]} expired on" in lines[0]
    assert f"{own[0]} expired on" in lines[1]
    assert f"{closed} is not reached: nothing listens there" in lines[2]


async def test_what_answers_nothing_is_given_up_while_the_others_are_examined(
    plant, tmp_path, monkeypatch
):
    monkeypatch.setattr("edge.examining._PATIENCE_S", 2.0)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = silent.getsockname()[1]
        found = await examined(
            tmp_path,
            opcua("line1", f"opc.tcp://127.0.0.1:{port}"),
            mqtt("line2", port),
            opcua("line3", plant.endpoint),
        )

    assert "no answer" in said(found["source line1"])
    assert "no answer" in said(found["source line2"])
    assert found["source line3"][0].is_good


@pytest.fixture
def tls(tmp_path):
    broker = TlsMosquitto(tmp_path / "tls")
    broker.start()
    yield broker
    broker.kill()


async def test_what_is_wrong_between_us_and_a_broker_with_tls_is_said(tls, tmp_path):
    other = TlsMosquitto(tmp_path / "other")
    good = tls.keys("collector1")
    stranger = other.keys("collector1", ca_file=tls.ca_file)
    found = await examined(
        tmp_path,
        mqtt("good", tls.port, good),
        mqtt("untrusted", tls.port, tls.keys("collector1", ca_file=other.ca_file)),
        mqtt("without", tls.port, f'ca_file = "{tls.ca_file}"', kind="sparkplug"),
        mqtt("stranger", tls.port, stranger),
        mqtt("expired", tls.port, tls.keys("collector2", days=-1)),
        mqtt("ending", tls.port, tls.keys("collector3", days=29)),
        mqtt("missing", tls.port, good.replace("collector1.crt", "gone.crt")),
        mqtt("plain", tls.port),
    )

    assert found["source good"][0].is_good
    assert "its certificate is not trusted" in said(found["source untrusted"])
    assert "set certificate_file and key_file" in said(found["source without"])
    assert "no connection to broker" in said(found["source stranger"])
    assert "collector2.crt expired on" in found["source expired"][0].found
    assert "collector3.crt ends on" in said(found["source ending"])
    assert "gone.crt: No such file" in said(found["source missing"])
    assert not found["source plain"][0].is_good


async def test_a_broker_whose_own_certificate_has_expired_or_will_soon_is_named(tmp_path):
    lines = []
    for place, days in enumerate((-1, 29)):
        broker = TlsMosquitto(tmp_path / str(place), broker_days=days)
        broker.start()
        found = await examined(tmp_path, mqtt("line1", broker.port, broker.keys("collector1")))
        broker.kill()
        lines.append(said(found["source line1"]))

    assert "its certificate has expired, or its authority's; renew it there" in lines[0]
    assert "ends on" in lines[1]


class Accounts(Mosquitto):
    """One account, made by nobody: everybody is refused."""

    def settings(self) -> str:
        accounts = self.folder / "accounts"
        accounts.touch()
        return f"allow_anonymous false\npassword_file {accounts}\n"


async def test_a_refused_account_is_named_for_takts_own_broker_too(tmp_path):
    broker = Accounts(tmp_path)
    broker.start()
    (tmp_path / "password").write_text("wrong")
    access = BrokerAccess(
        host="127.0.0.1", port=broker.port, username="u", password_file=tmp_path / "password"
    )
    found = await asyncio.to_thread(examine_broker, access)
    broker.kill()

    assert "it refuses the user" in said(found)
    assert "waits in the spool" in said(found)


async def test_a_running_collector_says_one_line_for_each_and_collects_from_the_rest(
    plant, secure, peer, mosquitto, tmp_path
):
    closed = free_port()
    collector = CollectorProcess(
        tmp_path,
        mosquitto.port,
        HEAD
        + opcua("stray", plant.endpoint, keys="speling = 1")
        + opcua("refused", f"opc.tcp://127.0.0.1:{closed}")
        + mqtt("unheard", closed)
        + opcua("untrusted", secure.endpoint)
        + opcua("line1", plant.endpoint, f'node = "nsu={URI};s=Speed"', f'node = "nsu={URI};s=No"'),
    )

    def all_said() -> bool:
        text = collector.log.read_text()
        return bool(peer.values()) and all(name in text for name in wanted)

    wanted = {
        "stray: down: ": "unknown key; remove it or correct its spelling; this source is left out",
        "refused: down: ": f"127.0.0.1:{closed} is not reached: nothing listens there; start it",
        "unheard: down: ": f"127.0.0.1:{closed}: nothing listens there; start it",
        "untrusted: down: ": "is not trusted: compare its SHA-256",
        "line1: node ": "(BadNodeIdUnknown); the others go on, it is tried again every 60 s",
    }
    await asyncio.to_thread(collector.start)
    try:
        deadline = asyncio.get_running_loop().time() + 20
        while not all_said():
            assert asyncio.get_running_loop().time() < deadline, collector.log.read_text()
            await asyncio.sleep(0.05)
        health = peer.healths[-1].sources
    finally:
        await asyncio.to_thread(collector.stop)

    text = collector.log.read_text()
    for begin, line in wanted.items():
        [told] = [one for one in text.splitlines() if begin in one]
        assert line in told
    assert "Traceback" not in text
    assert peer.values()[0] == 1.0
    assert health["stray"].link == "down"


async def test_no_source_left_is_no_collector(plant, tmp_path):
    found = await examined(
        tmp_path, opcua("line1", plant.endpoint, keys="a = 1\nb = 2"), mqtt("line2", 1, "c = 3")
    )

    assert [finding.found for finding in found["edge.toml"]] == ["no collector can start"] * 3


async def test_the_command_prints_what_is_wrong_and_what_to_do(mosquitto, tmp_path):
    closed = free_port()
    (tmp_path / "edge.toml").write_text(
        HEAD + mqtt("line1", closed) + mqtt("line2", mosquitto.port)
    )
    options = Settings(home=tmp_path, broker=BrokerSettings(port=closed, embedded=False))

    said = await asyncio.to_thread(run_takt, options, "doctor", exit_code=1)

    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "bad source line1: is down; the others go on" in lines
    assert f"ok source line2: 127.0.0.1:{mosquitto.port} lets us in" in lines
    remedy = f"→ no connection to broker 127.0.0.1:{closed}: nothing listens there; start it"
    assert len([line for line in lines if line.startswith(remedy)]) == 2


async def test_findings_are_told_as_they_come(tmp_path):
    findings = doctor.examine(options_of(tmp_path))

    first = next(findings)
    (tmp_path / "edge.toml").write_text("no table")

    assert first.what == "packages"
    later = await asyncio.to_thread(list, findings)
    assert "edge.toml" in [finding.what for finding in later if not finding.is_good]


async def test_a_lake_that_does_not_answer_is_asked_and_told_once(tmp_path):
    options = options_of(tmp_path, catalog=f"host={tmp_path} dbname=takt")

    findings = await asyncio.to_thread(list, doctor.examine(options))

    (failed,) = [finding for finding in findings if finding.found == "failed"]
    assert (findings[-1], failed.what) == (failed, "lake")


async def test_a_host_that_only_collects_needs_neither_lake_nor_another_broker(mosquitto, tmp_path):
    own = f'[broker]\nhost = "127.0.0.1"\nport = {mosquitto.port}\n'
    (tmp_path / "edge.toml").write_text(HEAD + own + mqtt("line1", mosquitto.port))

    said = await asyncio.to_thread(run_takt, options_of(tmp_path), "doctor")

    assert f"broker of edge.toml: 127.0.0.1:{mosquitto.port} lets us in" in said
    assert "lake: none here: it only collects" in said


async def test_a_lake_tells_what_it_holds(lake_settings):
    findings = await asyncio.to_thread(list, doctor.examine(lake_settings))

    assert {finding.what: finding.found for finding in findings[-3:]} == {
        "catalog": "answers; 0 entries in the ledger",
        "marts": "never published",
        "quarantine": "nothing refused in 24 h",
    }


def options_of(home: Path, catalog: str | None = None) -> Settings:
    """Of a home whose broker is not there."""
    broker = BrokerSettings(port=free_port(), embedded=False)
    return Settings(home=home, catalog=catalog, broker=broker)
