"""A place where people enter something: a collector without sources.

Belongs here: handing entries over and how long it is waited for the lake. What an entry says is
its maker's business. A command enters once (`enter`, as `terminal-<host>`); the pages keep a
`Terminal`.
"""

import asyncio
import re
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from edge.clock import Clock
from edge.configuration import SpoolConfiguration
from edge.delivering import Delivering, delivering
from edge.delivery import Delivery
from edge.spool import Spool
from takt.batch import Sample
from takt.errors import ConfigurationError, TaktError
from takt.settings import Settings
from takt.topics import Collector as Identity

_ACCEPT_S = 10.0
_ANSWER_S = 15.0
_END_S = 8.0


class Entry(Protocol):
    """Something that a person says."""

    def sample(self, received_at: int) -> Sample:
        """The sample that carries it; `received_at` in microseconds since 1970, UTC."""
        ...


class NotAcceptedError(TaktError):
    """The spool took nothing: what was entered is not kept anywhere."""


def name() -> str:
    """How this host's terminal is called as a collector."""
    host = re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname()).strip("-.") or "host"
    return f"terminal-{host}"


def enter(settings: Settings, entries: Sequence[Entry], patience_s: float = 15.0) -> bool:
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


async def _enter(settings: Settings, entries: Sequence[Entry], patience_s: float) -> bool:
    identity = Identity(settings.site, name())
    path = _spool_path(settings, name())
    path.parent.mkdir(parents=True, exist_ok=True)
    refused: NotAcceptedError | None = None
    async with delivering(identity, SpoolConfiguration(), path, settings.broker) as parts:
        try:
            await _accept(parts, entries)
            async with asyncio.timeout(patience_s):
                await _settled(parts)
        except NotAcceptedError as error:
            refused = error  # raised in here it would come out as one of a group
        except TimeoutError:
            pass
        is_delivered = not (await parts.spool.status()).rows
    if refused is not None:
        raise refused
    return is_delivered


def waits(settings: Settings) -> bool:
    """Whether the lake does not have yet what was entered on this host before.

    Raises:
        ConfigurationError: Another process has the spool open.
    """
    path = _spool_path(settings, name())
    if not path.exists():
        return False
    with closing(Spool(path, Clock().now)) as spool:
        return bool(spool.read(None, 1, batches=1))


class Terminal:
    """A terminal that stays: takes entries from any thread, delivers until the lake has them.

    Its spool is open only while something is entered or waits.
    """

    def __init__(self, settings: Settings, collector: str) -> None:
        self._settings = settings
        self._identity = Identity(settings.site, collector)
        self._path = _spool_path(settings, collector)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue()
        self._parts: Delivering | None = None
        self._rows = 0
        self._thread = threading.Thread(target=self._run, name="terminal", daemon=True)

    def start(self) -> None:
        """Begin with what waits from before."""
        if self._path.exists():
            self._jobs.put_nowait(_Job(()))
        self._loop = asyncio.new_event_loop()
        self._thread.start()

    def stop(self) -> None:
        """End; what waits is kept and delivered after the next start."""
        if self._thread.is_alive():
            self._hand_over(_Job(None))
            self._thread.join(_END_S)

    def enter(self, entries: Sequence[Entry]) -> None:
        """Have entries accepted: after it they are on this disk, and delivered by themselves.

        Raises:
            NotAcceptedError: The spool has no room, or another process has it open.
        """
        job = _Job(entries)
        if not self._thread.is_alive():
            raise NotAcceptedError("nothing was entered; start the pages anew (`takt dashboard`)")
        self._hand_over(job)
        try:
            job.accepted.result(_ANSWER_S)
        except TimeoutError as error:
            raise NotAcceptedError("nothing was entered; the terminal does not answer") from error

    @property
    def waiting(self) -> int:
        """How many entries the lake does not have yet."""
        return self._rows

    @property
    def ailment(self) -> str:
        """What keeps entries from leaving; empty: nothing."""
        parts = self._parts
        return parts.ailment if parts is not None else ""

    def _hand_over(self, job: "_Job") -> None:
        assert self._loop is not None, "it was started"
        self._loop.call_soon_threadsafe(self._jobs.put_nowait, job)

    def _run(self) -> None:
        assert self._loop is not None, "start made it"
        with closing(self._loop) as loop:
            loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        job = await self._jobs.get()
        while job.entries is not None:
            job = await self._open_for(job) or await self._jobs.get()

    async def _open_for(self, job: "_Job") -> "_Job | None":
        """Have the spool open for a job, until nothing waits; what is to be done after it."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            async with delivering(
                self._identity, SpoolConfiguration(), self._path, self._settings.broker
            ) as self._parts:
                return await self._deliver(self._parts, job)
        except (ConfigurationError, OSError) as error:
            job.refuse(NotAcceptedError(f"nothing was entered; {error}"))
            return None
        finally:
            self._parts = None

    async def _deliver(self, parts: Delivering, job: "_Job") -> "_Job | None":
        following: _Job | None = job
        while following is not None or self._rows:
            if following is not None and (after := await self._take(parts, following)):
                return after
            self._rows = (await parts.spool.status()).rows
            following = await self._job_or_settled(parts) if self._rows else None
        return None

    async def _take(self, parts: Delivering, job: "_Job") -> "_Job | None":
        """Have a job's entries accepted; with which job the spool is to be closed, if with any."""
        if job.entries is None:
            return job
        try:
            await _accept(parts, job.entries)
        except NotAcceptedError as error:
            job.refuse(error)
            return _Job(())  # this spool's writer would still take it once there is room
        self._rows = (await parts.spool.status()).rows
        job.accepted.set_result(None)
        return None

    async def _job_or_settled(self, parts: Delivering) -> "_Job | None":
        getting = asyncio.create_task(self._jobs.get(), name="next entry")
        settling = asyncio.create_task(parts.spool.settled.wait(), name="lake has taken")
        await asyncio.wait({getting, settling}, return_when=asyncio.FIRST_COMPLETED)
        parts.spool.settled.clear()
        settling.cancel()
        if getting.done():
            return getting.result()
        getting.cancel()
        return None


@dataclass(frozen=True)
class _Job:
    """Entries to be taken; none at all delivers what waits, None ends the terminal."""

    entries: Sequence[Entry] | None
    accepted: "Future[None]" = field(default_factory=Future)

    def refuse(self, error: TaktError) -> None:
        if not self.accepted.done():
            self.accepted.set_exception(error)


def _spool_path(settings: Settings, collector: str) -> Path:
    return settings.home / "edge" / collector / "spool.db"


async def _accept(parts: Delivering, entries: Sequence[Entry]) -> None:
    if not entries:
        return
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
