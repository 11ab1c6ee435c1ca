"""What a source has said lately, in memory: cheap enough to ask at every sample.

Belongs here: recognising repeats within one run. Over restarts the spool does it, at far
greater cost, for the samples that machines are known to tell again.
"""

from collections.abc import Hashable

_REMEMBERED = 500_000
"""Like the spool's own memory; about 40 MB."""


class Recent:
    """The newest hashes, at least half of `remembered` and at most all."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._half = remembered // 2
        self._newer: set[int] = set()
        self._older: set[int] = set()

    def has_seen(self, key: Hashable) -> bool:
        """Whether the key was asked for before; from now on it was."""
        number = hash(key)
        if number in self._newer or number in self._older:
            return True
        self._newer.add(number)
        if len(self._newer) >= self._half:
            self._older, self._newer = self._newer, set()
        return False
