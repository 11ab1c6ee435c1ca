from datetime import timedelta

import duckdb
import pytest

from dashboards.queries import live, shifts, stops
from tests.unit.dashboards import plant

FORTNIGHT_AGO = plant.NOW - timedelta(days=14)


def test_equipment_is_the_site_its_lines_and_their_units(con: duckdb.DuckDBPyConnection) -> None:
    live.freeze_equipment(con)
    live.freeze_intervals(con)
    levels = [row.level for row in live.equipment(con)]

    assert levels.count("site") == 1
    assert levels.count("work_center") == len(plant.LINES)
    assert levels.count("work_unit") == len(plant.UNITS)


def test_the_biggest_loss_is_the_longest_sum_of_one_reason_on_one_line(
    con: duckdb.DuckDBPyConnection,
) -> None:
    con.execute(
        "insert into marts.live_ribbon values (?, ?, ?, 'held', 'delay', 'internal', false, ?)",
        ["assembly/line2/mill01", plant.SHIFT_START, plant.SHIFT_END, "Flood"],
    )
    live.freeze_equipment(con)
    live.freeze_intervals(con)

    biggest = live.biggest_loss(con)

    assert biggest is not None
    assert (biggest.work_center_name, biggest.reason_name) == ("Line 2", "Flood")
    assert biggest.lost_s == 8 * 3600


def test_losses_count_planned_time_within_the_period_only(con: duckdb.DuckDBPyConnection) -> None:
    unit, start = "assembly/line1/press01", plant.SHIFT_START
    con.execute("delete from marts.stop_event; delete from marts.state_interval")
    con.execute(
        "insert into marts.stop_event values ('1', 'demo', ?, ?, ?, 'internal', 'jam', false)",
        [unit, start - timedelta(hours=1), start + timedelta(hours=2)],
    )
    for begin, end, kind in (
        (-60, 0, "shift"),
        (0, 30, "shift"),
        (30, 60, "break"),
        (60, 120, "shift"),
    ):
        con.execute(
            "insert into marts.state_interval values ('demo', ?, ?, ?, 'delay', ?)",
            [unit, start + timedelta(minutes=begin), start + timedelta(minutes=end), kind],
        )

    frame = stops.losses(con, since=start, until=start + timedelta(minutes=80), work_center_id=None)

    assert frame[["reason_name", "lost_s", "stops"]].values.tolist() == [
        ["Jammed feeder", 50 * 60, 1]
    ]


def test_losses_of_a_line_and_of_the_other_make_up_all(con: duckdb.DuckDBPyConnection) -> None:
    def total(line: str | None) -> float:
        frame = stops.losses(con, since=FORTNIGHT_AGO, until=plant.NOW, work_center_id=line)
        return float(frame["lost_s"].sum())

    assert total(None) == pytest.approx(sum(total(line) for line in plant.LINES))


def test_a_stop_without_a_reason_is_not_dropped(con: duckdb.DuckDBPyConnection) -> None:
    frame = stops.losses(con, since=FORTNIGHT_AGO, until=plant.NOW, work_center_id=None)

    (expected,) = con.execute(
        "select count(*) from marts.stop_event where started_at < $now", {"now": plant.NOW}
    ).fetchone() or (None,)
    assert frame["stops"].sum() == expected
    assert "No reason given" in set(frame["reason_name"])


def test_stops_are_paged_and_know_how_many_match(con: duckdb.DuckDBPyConnection) -> None:
    period = {"since": FORTNIGHT_AGO, "until": plant.NOW, "work_center_id": "assembly/line1"}
    everything = stops.stops(con, **period)  # type: ignore[arg-type]
    page = stops.stops(con, **period, first=10, limit=5)  # type: ignore[arg-type]

    assert list(page["stop_id"]) == list(everything["stop_id"])[10:15]
    assert set(page["matching"]) == {len(everything)}


def test_stops_sort_by_known_columns_only(con: duckdb.DuckDBPyConnection) -> None:
    frame = stops.stops(
        con,
        since=FORTNIGHT_AGO,
        until=plant.NOW,
        work_center_id=None,
        sort=[("1; drop table x", True), ("lost_s", True)],
    )

    assert frame["lost_s"].is_monotonic_decreasing


def test_stops_can_be_narrowed_to_a_machine_and_a_reason(con: duckdb.DuckDBPyConnection) -> None:
    frame = stops.stops(
        con,
        since=FORTNIGHT_AGO,
        until=plant.NOW,
        work_center_id=None,
        work_unit_id="assembly/line2/mill01",
        reason_name="Tool broken",
    )

    assert set(frame["work_unit_name"]) == {"Mill 01"}
    assert set(frame["reason_name"]) == {"Tool broken"}


def test_the_waterfall_adds_up_over_the_shifts_that_began_in_the_period(
    con: duckdb.DuckDBPyConnection,
) -> None:
    frame = shifts.waterfall(
        con, since=FORTNIGHT_AGO, until=plant.NOW, work_center_id="assembly/line2"
    )
    seconds = dict(zip(frame["step"] + frame["cause"].fillna(""), frame["seconds"], strict=True))

    assert seconds.pop("planned_busy") == pytest.approx(sum(seconds.values()))
    assert seconds.keys() == {
        "setup_and_adjustment",
        "unplanned_stopsinternal",
        "unplanned_stopsexternal",
        "idling_and_minor_stops",
        "down",
        "unknown",
        "reduced_speed",
        "process_defects",
        "good",
    }


def test_production_of_unknown_speed_is_told_apart(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("update marts.loss_time set lost_s = null where category = 'production'")
    con.execute("update marts.work_unit_shift_order set good_ideal_time_s = null")

    frame = shifts.waterfall(con, since=FORTNIGHT_AGO, until=plant.NOW, work_center_id=None)
    seconds = frame.set_index("step")["seconds"]

    assert "good" not in seconds
    assert seconds.drop("planned_busy").sum() == pytest.approx(seconds["planned_busy"])
    assert seconds["unmeasured"] > 0


def test_an_empty_lake_answers_every_question() -> None:
    with plant.empty_lake() as con:
        live.freeze_equipment(con)
        live.freeze_intervals(con)

        assert live.equipment(con) == []
        assert live.intervals(con) == []
        assert live.biggest_loss(con) is None
        assert live.publication(con) is None
        assert live.latest_commit(con, since=FORTNIGHT_AGO) is None
        assert shifts.shift_at(con, start=plant.SHIFT_START) is None
        assert shifts.period_start(con, first_day=plant.DAY) is None
        assert shifts.waterfall(
            con, since=FORTNIGHT_AGO, until=plant.NOW, work_center_id=None
        ).empty
