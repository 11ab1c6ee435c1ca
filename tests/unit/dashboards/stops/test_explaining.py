"""What the form of the stops page may mean, and what becomes of what was said."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

from dashboards.app import Dashboard
from dashboards.figures import paretos
from dashboards.queries import stop_reasons
from dashboards.queries.stop_reasons import WaitingStop
from dashboards.stops import explaining, queue
from dashboards.stops.explaining import Form, Refused
from takt.settings import BrokerSettings, Settings
from tests.conftest import free_port
from tests.unit.dashboards import plant

BERLIN = ZoneInfo("Europe/Berlin")
PRESS = "assembly/line1/press01"


@pytest.fixture
def dashboard(
    con: duckdb.DuckDBPyConnection, at_plant_time: None, tmp_path: Path
) -> Iterator[Dashboard]:
    """Over the tiny lake, with a terminal whose broker is not there."""
    settings = Settings(home=tmp_path, broker=BrokerSettings(port=free_port()))
    made = Dashboard(lambda snapshot_id=None: con.cursor(), settings)
    made.feed.read()
    made.terminal.start()
    yield made
    made.terminal.stop()


@pytest.fixture
def stop(con: duckdb.DuckDBPyConnection) -> WaitingStop:
    return stop_reasons.waiting_stops(con, equipment_id=PRESS, limit=1)[0]


def utc(moment: datetime | None) -> datetime:
    assert moment is not None
    return moment.replace(tzinfo=UTC)


def test_what_is_said_of_a_whole_stop_is_kept_and_the_stop_waits_no_more(
    dashboard: Dashboard, stop: WaitingStop
) -> None:
    [remark] = explaining.say(dashboard, Form([stop.stop_id], "jam", "  Kim \n Lee "))

    entry = remark.entry
    assert (entry.work_unit_id, entry.reason_id, entry.said_by) == (PRESS, "jam", "Kim Lee")
    assert (entry.began, entry.ended) == (utc(stop.started_at), utc(stop.ended_at))
    assert dashboard.remarks.waiting == 1
    assert stop.stop_id not in queue.waiting(dashboard, {"where": PRESS}, 40).stop_ids


def test_what_is_said_of_a_part_leaves_the_stop_waiting(
    dashboard: Dashboard, stop: WaitingStop
) -> None:
    middle = utc(stop.started_at) + (utc(stop.ended_at) - utc(stop.started_at)) / 2
    shown = f"{middle.astimezone(BERLIN):%H:%M}"

    [remark] = explaining.say(dashboard, Form([stop.stop_id], "jam", "Kim", ends=shown))

    assert remark.entry.ended == middle.replace(second=0, microsecond=0)
    listed = queue.waiting(dashboard, {"where": PRESS}, 40)
    assert stop.stop_id in listed.stop_ids
    assert "Jammed feeder: waits for the next refresh" in str(listed.rows[0])


def test_a_stop_that_goes_on_is_explained_up_to_now(
    dashboard: Dashboard, con: duckdb.DuckDBPyConnection, stop: WaitingStop
) -> None:
    con.execute("update marts.stop_event set ended_at = null where stop_id = ?", [stop.stop_id])

    [remark] = explaining.say(dashboard, Form([stop.stop_id], "jam", "Kim"))

    assert remark.entry.ended == plant.NOW.replace(tzinfo=UTC)


def test_what_was_taken_back_waits_again(dashboard: Dashboard, stop: WaitingStop) -> None:
    [remark] = explaining.say(dashboard, Form([stop.stop_id], "jam", "Kim"))

    explaining.take_back(dashboard, remark.name, "Lee")

    [pending] = dashboard.remarks.pending()
    assert pending.taken_back is not None
    assert (pending.taken_back.reason_id, pending.taken_back.said_by) == (None, "Lee")
    assert pending.taken_back.began == remark.entry.began
    assert dashboard.remarks.waiting == 2
    assert stop.stop_id in queue.waiting(dashboard, {"where": PRESS}, 40).stop_ids
    with pytest.raises(Refused, match="taken back already"):
        explaining.take_back(dashboard, remark.name, "Lee")


def test_what_the_marts_have_waits_no_more_and_can_still_be_taken_back(
    dashboard: Dashboard, con: duckdb.DuckDBPyConnection, stop: WaitingStop
) -> None:
    [remark] = explaining.say(dashboard, Form([stop.stop_id], "jam", "Kim"))
    entry = remark.entry
    con.execute(
        "insert into marts.stop_classification"
        " values ('a', 'demo', ?, ?, ?, 'jam', 'Kim', ?, false)",
        [PRESS, *(each.replace(tzinfo=None) for each in (entry.began, entry.ended, entry.said_at))],
    )

    [known] = explaining.said_before(dashboard)

    assert dashboard.remarks.pending() == []
    assert known.entry == replace(entry, merges=False)
    explaining.take_back(dashboard, known.name, "Lee")
    assert explaining.said_before(dashboard) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"said_by": " "}, "Write who says so"),
        ({"reason_id": None}, "Choose a reason"),
        ({"reason_id": "gremlins"}, "gremlins is not known any more"),
        ({"stop_ids": []}, "Choose a stop first"),
        ({"stop_ids": ["gone"]}, "choose again"),
        ({"begins": "03:00"}, "03:00 is not within the stop, which is from"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(
    dashboard: Dashboard, stop: WaitingStop, change: dict[str, object], words: str
) -> None:
    form = Form([stop.stop_id], "jam", "Kim")

    with pytest.raises(Refused, match=words):
        explaining.say(dashboard, replace(form, **change))  # type: ignore[arg-type]
    assert dashboard.remarks.pending() == []


def test_a_part_can_be_told_of_one_stop_only(
    dashboard: Dashboard, con: duckdb.DuckDBPyConnection
) -> None:
    ids = [each.stop_id for each in stop_reasons.waiting_stops(con, equipment_id=PRESS, limit=2)]

    with pytest.raises(Refused, match="of one stop only"):
        explaining.say(dashboard, Form(ids, "jam", "Kim", begins="10:00"))


def test_stops_with_all_between_them_are_one(
    dashboard: Dashboard, con: duckdb.DuckDBPyConnection
) -> None:
    waits = stop_reasons.waiting_stops(con, equipment_id=PRESS, order="newest", limit=3)
    last, middle, first = waits
    con.execute(
        "delete from marts.stop_event where work_unit_id = ? and started_at between ? and ?"
        " and not list_contains(?, stop_id)",
        [PRESS, first.started_at, last.started_at, [each.stop_id for each in waits]],
    )

    with pytest.raises(Refused, match="Another stop lies between"):
        explaining.say(dashboard, Form([first.stop_id, last.stop_id], "jam", "Kim", as_one=True))
    named = [last.stop_id, first.stop_id, middle.stop_id]
    [remark] = explaining.say(dashboard, Form(named, "jam", "Kim", as_one=True))

    assert remark.entry.merges
    assert remark.entry.began == utc(first.started_at)
    assert remark.entry.ended == utc(last.ended_at)
    assert dashboard.remarks.said_of() == set(named)
    assert dashboard.remarks.waiting == 1


def test_a_stop_between_others_that_has_a_reason_is_joined_by_the_command(
    dashboard: Dashboard, con: duckdb.DuckDBPyConnection
) -> None:
    last, middle, first = stop_reasons.waiting_stops(
        con, equipment_id=PRESS, order="newest", limit=3
    )
    con.execute(
        "delete from marts.stop_event where work_unit_id = ? and started_at between ? and ?"
        " and not list_contains(?, stop_id)",
        [PRESS, first.started_at, last.started_at, [last.stop_id, middle.stop_id, first.stop_id]],
    )
    both = Form([first.stop_id, last.stop_id], "jam", "Kim", as_one=True)
    words = (
        f"takt stops classify {first.stop_id[:8]} jam --merge {last.stop_id[:8]}"
        f" --merge {middle.stop_id[:8]}`"
    )

    explaining.say(dashboard, Form([middle.stop_id], "tool", "Kim"))
    with pytest.raises(Refused, match=words):
        explaining.say(dashboard, both)


def test_stops_of_two_machines_are_not_one(
    dashboard: Dashboard, con: duckdb.DuckDBPyConnection
) -> None:
    found = stop_reasons.waiting_stops(con, limit=1_000)
    other = next(each for each in found if each.work_unit_id != found[0].work_unit_id)

    with pytest.raises(Refused, match="of one machine"):
        explaining.say(
            dashboard, Form([found[0].stop_id, other.stop_id], "jam", "Kim", as_one=True)
        )


def test_a_time_is_found_after_midnight_and_in_the_minute_of_an_end(stop: WaitingStop) -> None:
    night = replace(stop, started_at=datetime(2026, 3, 4, 21, 30, 40))
    ended = datetime(2026, 3, 5, 1, 10, 20, tzinfo=UTC)

    def found(shown: str) -> datetime:
        return explaining.moment_within(shown, night, ended, BERLIN)

    assert found("00:15") == datetime(2026, 3, 4, 23, 15, tzinfo=UTC)
    assert found("22:30") == datetime(2026, 3, 4, 21, 30, 40, tzinfo=UTC)
    assert found("02:10") == ended


def test_reasons_say_their_way_through_the_tree(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("insert into marts.dim_reason values ('machine', 'Machine', null)")
    con.execute("update marts.dim_reason set parent_reason_id = 'machine' where reason_id = 'jam'")
    con.execute("update marts.dim_reason set parent_reason_id = 'gone' where reason_id = 'tool'")

    paths = {each.reason_id: each.path for each in stop_reasons.reasons(con)}

    assert paths["jam"] == "Machine › Jammed feeder"
    assert paths["tool"] == "Tool broken"
    assert len(paths) == len(plant.REASONS) + 1


def test_the_totals_are_of_all_that_waits_and_not_only_of_what_is_shown(
    dashboard: Dashboard, con: duckdb.DuckDBPyConnection
) -> None:
    everything = stop_reasons.waiting_stops(con, limit=10_000)

    listed = queue.waiting(dashboard, {"order": "newest"}, 5)

    assert len(listed.rows) == 5
    assert listed.rest == len(everything) - 5
    assert listed.heading.startswith(f"{len(everything)} stops wait for a reason: ")
    assert f"{sum(each.lost_amount or 0 for each in everything):,.2f}" in listed.heading


@pytest.mark.parametrize("order", stop_reasons.STOP_ORDERS)
def test_stops_come_in_the_order_that_was_asked_for(
    con: duckdb.DuckDBPyConnection, order: str
) -> None:
    found = stop_reasons.waiting_stops(con, order=order, limit=10_000)

    column = {"money": "lost_amount", "time": "planned_busy_time_s", "newest": "started_at"}[order]
    values = [getattr(each, column) for each in found]
    assert values == sorted(values, reverse=True)


def test_an_installation_without_marts_says_what_to_do(
    dashboard: Dashboard, con: duckdb.DuckDBPyConnection
) -> None:
    con.execute("delete from pipeline.publication")
    dashboard.feed.read()

    assert "takt refresh" in str(queue.waiting(dashboard, {}, 40).instead)


def test_what_was_said_before_a_restart_still_waits_after_it(
    dashboard: Dashboard, stop: WaitingStop
) -> None:
    explaining.say(dashboard, Form([stop.stop_id], "jam", "Kim"))
    dashboard.terminal.stop()

    again = Dashboard(dashboard.feed._open_lake, dashboard.settings)
    again.feed.read()
    again.terminal.start()
    explaining.say(again, Form([stop.stop_id], "tool", "Kim"))
    waiting = again.remarks.waiting
    again.terminal.stop()

    assert waiting == 2


def test_a_cost_that_nobody_knows_is_shown_by_time(con: duckdb.DuckDBPyConnection) -> None:
    frame = stop_reasons.reason_costs(
        con, since=plant.NOW - timedelta(days=14), until=plant.NOW, equipment_id=None
    )

    assert list(frame["amount"]) == sorted(frame["amount"], reverse=True)
    by_money = paretos.stop_money(frame)
    by_time = paretos.stop_money(frame.assign(amount=None))
    assert by_money.layout.xaxis.title.text == "EUR lost"
    assert by_time.layout.xaxis.title.text == "hours lost"
