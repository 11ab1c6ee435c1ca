"""How long to wait before trying again."""

import random


class Backoff:
    """Full jitter over a bound that doubles up to a limit; a success starts it over.

    Jitter, so that many processes that lost the same server do not come back together.
    """

    def __init__(self, first_s: float = 0.5, max_s: float = 30.0) -> None:
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
