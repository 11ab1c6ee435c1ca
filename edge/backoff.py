"""How long to wait before trying again."""

import random

MAX_DELAY_S = 30.0
_FIRST_DELAY_S = 0.5


class Backoff:
    """Full jitter over a bound that doubles up to 30 s; a success starts it over."""

    def __init__(self, first_s: float = _FIRST_DELAY_S, max_s: float = MAX_DELAY_S) -> None:
        self._first = first_s
        self._max = max_s
        self._bound = first_s

    def reset(self) -> None:
        """What was tried has worked."""
        self._bound = self._first

    def next_delay_s(self) -> float:
        """Seconds to wait before the next attempt."""
        delay = random.uniform(0, self._bound)
        self._bound = min(2 * self._bound, self._max)
        return delay
