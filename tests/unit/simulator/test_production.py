"""What happens in the plant is one story, however it is asked for."""

from itertools import pairwise

import numpy as np
import pytest

from edge.simulator.machine import Result
from edge.simulator.plant import LINE1, LINE2, LINES, WORK_UNITS
from edge.simulator.production import LineWeek, Plant
from edge.simulator.shifts import to_ms, working_time
from tests.unit.simulator.conftest import END, SEED, START


@pytest.fixture(scope="module")
def weeks(plant: Plant) -> list[LineWeek]:
    return plant.line_weeks(to_ms(START), to_ms(END))


def test_a_week_is_the_same_whichever_week_was_asked_for_first(plant: Plant) -> None:
    last_monday = plant.mondays(to_ms(START), to_ms(END))[-1]

    fresh = Plant(SEED, to_ms(START)).week(LINE2, last_monday)

    expected = plant.week(LINE2, last_monday)
    assert fresh.orders == expected.orders
    for unit, expected_unit in zip(fresh.units, expected.units, strict=True):
        assert unit.changes == expected_unit.changes
        assert np.array_equal(unit.piece_at, expected_unit.piece_at)


def test_another_seed_tells_another_story(plant: Plant) -> None:
    monday = plant.first_monday

    other = Plant(SEED + 1, to_ms(START)).week(LINE1, monday)

    assert other.orders != plant.week(LINE1, monday).orders


def test_changes_follow_each_other_within_their_week(weeks: list[LineWeek]) -> None:
    for week in (unit for line_week in weeks for unit in line_week.units):
        times = [change.at for change in week.changes]
        assert times[0] == week.begin
        assert times[-1] < week.end
        assert all(before < after for before, after in pairwise(times))
        assert all(one[1:] != other[1:] for one, other in pairwise(week.changes))


def test_pieces_are_made_only_while_producing_an_order(weeks: list[LineWeek]) -> None:
    for week in (unit for line_week in weeks for unit in line_week.units):
        starts = [change.at for change in week.changes]
        # A piece is finished at the end of a cycle, so the state just before it counts.
        places = np.searchsorted(starts, week.piece_at, side="left") - 1
        states = {week.changes[place].state for place in places}
        assert states <= {"execute", "running"}
        assert all(week.changes[place].production_order_id for place in places)


def test_no_work_unit_makes_more_than_the_one_before_passed_on(weeks: list[LineWeek]) -> None:
    for order in (order for week in weeks for order in week.orders):
        for before, after in pairwise(order.operations):
            assert sum(after.pieces) <= before.pieces[Result.GOOD] + before.pieces[Result.REWORK]


def test_pieces_at_the_stroke_of_a_handover_exist(plant: Plant, weeks: list[LineWeek]) -> None:
    found = 0
    for line_week in weeks:
        for unit in line_week.units:
            calendar = working_time(unit.unit, line_week.monday, plant.first_monday)
            found += np.isin(calendar.handovers, unit.piece_at).sum()

    assert found >= 20


def test_the_story_has_everything_that_figures_can_stumble_over(weeks: list[LineWeek]) -> None:
    units = [unit for line_week in weeks for unit in line_week.units]
    shown = {change.state for unit in units for change in unit.changes}
    reasons = {change.reason_id for unit in units for change in unit.changes}

    assert {"execute", "running", "setup", "held", "suspended", "aborted", "idle"} <= shown
    assert {"stopped", "starting", "holding", "clearing", "completing", "resetting"} <= shown
    assert {"feeder_jam", "tool_break", "no_parts", "operator_absent", "changeover"} <= reasons
    assert {result for unit in units for result in unit.piece_result} == set(Result)


def test_a_fortnight_makes_a_plausible_amount_of_everything(weeks: list[LineWeek]) -> None:
    pieces = sum(len(unit.piece_at) for line_week in weeks for unit in line_week.units)
    orders = sum(len(line_week.orders) for line_week in weeks)

    assert 300_000 < pieces < 900_000
    assert 50 < orders < 200


def test_two_lines_of_four_work_units_each() -> None:
    assert [len(line.work_units) for line in LINES] == [4, 4]
    assert len({unit.equipment_id for unit in WORK_UNITS}) == 8
