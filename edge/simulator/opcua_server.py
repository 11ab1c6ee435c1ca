"""The plant's controllers: an OPC UA server with one variable per signal.

It takes no password and does not encrypt, so it listens on loopback only.
"""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asyncua import Server, ua

from edge.simulator.edge_config import NAMESPACE, endpoint, node_text, speaking
from edge.simulator.playback import Telling
from edge.simulator.shifts import to_datetime
from edge.simulator.signals import SIGNALS, Signal
from takt.errors import ConfigurationError

_WAITING = ua.StatusCode(ua.UInt32(ua.StatusCodes.BadWaitingForInitialData))


class Controllers:
    """The variables of a running server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._nodes: dict[tuple[str, str], ua.NodeId] = {}

    async def add_variables(self) -> None:
        """Create a folder for each machine and a variable for each of its signals."""
        namespace = await self._server.register_namespace(NAMESPACE)
        for unit in speaking("opcua"):
            name = unit.equipment_id.rpartition("/")[2]
            folder_id = ua.NodeId(unit.equipment_id.replace("/", "."), namespace)
            folder = await self._server.nodes.objects.add_folder(folder_id, f"{namespace}:{name}")
            for signal in SIGNALS[unit.equipment_id]:
                node_id = ua.NodeId(node_text(unit, signal), namespace)
                await folder.add_variable(
                    node_id, f"{namespace}:{signal.name}", _empty(signal), variant_type(signal)
                )
                await self._server.write_attribute_value(node_id, ua.DataValue(StatusCode=_WAITING))
                self._nodes[unit.equipment_id, signal.name] = node_id

    async def tell(self, telling: Telling) -> None:
        """Write a value with the time at which it was born."""
        signal = telling.signal
        number = isinstance(telling.value, float) and variant_type(signal) != ua.VariantType.Double
        value = int(telling.value) if number else telling.value
        await self._server.write_attribute_value(
            self._nodes[telling.equipment_id, signal.name],
            ua.DataValue(
                ua.Variant(value, variant_type(signal)), SourceTimestamp=to_datetime(telling.at)
            ),
        )


def variant_type(signal: Signal) -> ua.VariantType:
    """The OPC UA type of a signal."""
    match signal.role:
        case "state":
            return ua.VariantType.Int32
        case "order" | "item" | "reason":
            return ua.VariantType.String
        case "measurement":
            return ua.VariantType.Int32 if signal.scale else ua.VariantType.Double
        case _:
            return ua.VariantType.UInt16 if signal.bits == 16 else ua.VariantType.UInt32


def _empty(signal: Signal) -> str | float:
    match variant_type(signal):
        case ua.VariantType.String:
            return ""
        case ua.VariantType.Double:
            return 0.0
        case _:
            return 0


@asynccontextmanager
async def running(port: int) -> AsyncIterator[Controllers]:
    """A server that is up inside the context.

    Raises:
        ConfigurationError: The port is taken.
    """
    _require_free(port)
    server = Server()
    await server.init()
    server.set_endpoint(endpoint(port))
    server.set_server_name("Takt demo plant")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    controllers = Controllers(server)
    await controllers.add_variables()
    await server.start()
    try:
        yield controllers
    finally:
        await server.stop()


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigurationError(
                f"the plant's OPC UA server cannot listen on port {port}: {error.strerror};"
                " free it, or set TAKT_PLANT__PORT"
            ) from error
