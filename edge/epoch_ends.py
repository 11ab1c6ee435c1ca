"""Which ends of epochs were reported, and from when on the report is certain to have arrived.

Health is not acknowledged. But ingestion commits what it hears of health no later than the
batches that it hears afterwards: once it has settled a batch that cannot have been sent before
the report, it has the report as well.
"""

from typing import NamedTuple


class _Report(NamedTuple):
    epoch: str
    last_seq: int


class EpochEnds:
    """Reports of ended epochs that may not have arrived yet."""

    def __init__(self) -> None:
        self._reported: dict[str, _Report] = {}

    def restart(self) -> None:
        """The line or who listens is another one: everything must be reported again."""
        self._reported.clear()

    def must_report(self, ended: str) -> bool:
        """Whether this end was not reported to whoever listens now."""
        return ended not in self._reported

    def reported(self, ended: str, epoch: str, last_seq: int) -> None:
        """The end was reported when `last_seq` was the last batch written, in `epoch`."""
        self._reported[ended] = _Report(epoch, last_seq)

    def certain(self, epoch: str, settled_through: int) -> list[str]:
        """The ended epochs whose report must have arrived, as this acknowledgement shows."""
        return [
            ended
            for ended, report in self._reported.items()
            if report.epoch == epoch and settled_through > report.last_seq
        ]

    def forget(self, ended: str) -> None:
        """Nothing more is to be said of this one."""
        del self._reported[ended]
