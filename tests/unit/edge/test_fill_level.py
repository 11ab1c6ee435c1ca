from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.fill_level import MARKS, FillLevel

PLENTY = 10**15


def marks(*percents: float) -> list[int]:
    level = FillLevel(1_000)
    return [level.look(int(p * 10), PLENTY, float(n)).mark for n, p in enumerate(percents)]


def test_each_mark_is_reached_from_below():
    assert marks(0, 49.9, 50, 79, 80, 94, 95, 100) == [0, 0, 50, 50, 80, 80, 95, 95]


def test_a_mark_is_left_five_percent_below_it():
    assert marks(95, 91, 90, 89, 76, 74, 46, 44) == [95, 95, 95, 80, 80, 50, 50, 0]


@given(st.lists(st.floats(78, 82), min_size=2))
def test_a_level_around_a_mark_warns_once(percents):
    seen = marks(*percents)

    assert sum(later > earlier for earlier, later in pairwise(seen)) <= 1


@given(st.lists(st.floats(0, 100), min_size=1))
def test_a_mark_is_shown_whenever_it_is_reached(percents):
    for percent, mark in zip(percents, marks(*percents), strict=True):
        assert mark >= max((each for each in MARKS if int(percent * 10) / 10 >= each), default=0)


def test_the_forecast_is_what_is_left_at_the_pace_of_the_last_minutes():
    level = FillLevel(1_000)
    for second in range(0, 600, 10):
        last = level.look(second, PLENTY, float(second))

    assert last.full_in_s is not None
    assert abs(last.full_in_s - (1_000 - 590)) < 1


def test_a_spool_that_is_drained_is_never_full():
    level = FillLevel(1_000)

    assert [level.look(900 - n, PLENTY, float(10 * n)).full_in_s for n in range(3)] == [None] * 3


def test_a_disk_that_others_fill_counts_as_little_capacity():
    level = FillLevel(1_000).look(100, 10, 0.0)

    assert level.mark == 80


def test_a_spool_that_went_beyond_its_capacity_is_full_now():
    level = FillLevel(1_000)
    level.look(500, PLENTY, 0.0)

    assert level.look(1_200, PLENTY, 10.0).full_in_s == 0.0
