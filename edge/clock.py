"""The collector's time: it never runs backwards and never jumps."""

import time

EARLIEST = 0
LATEST = 4_102_444_800_000_000
"""1970 to 2100 in µs: a time outside is a wrong unit or an unset clock, not a time."""
_STEP_S = 0.5


class Clock:
    """The wall clock at the start, from then on a clock that nobody sets."""

    def __init__(self) -> None:
        self._wall_start = time.time_ns() // 1_000
        self._monotonic_start = time.monotonic_ns() // 1_000
        self._offset_s = 0.0

    def never_before(self, earliest: int) -> None:
        """Start no earlier than this, in µs: what was given before stays in the past."""
        self._wall_start = max(self._wall_start, earliest + 1)
        self._offset_s = self._wall_offset_s()

    def now(self) -> int:
        """µs since 1970 UTC."""
        return self._wall_start + time.monotonic_ns() // 1_000 - self._monotonic_start

    @property
    def offset_s(self) -> float:
        """How far the wall clock is ahead of this one."""
        return self._wall_offset_s()

    def take_step_s(self) -> float:
        """By how much somebody has set the wall clock since last asked; 0: not at all."""
        offset = self._wall_offset_s()
        step = offset - self._offset_s
        if abs(step) < _STEP_S:
            return 0.0
        self._offset_s = offset
        return step

    def _wall_offset_s(self) -> float:
        return (time.time_ns() // 1_000 - self.now()) / 1e6
