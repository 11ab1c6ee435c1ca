"""The oracle gives the published results of worked examples, and its rules hold."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from tests.oracle.figures import Figures, RunTimes, ShiftFigures, compute, evaluate
from tests.oracle.shift_calendar import Shift, microseconds, shifts
from tests.oracle.times import Piece, Record, State, stops

UNIT = "area/line/unit"
BEGIN = microseconds(datetime(2026, 3, 2, 6, tzinfo=UTC))
MINUTE = 60_000_000
HEADERS = {
    "equipment": "site_id,equipment_id,parent_id,level,time_zone",
    "shift_pattern": "equipment_id,shift_id,weekday,starts_local,ends_local,kind"
    ",valid_from,valid_to",
    "calendar_exception": "equipment_id,production_date,shift_id,kind,starts_at,ends_at",
    "production_order": "production_order_id,item_id,route_version",
    "order_operation": "production_order_id,operation_id,work_unit_id",
    "routing_operation": "item_id,route_version,operation_id,work_unit_id,planned_run_s_per_unit"
    ",valid_from,valid_to",
}
EQUIPMENT = """site,site,,site,Europe/Berlin
site,area,site,area,
site,area/line,area,work_center,
site,area/line/unit,area/line,work_unit,"""

Business = Callable[..., Path]


@pytest.fixture
def business(tmp_path: Path) -> Business:
    """Writes business files from the lines below their header."""

    def write(**tables: str) -> Path:
        for table, header in HEADERS.items():
            lines = tables.get(table, EQUIPMENT if table == "equipment" else "")
            (tmp_path / f"{table}.csv").write_text(f"{header}\n{lines}\n")
        return tmp_path

    return write


def ordered(business: Business, run_s: str, **more: str) -> RunTimes:
    """Run times of one order at one work unit."""
    return RunTimes(
        business(
            production_order="order,item,1",
            order_operation=f"order,10,{UNIT}",
            routing_operation=f"item,1,10,{UNIT},{run_s},,",
            **more,
        )
    )


def shift_of(minutes: int, *pauses: tuple[int, int]) -> Shift:
    spans = tuple((BEGIN + first * MINUTE, BEGIN + last * MINUTE) for first, last in pauses)
    return Shift(UNIT, date(2026, 3, 2), "early", BEGIN, BEGIN + minutes * MINUTE, spans)


def states(*parts: tuple[int, str]) -> list[State]:
    """States of an order one after the other, each for some minutes."""
    found, at = [], BEGIN
    for minutes, state in parts:
        found.append(State(at, at + minutes * MINUTE, state, "order"))
        at += minutes * MINUTE
    return found


def pieces(good: int, scrap: int, every_us: int) -> list[Piece]:
    results = ["scrap"] * scrap + ["good"] * good
    return [
        Piece(BEGIN + (place + 1) * every_us, result, "order")
        for place, result in enumerate(results)
    ]


def single(run_times: RunTimes, shift: Shift, record: Record) -> ShiftFigures:
    (found,) = evaluate({UNIT: record}, [shift], run_times)
    return found


def test_oee_of_the_vorne_worksheet(business: Business) -> None:
    """WE-01: 480 min, breaks 60, downtime 47, 19,271 pieces at 60 a minute, 423 rejects."""
    shift = shift_of(480, (120, 135), (240, 270), (360, 375))
    record = Record(
        states((420, "execute"), (60 - 13, "held"), (13, "execute")), pieces(18_848, 423, 1_000_000)
    )

    whole = single(ordered(business, "1.0"), shift, record).whole

    assert whole.planned_busy_time_us == 420 * MINUTE
    assert whole.actual_production_time_us == 373 * MINUTE
    assert round(float(whole.availability), 4) == 0.8881
    assert round(float(whole.effectiveness), 4) == 0.8611
    assert round(float(whole.quality_ratio), 4) == 0.9780
    assert round(float(whole.oee_index), 6) == 0.747937


def test_oee_of_the_odoo_example(business: Business) -> None:
    """WE-06: 20 minutes were expected, 61 were taken: 20/61, not rounded in between."""
    record = Record(states((61, "running")), pieces(1, 0, MINUTE))

    whole = single(ordered(business, "1200"), shift_of(61), record).whole

    assert whole.oee_index == Fraction(20, 61)


def test_a_stop_is_minor_by_its_whole_length_though_a_break_cuts_it(business: Business) -> None:
    record = Record(states((59, "execute"), (32, "held"), (29, "execute")), [])

    whole = single(ordered(business, "1"), shift_of(120, (60, 90)), record).whole

    assert whole.actual_delay_time_us == 2 * MINUTE
    assert whole.minor_stop_time_us == 0


def test_a_short_stop_is_minor_and_part_of_the_delay(business: Business) -> None:
    record = Record(states((10, "execute"), (1, "held"), (10, "execute")), [])

    whole = single(ordered(business, "1"), shift_of(21), record).whole

    assert whole.minor_stop_time_us == whole.actual_delay_time_us == MINUTE


def test_a_stop_of_exactly_the_threshold_is_not_minor() -> None:
    (stop,) = stops(states((5, "execute"), (2, "held"), (5, "execute")))

    assert not stop.is_minor


def test_a_stop_goes_on_through_states_and_orders_but_not_through_causes() -> None:
    record = [
        State(0, 10, "holding", "a"),
        State(10, 20, "held", "a"),
        State(20, 30, "held", "b"),
        State(30, 40, "suspended", "b"),
        State(40, 50, "execute", "b"),
        State(50, 60, "held", "b"),
    ]

    assert [stop[:2] for stop in stops(record)] == [(0, 30), (30, 40), (50, 60)]


@pytest.mark.parametrize(
    ("state", "with_order", "without_order"),
    [
        ("execute", "production", "production"),
        ("running", "production", "production"),
        ("setup", "setup", "setup"),
        ("starting", "delay", "delay"),
        ("held", "delay", "delay"),
        ("suspended", "delay", "delay"),
        ("stopped", "delay", "down"),
        ("aborted", "delay", "down"),
        ("idle", "delay", "down"),
    ],
)
def test_categories_of_states(state: str, with_order: str, without_order: str) -> None:
    assert State(0, 1, state, "order").category == with_order
    assert State(0, 1, state, None).category == without_order


def test_time_that_the_truth_does_not_cover_is_unknown(business: Business) -> None:
    record = Record(states((30, "execute")), [])

    found = single(ordered(business, "1"), shift_of(60, (25, 35)), record)

    assert found.whole.unknown_time_us == 25 * MINUTE
    assert found.by_order[None].unknown_time_us == 25 * MINUTE
    assert found.by_order["order"].planned_downtime_us == 5 * MINUTE


def test_a_piece_on_the_stroke_of_a_boundary_belongs_to_the_later_shift(
    business: Business,
) -> None:
    early = shift_of(60)
    late = Shift(UNIT, early.production_date, "late", early.ended_at, early.ended_at + MINUTE, ())
    record = Record(states((61, "execute")), [Piece(early.ended_at, "good", "order")])

    found = evaluate({UNIT: record}, [early, late], ordered(business, "1"))

    assert [each.whole.produced_quantity for each in found] == [0, 1]


def test_a_planned_run_time_holds_from_its_first_moment(business: Business) -> None:
    run_times = RunTimes(
        business(
            production_order="order,item,1",
            order_operation=f"order,10,{UNIT}",
            routing_operation=f"item,1,10,{UNIT},2,,2026-03-02T06:00:00Z\n"
            f"item,1,10,{UNIT},3,2026-03-02T06:00:00Z,",
        )
    )

    assert run_times.at("order", UNIT, BEGIN - 1) == 2_000_000
    assert run_times.at("order", UNIT, BEGIN) == 3_000_000
    assert run_times.at(None, UNIT, BEGIN) == 0


def local_times(found: list[Shift]) -> list[tuple[str, str, str, str]]:
    def told(at: int) -> str:
        return f"{datetime.fromtimestamp(at / 1_000_000, UTC):%m-%dT%H:%M}"

    return [
        (str(each.production_date), each.shift_id, told(each.started_at), told(each.ended_at))
        for each in found
    ]


def between(folder: Path, first: str, last: str) -> list[Shift]:
    begin, end = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (first, last))
    return shifts(folder, microseconds(begin), microseconds(end))


def test_a_night_shift_belongs_to_the_date_on_which_it_starts(business: Business) -> None:
    folder = business(
        shift_pattern="site,night,7,22:00,06:00,shift,,\nsite,night,7,02:00,02:30,break,,"
    )

    # On 25 October 2026 clocks go back from 3 to 2 in the morning.
    (short,) = between(folder, "2026-10-18T12:00", "2026-10-19T12:00")
    (night,) = between(folder, "2026-10-24T12:00", "2026-10-26T12:00")

    assert local_times([night]) == [("2026-10-25", "night", "10-25T21:00", "10-26T05:00")]
    assert local_times([short]) == [("2026-10-18", "night", "10-18T20:00", "10-19T04:00")]
    assert [end - start for start, end in night.pauses] == [30 * MINUTE]


def test_a_shift_across_the_change_of_clocks_is_an_hour_longer(business: Business) -> None:
    folder = business(shift_pattern="site,night,6,22:00,06:00,shift,,")

    (night,) = between(folder, "2026-10-24T12:00", "2026-10-25T12:00")

    assert timedelta(microseconds=night.ended_at - night.started_at) == timedelta(hours=9)


def test_the_nearest_pattern_counts_and_exceptions_change_it(business: Business) -> None:
    folder = business(
        shift_pattern="""site,all,1,00:00,12:00,shift,,
area/line,early,1,06:00,14:00,shift,,2026-03-09
area/line,early,1,09:00,09:15,break,,2026-03-09
area/line,early,2,06:00,14:00,shift,,
area/line,late,2,14:00,22:00,shift,,""",
        calendar_exception="""area,2026-03-02,early,changed_shift,2026-03-02T06:00:00Z,2026-03-02T10:00:00Z
site,2026-03-03,,holiday,,
area/line/unit,2026-03-04,extra,overtime,2026-03-04T05:00:00Z,2026-03-04T06:00:00Z
area/line/unit,2026-03-02,,planned_downtime,2026-03-02T08:10:00Z,2026-03-02T11:00:00Z""",
    )

    found = between(folder, "2026-03-01T00:00", "2026-03-08T00:00")

    assert local_times(found) == [
        ("2026-03-02", "early", "03-02T06:00", "03-02T10:00"),
        ("2026-03-04", "extra", "03-04T05:00", "03-04T06:00"),
    ]
    assert sum(end - start for start, end in found[0].pauses) == (110 + 10) * MINUTE


def test_a_holiday_of_one_shift_leaves_the_others(business: Business) -> None:
    folder = business(
        shift_pattern="site,early,1,06:00,14:00,shift,,\nsite,late,1,14:00,22:00,shift,,",
        calendar_exception="site,2026-03-02,late,holiday,,",
    )

    found = between(folder, "2026-03-01T00:00", "2026-03-03T00:00")

    assert [each.shift_id for each in found] == ["early"]


def test_orders_of_a_shift_add_up_to_the_shift(truth_figures: list[ShiftFigures]) -> None:
    for each in truth_figures:
        assert sum(each.by_order.values(), Figures()) == each.whole


def test_time_adds_up_to_the_calendar(truth_figures: list[ShiftFigures]) -> None:
    for whole in (each.whole for each in truth_figures):
        assert whole.calendar_time_us == (
            whole.not_scheduled_time_us + whole.planned_downtime_us + whole.planned_busy_time_us
        )
        assert whole.planned_busy_time_us == (
            whole.actual_production_time_us
            + whole.actual_setup_time_us
            + whole.actual_delay_time_us
            + whole.actual_down_time_us
            + whole.unknown_time_us
        )
        assert 0 <= whole.minor_stop_time_us <= whole.actual_delay_time_us
        assert whole.produced_quantity == (
            whole.good_quantity + whole.scrap_quantity + whole.rework_quantity
        )


def test_a_simulated_fortnight_has_plausible_figures(truth_figures: list[ShiftFigures]) -> None:
    total = sum((each.whole for each in truth_figures), Figures())

    assert 0.5 < total.oee_index < 0.8
    assert 0.95 < total.quality_ratio < 1
    assert total.actual_down_time_us > 0
    assert total.minor_stop_time_us > 0


@pytest.fixture(scope="module")
def truth_figures(tmp_path_factory: pytest.TempPathFactory) -> list[ShiftFigures]:
    """The oracle's figures of a simulated fortnight."""
    from edge.simulator import business_data, truth
    from edge.simulator.production import Plant
    from edge.simulator.shifts import to_ms

    begin, end = (to_ms(datetime(2026, 10, day, 4, tzinfo=UTC)) for day in (14, 28))
    plant, folder = Plant(3, begin), tmp_path_factory.mktemp("fortnight")
    business_data.write_business_data(folder / "business", "demo", plant, end)
    truth.write_truth(folder / "truth", "demo", plant, begin, end)
    return compute(folder / "truth", folder / "business")
