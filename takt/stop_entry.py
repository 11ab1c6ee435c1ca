"""What a person says of a stop afterwards, and the sample that carries it.

Belongs here: the words that whoever enters it shares with `int_stop_entry`, which reads it. Which
entry holds, and what it does to stops, is decided in `dbt_project` alone.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from takt.batch import Quality, Sample

SIGNAL = "$stop_reason"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class StopEntry:
    """Why a work unit stood from one moment to another, by whom and when it was said.

    Attributes:
        work_unit_id: Its path below the site.
        began: Start of the time of which it speaks, UTC; belongs to it.
        ended: End of that time, UTC.
        reason_id: Why; None takes back what was said before.
        said_by: Who says so.
        said_at: When, UTC.
        merges: Whether the stops in that time are one.
    """

    work_unit_id: str
    began: datetime
    ended: datetime
    reason_id: str | None
    said_by: str
    said_at: datetime
    merges: bool = False

    def sample(self, received_at: int) -> Sample:
        """The sample that says so; of the past, so that its time has no limit of age."""
        told: dict[str, object] = {
            "reason_id": self.reason_id,
            "by": self.said_by,
            "at": self.said_at.astimezone(UTC).isoformat(timespec="microseconds"),
        }
        if self.merges:
            told["merges"] = True
        return Sample(
            self.work_unit_id,
            SIGNAL,
            (self.began - _EPOCH) // _MICROSECOND,
            (self.ended - self.began) / timedelta(seconds=1),
            json.dumps(told, separators=(",", ":"), ensure_ascii=False),
            Quality.GOOD,
            received_at,
            is_historical=True,
        )
