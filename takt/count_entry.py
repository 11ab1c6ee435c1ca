"""What a person says of a count afterwards, and the sample that carries it.

Belongs here: the words that whoever enters it shares with `int_count_correction`, which reads it.
Which entry holds, and what it does to counts, is decided in `dbt_project` alone.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from takt.batch import Quality, Sample

SIGNAL = "$count_correction"
LARGEST = Decimal(10) ** 9
"""A correction is smaller than that."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Result = Literal["good", "scrap", "rework"]
RESULTS: tuple[Result, ...] = ("good", "scrap", "rework")


@dataclass(frozen=True)
class CountEntry:
    """By how many pieces a count was another, why, by whom and when it was said.

    Attributes:
        work_unit_id: Its path below the site.
        counted_at: A moment of the shift and order that it is of, UTC.
        correction_id: Names it; what is entered under the same name at that moment replaces it.
        result: Which count.
        quantity: So many pieces more, or less; nought takes the correction back.
        said_by: Who says so.
        said_at: When, UTC.
        why: In their words.
        reason_id: Of scrap or rework; None: none.
        before: What reports said of the shift and order; None: not known.
    """

    work_unit_id: str
    counted_at: datetime
    correction_id: str
    result: Result
    quantity: Decimal
    said_by: str
    said_at: datetime
    why: str = ""
    reason_id: str | None = None
    before: Decimal | None = None

    def sample(self, received_at: int) -> Sample:
        """The sample that says so; of the past, so that its time has no limit of age."""
        told: dict[str, object] = {
            "id": self.correction_id,
            "result": self.result,
            "by": self.said_by,
            "at": self.said_at.astimezone(UTC).isoformat(timespec="microseconds"),
        }
        if self.why:
            told["why"] = self.why
        if self.reason_id is not None:
            told["reason_id"] = self.reason_id
        if self.before is not None:
            told["before"] = str(self.before)
        return Sample(
            self.work_unit_id,
            SIGNAL,
            (self.counted_at - _EPOCH) // _MICROSECOND,
            float(self.quantity),
            json.dumps(told, separators=(",", ":"), ensure_ascii=False),
            Quality.GOOD,
            received_at,
            is_historical=True,
        )
