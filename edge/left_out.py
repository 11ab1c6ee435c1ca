"""What a source said that became no sample: counted, shown in health, logged now and then."""

import logging
import time
from collections.abc import Sequence

from edge.link import MAX_EQUIPMENT, Link
from takt.batch import Sample

log = logging.getLogger(__name__)

_WARN_EVERY_S = 60.0
_SHOWN = 200


class LeftOut:
    """The counts of one source.

    Args:
        source: Its name.
        link: Shows the counts in its remark.
    """

    def __init__(self, source: str, link: Link) -> None:
        self._source = source
        self._link = link
        self._messages = 0
        self._parts = 0
        self._retained = 0
        self._beyond = 0
        self._last = ""
        self._warned_at = -_WARN_EVERY_S

    def message(self, why: str) -> None:
        """A whole message is not understood."""
        self._messages += 1
        self._last = why
        self._tell(f"a message is left out ({why[:_SHOWN]}); {self._messages} so far")

    def parts(self, why: Sequence[str]) -> None:
        """Parts of a message are not understood; the others count."""
        self._parts += len(why)
        self._last = why[-1]
        self._tell(f"a value is left out ({self._last[:_SHOWN]}); {self._parts} so far")

    def retained(self) -> None:
        """A retained message without a time of its own."""
        self._retained += 1
        self._tell(
            "a retained message without a time of its own is left out: nobody knows when it"
            f" held; {self._retained} so far"
        )

    def without_unserved(self, samples: list[Sample]) -> list[Sample]:
        """The samples but those of equipment that is too much for one source."""
        served = [sample for sample in samples if self._link.serves(sample.equipment)]
        if len(served) < len(samples):
            self._unserved(len(samples) - len(served))
        return served

    def _unserved(self, samples: int) -> None:
        self._beyond += samples
        self._tell(
            f"more equipment is left out: the source has {MAX_EQUIPMENT} pieces of equipment; look"
            f" for what changes in its topics, or divide the source; {self._beyond} samples so far"
        )

    def _tell(self, line: str) -> None:
        self._link.remark = "; ".join(self._counts())
        if time.monotonic() - self._warned_at >= _WARN_EVERY_S:
            self._warned_at = time.monotonic()
            log.warning("%s: %s", self._source, line)

    def _counts(self) -> list[str]:
        counts = []
        if self._messages:
            counts.append(f"{self._messages} messages not understood")
        if self._parts:
            counts.append(f"{self._parts} values not understood")
        if self._last:
            counts.append(f"the last: {self._last[:_SHOWN]}")
        if self._retained:
            counts.append(f"{self._retained} retained messages without a time left out")
        if self._beyond:
            counts.append(
                f"{self._beyond} samples of more than {MAX_EQUIPMENT} pieces of equipment left out"
            )
        return counts
