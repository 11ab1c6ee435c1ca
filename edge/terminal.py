"""A place where people enter something: a collector without sources, `terminal-<host>`.

Belongs here: handing entries over and how long it is waited for the lake. What an entry says is
its maker's business.
"""

import asyncio
import re
import socket
from collections.abc import Sequence
from contextlib import suppress

from edge.configuration import SpoolConfiguration
from edge.delivering import Delivering, delivering
from edge.delivery import Delivery
from takt.errors import TaktError
from takt.settings import Settings
from takt.stop_entry import StopEntry
from takt.topics import Collector as Identity

_ACCEPT_S = 10.0


class NotAcceptedError(TaktError):
    """The spool took nothing: what was entered is not kept anywhere."""


def name() -> str:
    """How this host's terminal is called as a collector."""
    host = re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname()).strip("-.") or "host"
    return f"terminal-{host}"


def enter(settings: Settings, entries: Sequence[StopEntry], patience_s: float = 15.0) -> bool:
    """Have entries accepted, then wait a while for the lake to have all that this terminal holds.

    Args:
        settings: Of the installation.
        entries: None at all only delivers what waits.
        patience_s: How long it is waited for the lake.

    Returns:
        Whether the lake has it; else it waits in the terminal's spool.

    Raises:
        ConfigurationError: Another process has the spool open.
        NotAcceptedError: The spool has no room.
    """
    return asyncio.run(_enter(settings, entries, patience_s))


async def _enter(settings: Settings, entries: Sequence[StopEntry], patience_s: float) -> bool:
    path = settings.home / "edge" / name() / "spool.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    identity = Identity(settings.site, name())
    async with delivering(identity, SpoolConfiguration(), path, settings.broker) as parts:
        if entries:
            await _accept(parts, entries)
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await _settled(parts)
        return not (await parts.spool.status()).rows


async def _accept(parts: Delivering, entries: Sequence[StopEntry]) -> None:
    accepted = asyncio.Event()
    now = parts.clock.now()
    await parts.writer.put(
        Delivery([entry.sample(now) for entry in entries], accepted=accepted.set)
    )
    try:
        async with asyncio.timeout(_ACCEPT_S):
            await accepted.wait()
    except TimeoutError as error:
        why = parts.spool.refuses or "no answer"
        raise NotAcceptedError(f"nothing was entered; the terminal's spool says: {why}") from error


async def _settled(parts: Delivering) -> None:
    while (await parts.spool.status()).rows:
        await parts.spool.settled.wait()
        parts.spool.settled.clear()
