"""What every page says of a reading."""

from dataclasses import replace

import pytest
from dash.development.base_component import Component

from dashboards import readings
from dashboards.costs import frame
from dashboards.feed import Moment, Reading
from tests.unit.dashboards import plant

FAILED = Reading(at=plant.NOW, failure="connection refused", failing_since=plant.NOW)


def test_an_answering_lake_needs_no_notice() -> None:
    assert readings.silence(Reading(at=plant.NOW), "All stays.") is None


@pytest.mark.parametrize(
    ("moment", "still_works"), [(Moment(), "All stays."), (None, "Nothing has been read yet.")]
)
def test_a_silent_lake_is_said_with_its_error_and_what_still_works(
    moment: Moment | None, still_works: str
) -> None:
    notice = readings.silence(replace(FAILED, moment=moment), "All stays.")

    said = str(notice)
    assert isinstance(notice, Component)
    assert "The lake has not answered since" in said
    assert f"{still_works} Asking again every second" in said
    assert "connection refused" in said


def test_each_page_of_costs_says_that_the_lake_is_silent() -> None:
    parts = frame.render(FAILED)

    for page in frame.PAGES:
        assert "connection refused" in str(parts[f"{page}-notice"]["children"])  # type: ignore[index]
