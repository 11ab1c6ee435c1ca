"""OPC UA servers whose items count together, within the test or in a process of their own."""

import asyncio
import multiprocessing
import os
import signal
from datetime import UTC, datetime
from multiprocessing.connection import Connection

from asyncua import Node, ua

from tests.integration.edge.opcua_plant import Plant

_TOGETHER = 100


class Counters:
    """A server whose items count together; they go on while it is away."""

    def __init__(self, items: int) -> None:
        self.plant = Plant()
        self.endpoint = self.plant.endpoint
        self.names = [f"Count{number:05d}" for number in range(items)]
        self.number = 0
        self.born = {0: datetime.now(UTC)}

    async def start(self, **options: object) -> None:
        await self.prepare(**options)
        await self.plant.server.start()

    async def prepare(self, **options: object) -> None:
        await self.plant.prepare(**options)
        objects = self.plant.server.nodes.objects
        # The server looks through all children of a node for each new one.
        for first in range(0, len(self.names), _TOGETHER):
            unit = await objects.add_object(self.plant.index, f"Unit{first // _TOGETHER:03d}")
            for name in self.names[first : first + _TOGETHER]:
                await self.add(name, unit)

    async def stop(self) -> None:
        await self.plant.stop()

    async def add(self, name: str, unit: Node | None = None) -> None:
        await self.plant.add(name, self.number, below=unit, born=self.born[self.number])

    async def step(self, *, is_away: bool = False) -> int:
        self.number += 1
        self.born[self.number] = datetime.now(UTC)
        if not is_away:
            await self.say(self.number, self.born[self.number])
        return self.number

    async def say(self, number: int, born: datetime) -> None:
        good = ua.StatusCode(ua.StatusCodes.Good)
        value = ua.DataValue(ua.Variant(number, ua.VariantType.Int64), good, born)
        for name in self.names:
            node = self.plant.variables[name].nodeid
            await self.plant.server.write_attribute_value(node, value)

    async def kill_sessions(self) -> None:
        for client in list(self.plant.server.bserver.clients):
            await client.processor.session.close_session(True)


class CountersApart:
    """The same in a process of its own, whose work does not hold up the collector's.

    Its server is killed instead of stopped, and the next one is a fork of one that has all its
    items but was never started: to make ten thousand takes ten seconds.
    """

    def __init__(self, items: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_fork_servers, args=(items, theirs))
        self._process.start()
        self.endpoint, self.names = self._ours.recv()
        self.number = 0
        self.born = {0: datetime.now(UTC)}
        self._is_up = False

    async def start(self) -> None:
        await self._do("start")
        self._is_up = True

    async def stop(self) -> None:
        await self._do("kill")
        self._is_up = False

    async def step(self, *, is_away: bool = False) -> int:
        self.number += 1
        self.born[self.number] = datetime.now(UTC)
        if not is_away:
            await self._do("say")
        return self.number

    async def kill_sessions(self) -> None:
        await self._do("kill_sessions")

    def close(self) -> None:
        """End the process and its server."""
        commands = ("kill", "end") if self._is_up else ("end",)
        for command in commands:
            self._ours.send((command, self.number, self.born[self.number]))
        self._process.join()

    async def _do(self, command: str) -> None:
        self._ours.send((command, self.number, self.born[self.number]))
        assert await asyncio.to_thread(self._ours.recv) == command


def _fork_servers(items: int, theirs: Connection) -> None:
    counters = Counters(items)
    asyncio.run(counters.prepare())
    theirs.send((counters.endpoint, counters.names))
    while (command := theirs.recv())[0] == "start":
        server = os.fork()
        if server == 0:
            asyncio.run(_serve(counters, theirs, command))
        # While it lives it is the one that reads the pipe.
        os.waitpid(server, 0)
        theirs.send("kill")


async def _serve(
    counters: Counters, theirs: Connection, command: tuple[str, int, datetime]
) -> None:
    while True:
        match command:
            case ("start", number, born):
                await counters.say(number, born)
                await counters.plant.server.start()
            case ("say", number, born):
                await counters.say(number, born)
            case ("kill_sessions", _, _):
                await counters.kill_sessions()
            case _:
                os.kill(os.getpid(), signal.SIGKILL)
        theirs.send(command[0])
        command = await asyncio.to_thread(theirs.recv)
