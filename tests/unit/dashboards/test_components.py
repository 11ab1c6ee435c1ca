from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dashboards import components
from dashboards.feed import Moment
from dashboards.queries.live import Equipment, Interval
from dashboards.theme import Spent
from tests.unit.dashboards import plant


def interval(category: str, minutes: int, **more: Any) -> Interval:
    values = {"state": None, "cause": None, "is_minor": False, "reason_name": None, **more}
    return Interval(
        work_unit_id="press01",
        started_at=plant.SHIFT_START,
        ended_at=plant.SHIFT_START + timedelta(minutes=minutes),
        category=category,
        **values,
    )


@pytest.mark.parametrize(
    ("category", "cause", "is_minor", "kind"),
    [
        ("production", None, False, Spent.PRODUCTION),
        ("delay", "internal", False, Spent.DELAY_INTERNAL),
        ("delay", "external", False, Spent.DELAY_EXTERNAL),
        ("delay", "external", True, Spent.MINOR_STOP),
        ("down", None, False, Spent.NO_ORDER),
        ("planned_downtime", None, False, Spent.PLANNED),
        ("unknown", None, False, Spent.UNKNOWN),
        (None, None, False, Spent.UNKNOWN),
        ("a category of tomorrow", None, False, Spent.UNKNOWN),
    ],
)
def test_a_category_has_one_look_and_what_is_not_known_is_not_idle(
    category: str | None, cause: str | None, is_minor: bool, kind: Spent
) -> None:
    assert components.spent(category, cause, is_minor=is_minor) is kind


def test_a_ribbon_is_told_in_words_too() -> None:
    said = components.ribbon_in_words(
        "Press 01", [interval("production", 90), interval("delay", 30, cause="internal")]
    )

    said = said.replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert said == "This shift of Press 01: Producing 1 h 30 min, Stopped, internal cause 30 min"


def test_a_segment_stands_where_its_time_is() -> None:
    drawn = components.ribbon(
        [interval("delay", 120, cause="internal", reason_name="Jam")],
        start=plant.SHIFT_START,
        end=plant.SHIFT_END,
        now=plant.NOW,
        zone=ZoneInfo("Europe/Berlin"),
        name="Press 01",
    )

    segment = drawn.children[0].children[0]
    assert segment.style == {"left": "0.000%", "width": "25.000%"}
    assert segment.title.startswith("06:00–08:00")
    assert segment.title.endswith("Jam")


@pytest.fixture
def unit(moment: Moment) -> Equipment:
    return moment.units("assembly/line1")[0]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"shift_started_at": None}, "no shift is running"),
        ({"planned_busy_time_s": 0}, "nothing planned yet in this shift"),
        ({"coverage_ratio": 0.12}, "only 12 % of the shift so far has data"),
        ({"coverage_ratio": 0.89}, "only 89 % of the shift so far has data"),
        ({"availability": 0.0}, "no production yet in this shift"),
        ({}, "no planned time per unit for what is made"),
    ],
)
def test_a_withheld_oee_says_why(unit: Equipment, change: dict[str, Any], why: str) -> None:
    row = replace(unit, oee_index=None, **change)

    assert (components.withheld(row, 0.9) or "").replace("\N{NARROW NO-BREAK SPACE}", " ") == why
    assert components.oee(row, 0.9) is None


def test_a_machine_between_its_shifts_is_not_scheduled(unit: Equipment) -> None:
    pill = components.state_pill(replace(unit, category="not_scheduled", reason_name=None))

    assert pill.children[1].children == "Not scheduled"


def test_an_oee_that_is_there_is_not_withheld(unit: Equipment) -> None:
    assert components.withheld(unit, 0.9) is None


def test_a_number_with_too_little_data_carries_a_mark(unit: Equipment) -> None:
    assert components.provisional_mark(replace(unit, is_covered=True)) is None
    mark = components.provisional_mark(replace(unit, is_covered=False, coverage_ratio=0.94))
    assert "94.0" in mark.title
