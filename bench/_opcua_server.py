"""An OPC UA server with many counters, in a process of its own, as fast as it is told.

Belongs here: asyncua's server, its address space and its clock of changes. The server is
Python like the collector: its data values refuse to be copied, since they never change, which
is half of what a change would cost it otherwise.
"""

import asyncio
import multiprocessing
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import NamedTuple, Self

from asyncua import Node, Server, ua

_BURST_S = 0.01
_PATIENCE_S = 120.0
_REQUEST_SIZE = 1_000
_LIMITS = (
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
)


class Shape(NamedTuple):
    """How many counters there are, and how many changes a second."""

    units: int
    counters: int
    per_second: float

    @property
    def items(self) -> int:
        """All counters."""
        return self.units * self.counters


class Counted(ua.DataValue):  # type: ignore[misc] # asyncua has no types here
    """A data value that is never changed and so need not be copied."""

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self


class CountingServer:
    """The process; its counters stand at 0 until `count` is called."""

    def __init__(self, port: int, shape: Shape) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        arguments = (port, shape, theirs)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        self._answer(_PATIENCE_S)

    @property
    def pid(self) -> int:
        """Whose work it is."""
        assert self._process.pid is not None
        return self._process.pid

    def count(self, seconds: float) -> int:
        """Let the counters count for so long; how many changes were made."""
        self._ours.send(seconds)
        return self._answer(seconds + _PATIENCE_S)

    def end(self) -> None:
        """End the server."""
        self._process.kill()
        self._process.join(5)

    def _answer(self, patience_s: float) -> int:
        if not self._ours.poll(patience_s):
            raise TimeoutError("the OPC UA server does not answer")
        return int(self._ours.recv())


def _serve(port: int, shape: Shape, report: Connection) -> None:
    asyncio.run(_serve_counters(port, shape, report))


async def _serve_counters(port: int, shape: Shape, report: Connection) -> None:
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    for limit in _LIMITS:
        await server.get_node(ua.NodeId(limit)).write_value(_REQUEST_SIZE, ua.VariantType.UInt32)
    counters = await _add_counters(server, shape)
    async with server:
        report.send(0)
        changes = 0
        while True:
            seconds = await asyncio.to_thread(report.recv)
            changes = await _count(server, counters, changes, shape.per_second, seconds)
            report.send(changes)


async def _add_counters(server: Server, shape: Shape) -> list[ua.NodeId]:
    index = await server.register_namespace("urn:takt:bench")
    counters = []
    for unit in range(shape.units):
        parent: Node = await server.nodes.objects.add_object(index, f"unit{unit:03d}")
        for counter in range(shape.counters):
            node = ua.NodeId(f"{unit}.{counter}", index)
            await parent.add_variable(node, f"Counter{counter:03d}", 0, ua.VariantType.Int64)
            await server.write_attribute_value(node, _value(0))
            counters.append(node)
    return counters


async def _count(
    server: Server, counters: list[ua.NodeId], before: int, per_second: float, seconds: float
) -> int:
    """Each counter in turn goes on by one; never two steps of one at once."""
    started, done = time.monotonic(), before
    while (passed := time.monotonic() - started) < seconds:
        # Who is late by more than a second stays late: no burst makes up for it.
        due = min(before + int(passed * per_second), done + int(per_second))
        for number in range(done, due):
            round_, place = divmod(number, len(counters))
            await server.write_attribute_value(counters[place], _value(round_ + 1))
        done = max(done, due)
        await asyncio.sleep(_BURST_S)
    return done


def _value(number: int) -> Counted:
    return Counted(
        ua.Variant(number, ua.VariantType.Int64),
        ua.StatusCode(ua.StatusCodes.Good),
        SourceTimestamp=datetime.now(UTC),
    )
