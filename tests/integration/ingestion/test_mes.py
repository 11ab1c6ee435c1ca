"""Messages of an MES into a real lake, each once, an order's one after another."""

import itertools
import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import lake
from ingestion import mes, mes_files, mes_letters, reference
from ingestion.mes_letters import Entry
from ingestion.mes_line import Outcome
from lake.errors import LockTimeout
from takt.contracts import TABLES
from takt.errors import TaktError
from takt.settings import Settings
from tests.command import run_takt
from tests.integration.ingestion.conftest import query
from tests.lake_fixtures import fresh_lake
from tests.mes_messages import FILES_OF_WHOLE_ORDER, broken, message, payload, report, whole_order
from tests.plant_files import FILES, write_plant

NO_OPERATION = FILES["order_operation"].partition("\n")[0] + "\n"
ORDERS = FILES["production_order"].partition("\n")[0] + "\n"
TOUCHED = ("production_order", "order_operation", "material_movement", "labour_booking")
NUMBERS = itertools.count(1001)


@pytest.fixture(scope="module")
def plant(catalog_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A lake that knows the plant and orders of which nothing was reported yet."""
    folder = tmp_path_factory.mktemp("mes")
    orders = "".join(f"{number},demo,cup,1,500\n" for number in range(1001, 1100))
    files = {"production_order": ORDERS + orders, "order_operation": NO_OPERATION}
    with fresh_lake(catalog_server, folder) as settings:
        assert reference.load(settings, write_plant(folder / "plant", **files)).is_accepted
        yield settings


@pytest.fixture
def order() -> str:
    """An order of which no other test tells."""
    return str(next(NUMBERS))


def send(settings: Settings, messages: Iterable[object], topic: str = "test") -> mes.TakenIn:
    letters = [
        mes.Letter(each if isinstance(each, bytes) else payload(each), topic) for each in messages
    ]
    mes.receive(settings, letters)
    return mes.take_in(settings)


def business(settings: Settings, order: str) -> dict[str, list[object]]:
    """An order's current business rows, as if it were called ORDER."""
    found = {}
    for table in TOUCHED:
        columns = [f"replace({c.name}::varchar, '{order}', 'ORDER')" for c in TABLES[table].columns]
        found[table] = query(
            settings,
            f"select {', '.join(columns)} from reference.{table}"
            " where closed_at is null and production_order_id = ? order by all",
            order,
        )
    return found


def good(settings: Settings, order: str) -> object:
    sql = (
        "select sum(good_quantity)::int from reference.order_operation"
        " where closed_at is null and production_order_id = ?"
    )
    return query(settings, sql, order)[0][0]


def entries(settings: Settings, order: str) -> list[Entry]:
    return [
        each
        for each in mes_letters.entries(settings)
        if each.message.envelope.production_order_id == order
    ]


def states(settings: Settings, order: str) -> list[tuple[str, str]]:
    return [
        (str(each.message.envelope.message_id)[len(order) + 1 :], each.state.partition(" by ")[0])
        for each in entries(settings, order)
    ]


def test_an_order_by_messages_leaves_the_rows_that_its_files_would(
    plant: Settings, order: str, tmp_path: Path
) -> None:
    by_files = str(next(NUMBERS))
    files = {name: text.replace("1001", by_files) for name, text in FILES_OF_WHOLE_ORDER.items()}
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text)
    told = reference.load(plant, tmp_path)
    assert told.is_accepted, str(told)

    taken_in = send(plant, whole_order(order))

    assert {tried.outcome for tried in taken_in.outcomes.values()} == {Outcome.APPLIED}
    assert business(plant, order) == business(plant, by_files)


def test_messages_leave_the_same_rows_in_whatever_order_they_come(
    plant: Settings, order: str
) -> None:
    shuffled, in_order = whole_order(order), str(next(NUMBERS))
    random.Random(7).shuffle(shuffled)

    for half in (shuffled[:3], shuffled[3:]):
        send(plant, [*half, *(whole_order(in_order) if half[0] is shuffled[0] else [])])

    assert shuffled[0]["type"] != "order_start"
    assert business(plant, order) == business(plant, in_order)


def test_with_sequences_what_comes_too_early_waits_for_what_is_before_it(
    plant: Settings, order: str
) -> None:
    first, second, third = (report(number, number, order, sequence=number) for number in (1, 2, 3))
    send(plant, [third, first])
    assert good(plant, order) == 1
    assert states(plant, order) == [("3", "waits")]
    assert "message 2 of its order has not come" in entries(plant, order)[0].detail

    send(plant, [second])

    assert good(plant, order) == 6
    assert states(plant, order) == []


def test_what_waits_for_a_message_that_never_comes_goes_on_by_retry(
    plant: Settings, order: str
) -> None:
    send(plant, [report(5, 7, order, sequence=5), report(6, 1, order, sequence=6)])

    mes_letters.retry(plant, f"{order}-5")

    assert good(plant, order) == 8


def test_a_repeat_changes_nothing(plant: Settings, order: str) -> None:
    send(plant, [report(1, 10, order)])
    before = query(plant, "select max(snapshot_id) from ducklake_snapshots('lake')")
    spaced = json.dumps(report(1, 10, order), indent=4).encode()

    assert send(plant, [report(1, 10, order), spaced]).outcomes == {}

    assert good(plant, order) == 10
    assert query(plant, "select max(snapshot_id) from ducklake_snapshots('lake')") == before


def test_the_same_id_with_other_content_is_a_dead_letter(plant: Settings, order: str) -> None:
    send(plant, [report(1, 10, order), report(1, 11, order)])

    assert "came before with other content" in entries(plant, order)[0].detail
    assert states(plant, order) == [("1", "dead letter")]
    assert good(plant, order) == 10


def test_a_message_that_can_never_be_right_is_dead_at_once_and_holds_only_its_order(
    plant: Settings, order: str
) -> None:
    other = str(next(NUMBERS))

    send(
        plant,
        [report(1, 1, order), report(2, -5, order), report(3, 2, order), report(1, 40, other)],
    )

    assert states(plant, order) == [("2", "dead letter"), ("3", "held")]
    assert "good_quantity -5: too small" in entries(plant, order)[0].detail
    assert (good(plant, order), good(plant, other)) == (1, 40)


def test_a_dead_letter_that_is_dropped_holds_nothing_and_says_who_and_why(
    plant: Settings, order: str
) -> None:
    send(plant, [report(1, -1, order), report(2, 5, order)])

    mes_letters.drop(plant, f"{order}-1", by="ann", reason="counted twice")

    assert good(plant, order) == 5
    assert states(plant, order) == []
    assert "dropped by ann  counted twice" in mes_letters.show(plant, f"{order}-1")
    with pytest.raises(TaktError, match="does not wait"):
        mes_letters.drop(plant, f"{order}-1", by="ann", reason="again")


def test_an_unknown_order_is_tried_three_times_and_healed_by_its_file_and_a_retry(
    plant: Settings, tmp_path: Path
) -> None:
    send(plant, [report(1, 10, "2001"), message("order_end", 2, "2001")])
    assert states(plant, "2001") == [("1", "tried 1 of 3"), ("2", "held")]
    for _ in range(2):
        mes.take_in(plant)
    assert states(plant, "2001") == [("1", "dead letter"), ("2", "held")]
    assert "order 2001 is not loaded" in entries(plant, "2001")[0].detail

    (tmp_path / "production_order.csv").write_text(ORDERS + "2001,demo,cup,1,70\n")
    reference.load(plant, tmp_path)
    mes_letters.retry(plant, "2001-1")

    assert states(plant, "2001") == []
    assert good(plant, "2001") == 10
    sql = (
        "select status from reference.production_order"
        " where closed_at is null and production_order_id = '2001'"
    )
    assert query(plant, sql) == [("ended",)]


def test_a_message_that_does_not_fit_leaves_nothing_of_itself(plant: Settings, order: str) -> None:
    lines = [{"item_id": "lid", "quantity": 1}, {"item_id": "mug", "quantity": 2}]

    send(plant, [message("picking_list", 1, order, lines=lines)])

    assert business(plant, order)["material_movement"] == []
    assert "item_id 'mug': not in what is loaded of item" in entries(plant, order)[0].detail


def test_no_message_takes_a_movement_from_another_order(plant: Settings, order: str) -> None:
    other = str(next(NUMBERS))
    lines = [{"item_id": "lid", "quantity": 1, "movement_id": f"m{order}"}]

    send(plant, [message("picking_list", 1, each, lines=lines) for each in (order, other)])

    assert f"material_movement m{order} is of order {order}" in entries(plant, other)[0].detail


def test_a_message_sent_to_another_order_is_refused_there(plant: Settings, order: str) -> None:
    other = str(next(NUMBERS))

    send(plant, [report(1, 10, order)], topic=f"takt/v1/demo/mes/{other}")
    send(plant, [report(1, 10, order)], topic=f"takt/v1/demo/mes/{order}")

    assert f"was sent to {other}" in entries(plant, other)[0].detail
    assert good(plant, order) == 10


def test_who_receives_need_not_wait_for_a_refresh(plant: Settings, order: str) -> None:
    with lake.locks.refresh_lock(plant):
        assert mes.receive(plant, [mes.Letter(payload(report(1, 10, order)), "test")]) == 1
        with pytest.raises(LockTimeout):
            mes.take_in(plant, lock_wait_s=0)

    mes.take_in(plant)

    assert good(plant, order) == 10


def test_the_command_takes_files_in_once_and_drops(
    plant: Settings, order: str, tmp_path: Path
) -> None:
    one, *others, last = whole_order(order)
    (tmp_path / "a.json").write_bytes(json.dumps(one, indent=2).encode())
    (tmp_path / "b.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(others, indent=1).encode())
    lines = payload(last) + b"\r\n\n" + payload(report(9, -1, order)) + b"\n"
    (tmp_path / "c.jsonl").write_bytes(lines)

    first = run_takt(plant, "mes", "load", tmp_path, exit_code=1)
    listed = run_takt(plant, "mes", "list")
    run_takt(plant, "mes", "drop", f"{order}-9", "--by", "ann", "--reason", "a test")

    assert first.startswith("7 messages, 7 of them new; 6 messages taken in")
    told = f"order {order}  report_finished  {order}-9  dead letter\n    c.jsonl:2: good_quantity"
    assert told in listed
    assert str(mes_files.load(plant, tmp_path)).startswith("7 messages, 0 of them new; 0 ")
    assert states(plant, order) == []


def test_messages_outlive_maintenance(plant: Settings, order: str) -> None:
    send(plant, [report(1, 1, order)])

    lake.maintenance.run(plant)
    send(plant, [report(1, 1, order), report(4, 1, order)])

    assert good(plant, order) == 2
    assert states(plant, order) == []


def test_whatever_is_sent_of_one_order_the_others_go_on(plant: Settings, order: str) -> None:
    other = str(next(NUMBERS))
    topic = f"takt/v1/demo/mes/{other}"
    sent = [mes.Letter(broken(seed, other), topic) for seed in range(400)]
    mes.receive(plant, [each for each in sent if each.payload])

    send(plant, whole_order(order))

    assert good(plant, order) == 450
    assert len([state for _, state in states(plant, other) if state == "dead letter"]) > 200
