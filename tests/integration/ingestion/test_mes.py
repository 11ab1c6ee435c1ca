"""Messages of an MES into a real lake, each once, an order's one after another."""

import json
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

import lake
from ingestion import mes, mes_files, mes_letters, reference
from ingestion.mes_line import Outcome
from lake.errors import LockTimeout
from takt.contracts import TABLES
from takt.errors import TaktError
from takt.settings import Settings
from tests.command import run_takt
from tests.integration.ingestion.conftest import query
from tests.lake_fixtures import fresh_lake
from tests.mes_messages import FILES_OF_WHOLE_ORDER, message, payload, report, whole_order
from tests.plant_files import FILES, write_plant

NO_OPERATION = FILES["order_operation"].partition("\n")[0] + "\n"
TOUCHED = ("production_order", "order_operation", "material_movement", "labour_booking")


@pytest.fixture
def plant(lake_settings: Settings, tmp_path: Path) -> Settings:
    """A lake that knows the plant and an order of which nothing was reported yet."""
    folder = write_plant(tmp_path / "plant", order_operation=NO_OPERATION)
    assert reference.load(lake_settings, folder).is_accepted
    return lake_settings


def send(settings: Settings, messages: Iterable[object], topic: str = "test") -> mes.TakenIn:
    letters = [
        mes.Letter(each if isinstance(each, bytes) else payload(each), topic) for each in messages
    ]
    mes.receive(settings, letters)
    return mes.take_in(settings)


def business(settings: Settings) -> dict[str, list[object]]:
    """The current business rows that messages may change, without when they were loaded."""
    found = {}
    for table in TOUCHED:
        columns = ", ".join(column.name for column in TABLES[table].columns)
        sql = f"select {columns} from reference.{table} where closed_at is null order by all"
        found[table] = query(settings, sql)
    return found


def good(settings: Settings) -> object:
    return query(
        settings, "select sum(good_quantity)::int from reference.order_operation where closed_at is null"
    )[0][0]  # fmt: skip


def states(settings: Settings) -> list[tuple[str | None, str]]:
    return [
        (entry.message.envelope.message_id, entry.state.partition(" by ")[0])
        for entry in mes_letters.entries(settings)
    ]


def test_an_order_by_messages_leaves_the_rows_that_its_files_would(
    plant: Settings, catalog_server: str, tmp_path: Path
) -> None:
    taken_in = send(plant, whole_order())

    assert {tried.outcome for tried in taken_in.outcomes.values()} == {Outcome.APPLIED}
    assert taken_in.waiting == 0
    with fresh_lake(catalog_server, tmp_path / "by_files") as by_files:
        folder = write_plant(tmp_path / "files", **FILES_OF_WHOLE_ORDER)
        told = reference.load(by_files, folder)
        assert told.is_accepted, str(told)
        assert business(plant) == business(by_files)


def test_messages_leave_the_same_rows_in_whatever_order_they_come(
    plant: Settings, catalog_server: str, tmp_path: Path
) -> None:
    shuffled = whole_order()
    random.Random(7).shuffle(shuffled)
    for each in shuffled:
        send(plant, [each])

    with fresh_lake(catalog_server, tmp_path / "in_order") as in_order:
        reference.load(in_order, write_plant(tmp_path / "p", order_operation=NO_OPERATION))
        send(in_order, whole_order())
        assert business(plant) == business(in_order)


def test_with_sequences_what_comes_too_early_waits_for_what_is_before_it(plant: Settings) -> None:
    first, second, third = (report(number, number, sequence=number) for number in (1, 2, 3))
    send(plant, [third])
    assert states(plant) == [("1001-3", "waits")]
    assert "message 2 of its order has not come" in mes_letters.entries(plant)[0].detail

    send(plant, [first])
    assert good(plant) == 1
    send(plant, [second])

    assert good(plant) == 6
    assert states(plant) == []


def test_what_waits_for_a_message_that_never_comes_goes_on_by_retry(plant: Settings) -> None:
    send(plant, [report(5, 7, sequence=5), report(6, 1, sequence=6)])

    mes_letters.retry(plant, "1001-5")

    assert good(plant) == 8


def test_a_repeat_changes_nothing(plant: Settings) -> None:
    send(plant, [report(1, 10)])
    loads = query(plant, "select count(*) from ducklake_snapshots('lake')")
    spaced = json.dumps(report(1, 10), indent=4).encode()

    taken_in = send(plant, [report(1, 10), spaced])

    assert taken_in.outcomes == {}
    assert good(plant) == 10
    assert query(plant, "select count(*) from ducklake_snapshots('lake')") == loads


def test_the_same_id_with_other_content_is_a_dead_letter(plant: Settings) -> None:
    send(plant, [report(1, 10)])

    taken_in = send(plant, [report(1, 11)])

    assert taken_in.dead == 1
    assert "came before with other content" in mes_letters.entries(plant)[0].detail
    assert good(plant) == 10


def test_a_message_that_can_never_be_right_is_dead_at_once_and_holds_only_its_order(
    plant: Settings, tmp_path: Path
) -> None:
    orders = FILES["production_order"] + "1002,demo,cup,1,70\n"
    reference.load(plant, write_plant(tmp_path / "two", production_order=orders))
    wrong = report(2, -5)

    send(plant, [report(1, 1), wrong, report(3, 2), report(1, 40, "1002")])

    assert states(plant) == [("1001-2", "dead letter"), ("1001-3", "held")]
    assert "good_quantity -5: too small" in mes_letters.entries(plant)[0].detail
    assert good(plant) == 41


def test_a_dead_letter_that_is_dropped_holds_nothing_and_says_who_and_why(plant: Settings) -> None:
    send(plant, [report(1, -1), report(2, 5)])

    mes_letters.drop(plant, "1001-1", by="ann", reason="counted twice")

    assert good(plant) == 5
    assert states(plant) == []
    assert "dropped by ann  counted twice" in mes_letters.show(plant, "1001-1")
    with pytest.raises(TaktError, match="does not wait"):
        mes_letters.drop(plant, "1001-1", by="ann", reason="again")


def test_an_unknown_order_is_tried_three_times_and_healed_by_its_file_and_a_retry(
    plant: Settings, tmp_path: Path
) -> None:
    letters = [report(1, 10, "2001"), message("order_end", 2, "2001")]
    send(plant, letters)
    assert states(plant) == [("2001-1", "tried 1 of 3"), ("2001-2", "held")]
    for _ in range(2):
        mes.take_in(plant)
    assert states(plant) == [("2001-1", "dead letter"), ("2001-2", "held")]
    assert "order 2001 is not loaded" in mes_letters.entries(plant)[0].detail

    orders = FILES["production_order"] + "2001,demo,cup,1,70\n"
    reference.load(plant, write_plant(tmp_path / "more", production_order=orders))
    assert mes.take_in(plant).outcomes == {}
    taken_in = mes_letters.retry(plant)

    assert len(taken_in.outcomes) == 2
    assert states(plant) == []
    ended = "select status from reference.production_order where closed_at is null order by 1"
    assert query(plant, ended) == [("ended",), (None,)]


def test_a_message_that_does_not_fit_leaves_nothing_of_itself(plant: Settings) -> None:
    lines = [{"item_id": "lid", "quantity": 1}, {"item_id": "mug", "quantity": 2}]

    send(plant, [message("picking_list", 1, lines=lines)])

    assert business(plant)["material_movement"] == []
    assert "item_id 'mug': not in what is loaded of item" in mes_letters.entries(plant)[0].detail


def test_no_message_takes_a_movement_from_another_order(plant: Settings, tmp_path: Path) -> None:
    orders = FILES["production_order"] + "1002,demo,cup,1,70\n"
    reference.load(plant, write_plant(tmp_path / "two", production_order=orders))
    lines = [{"item_id": "lid", "quantity": 1, "movement_id": "m1"}]
    send(plant, [message("picking_list", 1, lines=lines)])

    send(plant, [message("picking_list", 1, "1002", lines=lines)])

    assert "material_movement m1 is of order 1001" in mes_letters.entries(plant)[0].detail


def test_a_message_sent_to_another_order_is_refused_there(plant: Settings) -> None:
    taken_in = send(plant, [report(1, 10)], topic="takt/v1/demo/mes/1002")

    assert taken_in.dead == 1
    assert "was sent to 1002" in mes_letters.entries(plant)[0].detail
    assert send(plant, [report(1, 10)], topic="takt/v1/demo/mes/1001").waiting == 1
    assert good(plant) == 10


def test_who_receives_need_not_wait_for_a_refresh(plant: Settings) -> None:
    with lake.locks.refresh_lock(plant):
        assert mes.receive(plant, [mes.Letter(payload(report(1, 10)), "test")]) == 1
        with pytest.raises(LockTimeout):
            mes.take_in(plant, lock_wait_s=0)

    assert mes.take_in(plant).waiting == 0
    assert good(plant) == 10


def test_messages_of_files_are_taken_in_once_by_the_command(
    plant: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "messages"
    folder.mkdir()
    one, *others, last = whole_order()
    (folder / "a.json").write_bytes(json.dumps(one, indent=2).encode())
    (folder / "b.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(others, indent=1).encode())
    (folder / "c.jsonl").write_bytes(payload(last) + b"\r\n\n" + payload(report(9, -1)) + b"\n")

    first = run_takt(plant, "mes", "load", folder, exit_code=1)
    listed = run_takt(plant, "mes", "list")
    dropped = run_takt(plant, "mes", "drop", "1001-9", "--by", "ann", "--reason", "a test")

    assert first == (
        "7 messages, 7 of them new; 6 messages taken in, 1 wait, 1 of them dead letters:"
        " see `takt mes list`\n"
    )
    assert (
        "order 1001  report_finished  1001-9  dead letter\n    c.jsonl:2: good_quantity" in listed
    )
    assert dropped == "0 messages taken in\n"
    assert str(mes_files.load(plant, folder)) == "7 messages, 0 of them new; 0 messages taken in"


def test_messages_outlive_maintenance(plant: Settings) -> None:
    for number in range(1, 4):
        send(plant, [report(number, 1)])

    lake.maintenance.run(plant)

    assert send(plant, [report(1, 1), report(4, 1)]).waiting == 0
    assert good(plant) == 4
