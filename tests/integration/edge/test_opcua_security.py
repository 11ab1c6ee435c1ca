import logging
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from cryptography import x509
from prometheus_client import REGISTRY

from edge.opcua.certificates import fingerprint
from tests.integration.edge.opcua_plant import (
    Plant,
    Sink,
    collecting,
    make_identity,
    source,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

Policy = ua.SecurityPolicyType
POLICIES = [
    ("Basic256Sha256", "Sign", Policy.Basic256Sha256_Sign),
    ("Basic256Sha256", "SignAndEncrypt", Policy.Basic256Sha256_SignAndEncrypt),
    ("Aes128_Sha256_RsaOaep", "Sign", Policy.Aes128Sha256RsaOaep_Sign),
    ("Aes128_Sha256_RsaOaep", "SignAndEncrypt", Policy.Aes128Sha256RsaOaep_SignAndEncrypt),
    ("Aes256_Sha256_RsaPss", "Sign", Policy.Aes256Sha256RsaPss_Sign),
    ("Aes256_Sha256_RsaPss", "SignAndEncrypt", Policy.Aes256Sha256RsaPss_SignAndEncrypt),
]


class Users:
    """Anonymous, `operator` with a password, and one user certificate."""

    certificate: bytes | None = None

    def get_user(self, iserver, username=None, password=None, certificate=None):
        is_known = (username, password) == ("operator", "secret")
        is_anonymous = username is None and certificate != self.certificate
        is_carded = username is None and certificate == self.certificate
        if is_known or is_anonymous or is_carded:
            return User(UserRole.User, name=username or ("card" if is_carded else "anonymous"))
        return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("server")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def plant(folder):
    """A server that offers everything, with and without security."""
    plant = Plant()
    plant.files = make_identity(folder)
    plant.users = Users()
    policies = [Policy.NoSecurity, *(policy for _, _, policy in POLICIES)]
    await plant.start(policies=policies, identity=plant.files, users=plant.users, Speed=1.0)
    yield plant
    await plant.stop()


def channels(plant: Plant) -> list[tuple[str, str]]:
    """Policy and mode of the sessions that the server has now."""
    found = []
    for client in plant.server.bserver.clients:
        policy = client.processor._connection.security_policy
        found.append((policy.URI.partition("#")[2], ua.MessageSecurityMode(policy.Mode).name))
    return found


def trust(plant: Plant, folder) -> None:
    (folder / "trusted").mkdir(parents=True, exist_ok=True)
    shutil.copy(plant.files[0], folder / "trusted")


@pytest.mark.parametrize(("policy", "mode", "_"), POLICIES)
async def test_each_policy_and_mode_is_spoken(plant, tmp_path, policy, mode, _):
    trust(plant, tmp_path)
    sink = Sink()
    configured = source(plant, "Speed", security={"policy": policy, "mode": mode})
    async with collecting(configured, sink.put, tmp_path):
        await sink.until(lambda: sink.of("Speed"))
        assert channels(plant) == [(policy, mode)]


async def test_the_default_is_the_strongest_that_the_server_offers(plant, tmp_path):
    trust(plant, tmp_path)
    sink = Sink()
    async with collecting(source(plant, "Speed"), sink.put, tmp_path):
        await sink.until(lambda: sink.of("Speed"))
        assert channels(plant) == [("Aes256_Sha256_RsaPss", "SignAndEncrypt")]


async def test_without_security_only_when_the_source_says_so(plant, tmp_path):
    sink = Sink()
    async with collecting(source(plant, "Speed", plain_text=True), sink.put, tmp_path):
        await sink.until(lambda: sink.of("Speed"))
        assert channels(plant) == [("None", "None_")]


async def test_an_unknown_server_is_named_by_its_fingerprint_and_trusted_by_moving_its_file(
    plant, tmp_path
):
    sink = Sink()
    shown = fingerprint(x509.load_der_x509_certificate(plant.files[0].read_bytes()))
    async with collecting(source(plant, "Speed"), sink.put, tmp_path) as link:
        await until(lambda: "is not trusted" in link.health.reason, "the refusal")
        reason = link.health.reason
        [rejected] = (tmp_path / "rejected").iterdir()
        assert shown in reason
        assert f"move {rejected} to {tmp_path / 'trusted'}" in reason
        assert "\n" not in reason
        rejected.rename(tmp_path / "trusted" / "press.der")
        await sink.until(lambda: sink.of("Speed"))


async def test_another_servers_certificate_opens_no_door(plant, tmp_path):
    shutil.copytree(make_identity(tmp_path / "other")[0].parent, tmp_path / "trusted")
    async with collecting(source(plant, "Speed"), Sink().put, tmp_path) as link:
        await until(lambda: "is not trusted" in link.health.reason, "the refusal")


async def test_a_user_is_let_in_by_name_and_refused_by_a_wrong_password(plant, tmp_path):
    trust(plant, tmp_path)
    password = tmp_path / "password"
    password.write_text("wrong\n")
    sink = Sink()
    configured = source(plant, "Speed", username="operator", password_file=password)
    async with collecting(configured, sink.put, tmp_path) as link:
        await until(lambda: "refuses the user" in link.health.reason, "the refusal")
        password.write_text("secret\n")
        await sink.until(lambda: sink.of("Speed"))
        assert session_users(plant) == ["operator"]


async def test_a_user_is_let_in_by_certificate(plant, tmp_path):
    trust(plant, tmp_path)
    files = make_identity(tmp_path / "user", "user")
    plant.users.certificate = files[0].read_bytes()
    sink = Sink()
    keys = {"user_certificate": files[0], "user_private_key": files[1]}
    async with collecting(source(plant, "Speed", **keys), sink.put, tmp_path):
        await sink.until(lambda: sink.of("Speed"))
        assert session_users(plant) == ["card"]


async def test_the_collectors_certificate_is_made_once_and_stays(plant, tmp_path):
    trust(plant, tmp_path)
    made = []
    for _ in range(2):
        sink = Sink()
        async with collecting(source(plant, "Speed"), sink.put, tmp_path):
            await sink.until(lambda sink=sink: sink.of("Speed"))
        made.append((tmp_path / "own/certificate.der").read_bytes())

    certificate = x509.load_der_x509_certificate(made[0])
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["urn:takt:demo:collector1"]
    assert certificate.public_key().key_size >= 2_048
    assert certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=4 * 365)
    assert made[0] == made[1]
    assert (tmp_path / "own/private_key.pem").stat().st_mode & 0o077 == 0


async def test_a_server_that_does_not_trust_the_collector_is_told_which_file_to_trust(
    plant, tmp_path
):
    trust(plant, tmp_path)
    trusted: list[x509.Certificate] = []

    async def validate(certificate, _description) -> None:
        if certificate not in trusted:
            raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)

    plant.server.set_certificate_validator(validate)
    sink = Sink()
    async with collecting(source(plant, "Speed"), sink.put, tmp_path) as link:
        own = tmp_path / "own/certificate.der"
        await until(lambda: f"let it trust {own}" in link.health.reason, "the refusal")
        trusted.append(x509.load_der_x509_certificate(own.read_bytes()))
        await sink.until(lambda: sink.of("Speed"))
    plant.server.set_certificate_validator(None)


async def test_a_certificate_that_is_none_stops_this_source_only(plant, tmp_path):
    trust(plant, tmp_path)
    nonsense = tmp_path / "certificate.der"
    nonsense.write_text("no certificate")
    files = dict.fromkeys(("certificate", "private_key"), nonsense)
    configured = source(plant, "Speed", security=files)
    async with collecting(configured, Sink().put, tmp_path) as link:
        await until(lambda: "neither DER nor PEM" in link.health.reason, "the refusal")
        assert link.health.link == "down"


async def test_an_expired_server_is_refused_and_its_renewal_taken_without_restart(tmp_path, caplog):
    plant = Plant()
    plant.files = make_identity(tmp_path, ends=timedelta(days=-1))
    trust(plant, tmp_path)
    encrypted = [Policy.Basic256Sha256_SignAndEncrypt]
    await plant.start(policies=encrypted, identity=plant.files, Speed=1.0)
    sink = Sink()
    with caplog.at_level(logging.WARNING, logger="edge"):
        async with collecting(source(plant, "Speed"), sink.put, tmp_path) as link:
            await until(lambda: "expired on" in link.health.reason, "the refusal")
            assert "renew it on the server" in link.health.reason
            await plant.stop()
            plant.files = make_identity(tmp_path, ends=timedelta(days=29))
            trust(plant, tmp_path)
            await plant.start(policies=encrypted, identity=plant.files, Speed=1.0)
            await sink.until(lambda: sink.of("Speed"))
            await until(lambda: days_left("server"), "the figure")
            assert "the server's certificate ends on" in link.health.reason
            assert link.health.link == "up"
            assert 28 < days_left("server") < 29
            assert days_left("collector") > 4 * 365
    await plant.stop()

    assert len([line for line in caplog.messages if "no restart is needed" in line]) == 1


async def test_an_ending_certificate_is_said_in_health_until_it_is_renewed(plant, tmp_path):
    trust(plant, tmp_path)
    said = []
    for days in (29, 400):
        put_own(tmp_path, timedelta(days=days))
        async with collecting(source(plant, "Speed"), Sink().put, tmp_path) as link:
            await until(lambda link=link: link.health.link == "up", "the connection")
            said.append("the collector's certificate ends on" in link.health.reason)

    assert said == [True, False]


def put_own(folder: Path, ends: timedelta) -> None:
    """Give the collector a certificate as an administrator would."""
    made = make_identity(folder / "made", ends=ends, uri="urn:takt:demo:collector1")
    (folder / "own").mkdir(exist_ok=True)
    for file, name in zip(made, ("certificate.der", "private_key.pem"), strict=True):
        shutil.copy(file, folder / "own" / name)


def session_users(plant: Plant) -> list[str]:
    return [client.processor.session.user.name for client in plant.server.bserver.clients]


def days_left(whose: str) -> float:
    labels = {"source": "line1", "whose": whose}
    return REGISTRY.get_sample_value("takt_edge_certificate_days", labels) or 0.0
