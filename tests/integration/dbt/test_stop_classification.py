"""What people say of stops afterwards: the next refresh and live views show it.

That refreshes show what a full rebuild shows, whatever was said, is proven in test_incremental.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

import lake
from tests.integration.dbt.conftest import Plant

START = datetime(2026, 6, 9, 4, tzinfo=UTC)
END = datetime(2026, 6, 10, 16, tzinfo=UTC)
SEEN = datetime(2026, 6, 10, 10, tzinfo=UTC)
"""When the first refresh ran: after it people say something, and machines go on."""
PRESS = "assembly/line1/press01"

SAMPLES = """
insert into raw.telemetry
select
    site, 'import', 'history', row_number() over (order by observed_at, equipment, signal),
    equipment, signal, observed_at, value, text, quality, observed_at, is_historical,
    observed_at::date
from read_parquet($files) where observed_at >= $since and observed_at < $until
"""
ENTRY = """
insert into raw.telemetry values (
    'demo', 'terminal-office', 'entries', $number, $work_unit_id, '$stop_reason', $began, $seconds,
    $text, 0, $at, true, $began::date
)
"""
LONG_STOPS = """
select stop_id, started_at, ended_at from marts.stop_event
where work_unit_id = $unit and not is_minor and ended_at is not null order by started_at
"""
SUPERSEDED = "select count(*) from marts.stop_classification where is_superseded"
PRICED = """
select count(*) > 0, bool_and(lost_amount > 0) from marts.unclassified_stop
where planned_busy_time_s > 0
"""
RESTATED_WORK_UNITS = """
select distinct work_unit_id from intermediate.int_affected_day
where list_contains(causes, 'reason')
"""


class Office:
    """Says of stops why they were, each time a minute later."""

    def __init__(self, works: Plant) -> None:
        self._works = works
        self._count = 0

    def says(
        self, began: object, ended: object, reason: str | None, *, merges: bool = False
    ) -> None:
        """An entry of a span at the press; without a reason it takes back."""
        assert isinstance(began, datetime)
        assert isinstance(ended, datetime)
        self._count += 1
        at = END + timedelta(minutes=self._count)
        said = {"reason_id": reason, "by": "Kim", "at": at.isoformat(), "merges": merges}
        with closing(lake.open(self._works.settings)) as con:
            con.execute(
                ENTRY,
                {
                    "number": self._count,
                    "work_unit_id": PRESS,
                    "began": began,
                    "seconds": (ended - began).total_seconds(),
                    "text": json.dumps(said),
                    "at": at.replace(tzinfo=None),
                },
            )


@pytest.mark.timeout(600)  # three builds
def test_what_is_said_of_stops_restates_them_and_no_time(
    plant: Callable[[datetime, datetime], Plant],
) -> None:
    works = plant(START, END)
    office = Office(works)
    arrive(works, START, SEEN)
    works.build(SEEN, full=True)
    before = works.rows_of_marts()
    first, second, third, fourth, *_, last = works.query(LONG_STOPS, unit=PRESS)
    middle = first[1] + (first[2] - first[1]) / 3  # type: ignore[operator]
    office.says(first[1], first[2], "cleaning")
    office.says(first[1], middle, "tool_break")
    office.says(second[1], second[2], "hydraulics")
    office.says(third[1], fourth[2], "no_material", merges=True)
    office.says(last[1], last[2], "adjustment")
    live_before = works.live(SEEN)[1]
    works.build(SEEN)
    said = works.rows_of_marts()
    intervals = set(said["state_interval"])

    assert not [row for row in live_before if row not in intervals]
    assert totals(before) == totals(said)
    assert said_of(works, first[1], first[2]) == [
        ("tool_break", "Kim", first[1], middle),
        ("cleaning", "Kim", middle, first[2]),
    ]
    merged = works.query(
        "select distinct merged_stop_id from marts.stop_event where work_unit_id = $unit"
        " and started_at >= $began and started_at < $ended",
        unit=PRESS,
        began=third[1],
        ended=fourth[2],
    )
    assert len(merged) == 1
    spans = [first[1:], second[1:], (third[1], fourth[2]), last[1:]]
    assert untouched(before, spans) == untouched(said, spans)
    assert works.query(RESTATED_WORK_UNITS) == [(PRESS,)]

    office.says(second[1], second[2], None)
    office.says(middle, first[2], "feeder_jam")
    arrive(works, SEEN, END)
    live = works.live(END)[1]
    works.build(END)

    intervals = set(works.query("from marts.state_interval"))
    assert sorted(set(live) - intervals, key=str) == []
    assert said_of(works, second[1], second[2])[0][1] is None
    assert said_of(works, first[1], first[2])[-1][:2] == ("feeder_jam", "Kim")
    assert works.query(SUPERSEDED) == [(2,)]
    assert works.query(PRICED) == [(True, True)]


def arrive(works: Plant, since: datetime, until: datetime) -> None:
    """Put what the machines told of a time into the lake."""
    files = [str(file) for file in works.files]
    with closing(lake.open(works.settings)) as con:
        con.execute(SAMPLES, {"files": files, "since": since, "until": until})


def said_of(works: Plant, began: object, ended: object) -> list[tuple[object, ...]]:
    """The stops of a span at the press: reason, by whom, start and end."""
    return works.query(
        "select reason_id, classified_by, started_at, ended_at from marts.stop_event"
        " where work_unit_id = $unit and started_at >= $began and started_at < $ended"
        " order by started_at",
        unit=PRESS,
        began=began,
        ended=ended,
    )


def totals(marts: dict[str, list[tuple[object, ...]]]) -> list[tuple[object, ...]]:
    """Everything that tells time: what is said of a stop changes none of it."""
    return marts["work_unit_shift"] + marts["work_unit_day"]


def untouched(
    marts: dict[str, list[tuple[object, ...]]], spans: Sequence[Sequence[object]]
) -> set[object]:
    """The stops of other work units, and those of the press outside of spans."""
    return {
        row
        for row in marts["stop_event"]
        if row[2] != PRESS or not any(began <= row[5] < ended for began, ended in spans)  # type: ignore[operator]
    }
