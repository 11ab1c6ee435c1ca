"""A TCP proxy between a client and a server, to cut, to stall or to slow the line."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from tests.conftest import free_port


class Proxy:
    """Forwards bytes while it is open; `cut` closes all lines, `stall` swallows what comes.

    Attributes:
        delay_s: How long each piece is under way.
        is_mute: What the client says vanishes; it hears all the same.
    """

    def __init__(self, target_port: int) -> None:
        self.port = free_port()
        self.delay_s = 0.0
        self.is_mute = False
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._lines: set[asyncio.StreamWriter] = set()

    @property
    def is_open(self) -> bool:
        """Whether it lets anybody in."""
        return self._server is not None and self._server.is_serving()

    async def open(self) -> None:
        self._flowing.set()
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", self.port)

    async def cut(self) -> None:
        """As if the cable were pulled and the switch told both sides."""
        assert self._server is not None
        self._server.close()
        for line in list(self._lines):
            line.close()

    def stall(self) -> None:
        """As if packets vanished: nobody is told anything; who connects is let in and not heard."""
        self._flowing.clear()

    def flow(self) -> None:
        """The line is well again: what was sent meanwhile arrives, late."""
        self.delay_s = 0.0
        self._flowing.set()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            theirs, ours = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.close()
            return
        self._lines |= {writer, ours}
        await asyncio.gather(
            self._pump(reader, ours, self.said), self._pump(theirs, writer, self.answered)
        )

    def said(self, data: bytes) -> bytes:
        """What the server gets of what the client says."""
        return b"" if self.is_mute else data

    def answered(self, data: bytes) -> bytes:
        """What the client gets of what the server says: all of it, as it is."""
        return data

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        passed: Callable[[bytes], bytes] = bytes,
    ) -> None:
        with suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(65_536):
                await self._flowing.wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(passed(data))
                await writer.drain()
        writer.close()
        self._lines.discard(writer)
