"""Learning of equipment that a source serves, while the disk may refuse.

Belongs here: the waiting. Messages in hand would be lost with it if it gave up: not every
broker hands over again what was taken.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from edge.spool import SpoolFullError

log = logging.getLogger(__name__)

RETRY_S = 5.0

Learned = Callable[[str, str], Awaitable[None]]
"""Remembers over restarts that a source serves some equipment."""


async def learn(learned: Learned, source: str, equipment: str) -> None:
    """Have it remembered, however long the disk refuses."""
    is_told = False
    while True:
        try:
            return await learned(source, equipment)
        except SpoolFullError as full:
            if not is_told:
                log.warning("%s: %s is not known yet, it waits: %s", source, equipment, full)
                is_told = True
        await asyncio.sleep(RETRY_S)
