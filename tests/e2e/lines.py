"""The network between the processes of a chain, where it can be cut, stalled and slowed.

machines' broker ──machines── collector ──edge── Takt's broker ──ingest── ingestion
"""

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from tests.e2e.chain import Chain
from tests.integration.edge.proxy import Proxy

NAMES = ("machines", "edge", "ingest")
_EDGE = """
site = "demo"
collector = "collector1"
[sources.counted]
kind = "mqtt"
host = "127.0.0.1"
port = {port}
topic = "plant/{{equipment:3}}/{{signal}}"
timestamp = "timestamp_us"
timestamp_unit = "us"
expected_interval_s = 1
"""
_LENGTHS_S = ((0.1, 2.0), (2.0, 8.0), (8.0, 20.0))
"""Blips, what a keep-alive survives, and what it does not."""
_WELL_S = (0.5, 3.0)


class Line:
    """One proxy, in a thread of its own."""

    def __init__(self, target_port: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="line")
        self._thread.start()
        self._proxy = Proxy(target_port)
        self.port = self._proxy.port
        self.heal()

    def heal(self) -> None:
        """All is well."""
        self._do(self._heal)

    def cut(self) -> None:
        """Both sides are told, and nobody is let in."""
        self._do(self._proxy.cut)

    def stall(self) -> None:
        """Nobody is told anything."""
        self._loop.call_soon_threadsafe(self._proxy.stall)

    def slow(self, delay_s: float) -> None:
        """Everything takes longer."""
        self._proxy.delay_s = delay_s

    def close(self) -> None:
        """End it."""
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _heal(self) -> None:
        self._proxy.flow()
        if not self._proxy.is_open:
            await self._proxy.open()

    def _do(self, work: Callable[[], Awaitable[None]]) -> None:
        async def working() -> None:
            await work()

        asyncio.run_coroutine_threadsafe(working(), self._loop).result(10)


class Lines:
    """The three lines of a chain, by name."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}

    def lay(self, chain: Chain) -> None:
        """Let the processes of a chain that is not started yet reach one another by them."""
        broker = chain.settings.broker.port
        targets = (chain.machines.port, broker, broker)
        self._lines = {name: Line(port) for name, port in zip(NAMES, targets, strict=True)}
        (chain.settings.home / "edge.toml").write_text(_EDGE.format(port=self["machines"].port))
        for verb in ("edge", "ingest"):
            chain.variables[verb]["TAKT_BROKER__PORT"] = str(self[verb].port)

    def __getitem__(self, name: str) -> Line:
        return self._lines[name]

    def heal(self) -> None:
        """All of them are well."""
        for line in self._lines.values():
            line.heal()

    def trouble(self, seed: int, seconds: float, progress: Callable[[float], object]) -> list:
        """Random faults of every line, beside one another; when each began."""
        began_at = time.monotonic()
        moments: list[datetime] = []

        def hurt(name: str) -> None:
            chance = random.Random(f"{seed} {name}")
            while (left_s := began_at + seconds - time.monotonic()) > 0:
                # These pauses are the faults, not waits for something to happen.
                time.sleep(min(left_s, chance.uniform(*_WELL_S)))
                moments.append(datetime.now(UTC))
                hurt_once(self[name], chance)
                time.sleep(chance.uniform(*chance.choice(_LENGTHS_S)))
                self[name].heal()

        threads = [threading.Thread(target=hurt, args=[name]) for name in NAMES]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(1.0)
                progress(min(seconds, time.monotonic() - began_at))
        return sorted(moments)

    def close(self) -> None:
        """End them."""
        for line in self._lines.values():
            line.close()


def hurt_once(line: Line, chance: random.Random) -> None:
    """One of the three faults."""
    match chance.choice(("cut", "stall", "slow")):
        case "cut":
            line.cut()
        case "stall":
            line.stall()
        case _:
            line.slow(chance.uniform(0.05, 0.5))


@contextmanager
def laid_lines() -> Iterator[Lines]:
    """Lines for one chain; gone at the end."""
    lines = Lines()
    try:
        yield lines
    finally:
        lines.close()
