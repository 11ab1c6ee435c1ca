from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pytest

from dashboards import periods
from dashboards.feed import Moment
from dashboards.queries.live import Equipment
from tests.unit.dashboards import plant

THROUGH = plant.NOW - timedelta(minutes=2)


@pytest.fixture
def site(moment: Moment) -> Equipment:
    assert moment.site is not None
    return moment.site


@pytest.fixture
def ask(con: duckdb.DuckDBPyConnection) -> Callable[..., Any]:
    return lambda question, **arguments: question(con, **arguments)


@pytest.mark.parametrize(
    ("period", "since", "label"),
    [
        ("shift", plant.SHIFT_START, "This shift, early shift"),
        ("today", plant.SHIFT_START, "Today"),
        ("7d", plant.SHIFT_START - timedelta(days=6), "Last 7 days"),
        ("14d", plant.SHIFT_START - timedelta(days=13), "Last 14 days"),
        ("no such period", plant.SHIFT_START, "Today"),
    ],
)
def test_a_named_period_begins_with_a_shift_and_ends_where_history_does(
    period: str, since: datetime, label: str, site: Equipment, ask: Callable[..., Any]
) -> None:
    assert periods.bounds(period, site, THROUGH, ask) == periods.Bounds(since, THROUGH, label)


def test_a_shift_of_the_past_is_a_period_of_its_own(
    site: Equipment, ask: Callable[..., Any]
) -> None:
    late = datetime(2026, 3, 2, 13)

    chosen = periods.bounds("2026-03-02T13:00:00", site, THROUGH, ask)

    assert chosen == periods.Bounds(late, late + timedelta(hours=8), "Late shift, Mon 2 Mar")


def test_between_shifts_today_is_the_day_on_the_wall_clock(site: Equipment) -> None:
    night = replace(site, production_date=None, computed_through_at=datetime(2026, 3, 4, 23, 30))

    assert periods.production_day(night) == date(2026, 3, 5)
