"""What wears a work unit, from the truth: time produced, starts and cycles."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from tests.oracle import times
from tests.oracle.shift_calendar import rows


class Use(NamedTuple):
    """Of one work unit over all the truth; times in µs."""

    production_time: int
    setup_time: int
    starts: int
    cycles: Fraction


def of_work_units(truth_folder: Path, business_folder: Path) -> dict[str, Use]:
    """The use of each work unit. A count of its total is a cycle, without one each piece."""
    units_per_cycle = {
        row["equipment_id"]: Fraction(row["units_per_pulse"] or 1)
        for row in rows(business_folder, "signal_map")
        if row["role"] == "total_count" and row["counter_mode"] != "increment"
    }
    return {
        unit: Use(
            _time(record.states, "production"),
            _time(record.states, "setup"),
            sum(
                after.category == "production" and before.category != "production"
                for before, after in pairwise(record.states)
            ),
            len(record.pieces) / units_per_cycle.get(unit, Fraction(1)),
        )
        for unit, record in times.read(truth_folder).items()
    }


def _time(states: list[times.State], category: str) -> int:
    return sum(each.ended_at - each.started_at for each in states if each.category == category)
