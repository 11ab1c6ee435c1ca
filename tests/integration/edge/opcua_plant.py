"""A real OPC UA server to collect from, and what a source hands over; shared by tests."""

import asyncio
from collections.abc import Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Protocol

from asyncua import Server, ua
from asyncua.crypto import cert_gen
from asyncua.server.address_space import AttributeValue, NodeData
from asyncua.server.history import HistoryDict
from asyncua.server.internal_server import InternalServer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from edge.clock import Clock
from edge.configuration import OpcUaSource
from edge.link import Link
from edge.opcua.certificates import CertificateFolder
from edge.opcua.source import OpcUaCollector
from edge.spool import Delivery
from takt.batch import Sample
from tests.conftest import free_port

URI = "urn:takt:test"
SERVER_URI = "urn:takt:test:server"
EQUIPMENT = "assembly/line1/press01"
BORN = datetime(2023, 11, 14, 22, 13, 20, 123_456, tzinfo=UTC)
BORN_US = 1_700_000_000_123_456


class FilledServer(InternalServer):
    """Its standard address space is filled once, which takes a second, and copied for each server.

    Values and references are never changed, only replaced; what holds them is copied.
    """

    _filled: ClassVar[dict[ua.NodeId, NodeData]] = {}

    async def load_standard_address_space(self, shelf_file: Path | None = None) -> None:
        if not self._filled:
            filling = InternalServer()
            await filling.load_standard_address_space(shelf_file)
            self._filled.update(filling.aspace._nodes)
        for node_id, filled in self._filled.items():
            node = NodeData(node_id)
            node.attributes = {
                name: AttributeValue(each.value) for name, each in filled.attributes.items()
            }
            node.references = list(filled.references)
            self.aspace[node_id] = node


class Plant:
    """A real OPC UA server with variables named by strings."""

    def __init__(self) -> None:
        self.port = free_port()
        self.variables = {}
        self.history: HistoryDict | None = None

    @property
    def endpoint(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}"

    async def start(self, **options_and_values: object) -> None:
        await self.prepare(**options_and_values)
        await self.server.start()

    async def prepare(
        self,
        *,
        namespaces_before: tuple[str, ...] = (),
        policies: Iterable[ua.SecurityPolicyType] = (ua.SecurityPolicyType.NoSecurity,),
        identity: tuple[Path, Path] | None = None,
        users: object = None,
        tokens: list[type] | None = None,
        **values: object,
    ) -> None:
        self.server = Server(FilledServer(users))
        await self.server.init()
        if self.history is not None:
            self.server.iserver.history_manager.set_storage(self.history)
        await self.server.set_application_uri(SERVER_URI)
        self.server.set_endpoint(self.endpoint)
        self.server.set_security_policy(list(policies))
        if tokens is not None:
            self.server.set_identity_tokens(tokens)
        if identity is not None:
            await self.server.load_certificate(identity[0])
            await self.server.load_private_key(identity[1])
        for uri in namespaces_before:
            await self.server.register_namespace(uri)
        self.index = await self.server.register_namespace(URI)
        for name, value in values.items():
            await self.add(name, value)

    async def add(
        self, name: str, value: object, kind: ua.VariantType | None = None, below=None, born=BORN
    ) -> None:
        parent = below or self.server.nodes.objects
        found = await parent.add_variable(ua.NodeId(name, self.index), name, value, kind)
        self.variables[name] = found
        await self.write(name, value, kind=kind, born=born)

    async def write(self, name, value, *, born=BORN, status=ua.StatusCodes.Good, kind=None):
        data = ua.DataValue(ua.Variant(value, kind), ua.StatusCode(status), born, datetime.now(UTC))
        await self.variables[name].write_value(data)

    async def has_run_since(self, moment: datetime) -> None:
        """Have the server say that it started then."""
        node = self.server.get_node(ua.ObjectIds.Server_ServerStatus_StartTime)
        await node.write_value(moment)

    async def clear(self) -> None:
        await self.server.delete_nodes(list(self.variables.values()))
        self.variables.clear()

    async def stop(self) -> None:
        await self.server.stop()


class Sink:
    """Keeps what a source hands over; tests wait for what they expect."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self._came = asyncio.Condition()

    async def put(self, delivery: Delivery) -> None:
        async with self._came:
            self.samples += delivery.samples
            self._came.notify_all()
        if delivery.accepted is not None:
            delivery.accepted()

    def of(self, signal: str) -> list[Sample]:
        return [sample for sample in self.samples if sample.signal == signal]

    def values(self, signal: str) -> list[float | None]:
        return [sample.value for sample in self.of(signal)]

    async def until(self, condition) -> None:
        async with asyncio.timeout(30), self._came:
            await self._came.wait_for(condition)


class HasEndpoint(Protocol):
    """Whatever a source can be connected to."""

    @property
    def endpoint(self) -> str: ...


def source(plant: HasEndpoint, *names: str, **options) -> OpcUaSource:
    return OpcUaSource.model_validate(
        {
            "kind": "opcua",
            "endpoint": plant.endpoint,
            "publishing_interval_ms": 50,
            "nodes": [
                {"node": f"nsu={URI};s={name}", "equipment": EQUIPMENT, "signal": name}
                for name in names
            ],
            **options,
        }
    )


@asynccontextmanager
async def collecting(configured: OpcUaSource, put, folder: Path, **options):
    clock = Clock()
    link = Link(
        "line1",
        configured.equipment,
        expected_interval_s=configured.expected_interval_s,
        clock=clock,
        put=put,
        changed=lambda: None,
    )
    certificates = CertificateFolder(folder, "urn:takt:demo:collector1")
    collector = OpcUaCollector(
        "line1",
        configured,
        folder,
        certificates,
        link=link,
        clock=clock,
        put=put,
        **{"learned": forget, **options},
    )
    task = asyncio.create_task(collector.run())
    try:
        yield link
    finally:
        task.cancel()
        await asyncio.wait([task])


async def forget(_source: str, _equipment: str) -> None:
    """Learn nothing."""


async def until(condition, what: str, interval_s: float = 0.02, timeout_s: float = 30) -> None:
    """Wait for what shows in no sample, such as the link's reason."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, what
        await asyncio.sleep(interval_s)


def make_identity(
    folder: Path, name: str = "server", *, ends: timedelta = timedelta(days=400), uri=SERVER_URI
) -> tuple[Path, Path]:
    """A certificate and key as files; `ends` from now, in the past for an expired one."""
    folder.mkdir(parents=True, exist_ok=True)
    key = cert_gen.generate_private_key()
    certificate = cert_gen.generate_self_signed_app_certificate(
        key,
        name,
        {},
        [x509.UniformResourceIdentifier(uri), x509.DNSName("localhost")],
        [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH],
        days=1,
    )
    certificate = _with_end(certificate, key, ends)
    files = folder / f"{name}.der", folder / f"{name}.pem"
    files[0].write_bytes(certificate.public_bytes(Encoding.DER))
    files[1].write_bytes(cert_gen.dump_private_key_as_pem(key))
    return files


def _with_end(certificate, key, ends: timedelta):
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(certificate.subject)
        .issuer_name(certificate.issuer)
        .public_key(certificate.public_key())
        .serial_number(certificate.serial_number)
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + ends)
    )
    for extension in certificate.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(key, certificate.signature_hash_algorithm)
