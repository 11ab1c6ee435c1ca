"""Through which moment all that a server said is accepted, kept over restarts.

Belongs here: the moment, in the server's own time, and its file. What is missing after it is
a gap; `edge.opcua.history` fills it.
"""

import json
import logging
import time
from datetime import UTC, datetime
from pathlib import Path

from edge.link import Put
from edge.spool import Delivery

log = logging.getLogger(__name__)

_WRITE_EVERY_S = 5.0


class Covered:
    """The moment of one source.

    Args:
        file: Where it is kept; read once.
        put: Leads to the spool.
    """

    def __init__(self, file: Path, put: Put) -> None:
        self._file = file
        self._put = put
        self._written_at = 0.0
        self._epoch = 0
        self.through = _read(file)
        self.is_gap = self.through is not None

    @property
    def gaps(self) -> int:
        """How many gaps there have been; names the present one."""
        return self._epoch

    def begin_gap(self) -> None:
        """From now on moments do not count, until the gap is filled."""
        self._epoch += 1
        self.is_gap = self.through is not None

    def end_gap(self, gap: int) -> None:
        """What was missing is accepted, or is nowhere to be had; unless another gap has begun."""
        if gap == self._epoch:
            self.is_gap = False

    async def reach(self, moment: datetime) -> None:
        """The server's clock has come so far, and so has all that was handed over before."""
        if not self.is_gap:
            epoch = self._epoch
            await self._put(Delivery([], None, lambda: self._accepted(moment, epoch)))

    def _accepted(self, moment: datetime, epoch: int) -> None:
        if self.is_gap or epoch != self._epoch or (self.through and moment <= self.through):
            return
        self.through = moment
        if time.monotonic() - self._written_at >= _WRITE_EVERY_S:
            self.save()

    def save(self) -> None:
        """Write the moment to its file; where that fails an older one stands, and more is read."""
        if self.through is None:
            return
        self._written_at = time.monotonic()
        aside = self._file.with_suffix(".new")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            aside.write_text(json.dumps({"through": self.through.isoformat()}), encoding="utf-8")
            aside.replace(self._file)
        except OSError as error:
            log.warning("%s is not written: %s; a gap is read from before it", self._file, error)


def _read(file: Path) -> datetime | None:
    try:
        moment = datetime.fromisoformat(json.loads(file.read_text(encoding="utf-8"))["through"])
    except (OSError, ValueError, KeyError, TypeError):
        # Without a moment there is no known gap: the link's own events record it.
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
