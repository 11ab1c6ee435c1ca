"""Which shards this process is to own: free ones up to its fair share, and not more.

Belongs here: who tries. Taking a shard over and leaving it is the ingestor's; whether it may
commit is decided by the fence.

Every process takes free shards up to ceil(shards / processes) and gives back what it has above
that. So a process that starts gets its part, and the part of one that dies is taken over.
"""

import logging
import random
import threading
import time
from collections.abc import Callable

from lake.errors import LakeUnavailable
from lake.shard_locks import ShardLocks
from takt.settings import Settings

log = logging.getLogger(__name__)

_TURN_S = 1.0
_SETTLE_S = 3.0
"""After the catalog was away each process gets back first what it had."""


class Ownership:
    """Follows, in a thread of its own, what this process is to own.

    Args:
        settings: Of the installation.
        changed: Called in that thread when `wanted` has changed.
    """

    def __init__(self, settings: Settings, changed: Callable[[], None]) -> None:
        self._shards = settings.ingestion.shards
        self._locks = ShardLocks(settings)
        self._changed = changed
        self._wanted: frozenset[int] = frozenset()
        self._unwanted: frozenset[int] = frozenset()
        self._giving_back: set[int] = set()
        self._left: set[int] = set()
        self._deciding = threading.Lock()
        self._may_take_at = 0.0
        self._told = ""
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ownership", daemon=True)

    @property
    def wanted(self) -> frozenset[int]:
        """The shards to own: take over those that are new, leave those that are missing."""
        return self._wanted

    @property
    def unwanted(self) -> frozenset[int]:
        """The shards to give back; each is kept from others until `left` is called for it."""
        return self._unwanted

    @property
    def is_running(self) -> bool:
        """Whether the thread lives; it ends only by `stop` or a defect."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to try."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Give back everything; nothing if it never started."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def left(self, shard: int) -> None:
        """A shard is no longer owned: given back, or another process was faster.

        It is wanted again only after its lock was found free.
        """
        with self._deciding:
            self._left.add(shard)
            self._wanted -= {shard}
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                self._turn()
            except LakeUnavailable as error:
                self._tell(f"{error}; trying again")
                self._lose_session()
            self._wake.wait(_TURN_S)
        self._locks.close()

    def _turn(self) -> None:
        if not self._locks.is_open and not self._open():
            return
        for shard in list(self._left):
            self._locks.unlock(shard)
            with self._deciding:
                self._left.discard(shard)
            self._giving_back.discard(shard)
        # Also tells PostgreSQL that this process lives.
        share = -(-self._shards // self._locks.processes())
        kept = sorted(self._locks.held - self._giving_back)
        self._giving_back.update(kept[share:])
        if time.monotonic() >= self._may_take_at and not self._stopping.is_set():
            self._take(share - len(kept))
        self._decide()

    def _open(self) -> bool:
        """Begin a session, with what was owned as far as nobody has it; whether that worked."""
        if others := self._locks.open():
            self._tell(
                f"processes that divide collectors by ingestion.shards = {max(others)} are"
                f" running, here it is {self._shards}; waiting until they have ended"
            )
            return False
        for shard in sorted(self._wanted):
            self._locks.try_lock(shard)
        return True

    def _take(self, count: int) -> None:
        free = [shard for shard in range(self._shards) if shard not in self._locks.held]
        # Not all in the same order, or all would try for the same one.
        random.shuffle(free)
        for shard in free:
            if count <= 0:
                return
            count -= self._locks.try_lock(shard)

    def _decide(self) -> None:
        with self._deciding:
            wanted = self._locks.held - self._giving_back - self._left
            unwanted = frozenset(self._giving_back)
            is_change = (wanted, unwanted) != (self._wanted, self._unwanted)
            self._wanted, self._unwanted = wanted, unwanted
        if is_change:
            self._changed()
        elif not self._locks.held:
            self._tell("ready to take over: other processes own all shards")
            return
        self._told = ""

    def _lose_session(self) -> None:
        """Locks are gone; what is owned stays so until it is found that others have it."""
        self._locks.close()
        self._may_take_at = time.monotonic() + _SETTLE_S
        self._giving_back.clear()
        with self._deciding:
            self._left.clear()

    def _tell(self, text: str) -> None:
        """Say something once, not every second."""
        if text != self._told:
            log.info("%s", text)
            self._told = text
