"""A person says why a machine stood, or what it made: from the command to lake and report."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import lake
from dashboards.queries import stop_reasons
from edge.simulator import history
from edge.terminal import Terminal, name
from ingestion import reference
from pipelines import dbt
from takt import children
from takt.settings import BrokerSettings, Settings
from takt.stop_entry import StopEntry
from tests.command import environment, refused_here, run_here, run_takt
from tests.conftest import Mosquitto, free_port, wait_until
from tests.lake_fixtures import Template, fresh_lake
from tests.parsed_project import share_parsed_project

START, END = datetime(2026, 6, 9, 4, tzinfo=UTC), datetime(2026, 6, 9, 14, tzinfo=UTC)
PRESS = "assembly/line1/press01"
SAMPLES = """
insert into raw.telemetry
select
    site, 'import', 'history', row_number() over (order by observed_at, equipment, signal),
    equipment, signal, observed_at, value, text, quality, observed_at, is_historical,
    observed_at::date
from read_parquet($files) where not (equipment = $press and signal like '%StopReason')
"""
STOPS = """
select stop_id, started_at, ended_at, reason_id, classified_by, is_unclassified
from marts.stop_event
where work_unit_id = $press and not is_minor and cause = 'internal' order by started_at
"""
SHIFT = """
select production_order_id, good_quantity, scrap_quantity, produced_quantity
from marts.work_unit_shift_order
where definition_id = 'iso22400' and work_unit_id = $press and shift_id = 'early'
order by good_quantity desc limit 1
"""
TAKEN_BACK = """
select value, text ->> '$.result', text ->> '$.by' from raw.telemetry
where signal = '$count_correction' and value = 0 order by all
"""
PUBLICATION = """
insert into pipeline.publication by name
select
    (select max(snapshot_id) from ducklake_snapshots('lake')) as snapshot_id,
    pinned_snapshot_id, 'test' as run_id, now()::timestamp as published_at
from intermediate.int_completed_run
"""
GOES_ON = "select stop_id from marts.stop_event where ended_at is null order by stop_id"


@pytest.fixture(scope="module")
def works(
    catalog_server: str, built_lake: Template, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """A plant whose press tells no reasons, refreshed, with its broker and ingestion running."""
    folder = tmp_path_factory.mktemp("works")
    mosquitto = Mosquitto(folder)
    mosquitto.start()
    with fresh_lake(catalog_server, folder, built_lake) as empty:
        options = empty.model_copy(update={"broker": BrokerSettings(port=mosquitto.port)})
        files = history.prepare(folder / "plant", options, 7, START, END)
        assert reference.load(options, folder / "plant" / "business_data").load_id is not None
        with closing(lake.open(options)) as con:
            con.execute(SAMPLES, {"files": [str(file) for file in files], "press": PRESS})
        share_parsed_project(options.home)
        build(options, full=True)
        publish(options)
        ingesting = children.start(
            "ingest",
            [sys.executable, "-m", "takt", "ingest"],
            env=environment(options) | {"TAKT_METRICS__INGEST_PORT": str(free_port())},
            output=subprocess.DEVNULL,
        )
        yield options
        ingesting.end(timeout_s=10)
    mosquitto.kill()


@pytest.mark.timeout(400)
def test_what_a_person_enters_becomes_the_reason_of_the_stop(works: Settings) -> None:
    first, second, third, *_ = stops(works)
    middle = first[1] + (first[2] - first[1]) / 2  # type: ignore[operator]
    listed = run_takt(works, "stops", "list", "--work-unit", PRESS)
    assert str(first[0])[:8] in listed
    assert " EUR" in listed
    assert "stops wait for a reason" in listed

    classify = ("stops", "classify", str(first[0])[:12])
    told = run_takt(works, *classify, "cleaning", "--to", f"{middle}Z", "--by", "Kim")
    assert "the lake has it" in told
    run_here(works, "stops", "classify", second[0], "hydraulics", "--by", "Lee")
    run_here(works, "stops", "classify", third[0], "robot_fault", "--by", "Lee")
    run_takt(works, "stops", "withdraw", str(third[0]), "--by", "Kim")
    refresh(works)

    said = stops(works)
    assert said[0][1:] == (first[1], middle, "cleaning", "Kim", False)
    assert said[1][1:] == (middle, first[2], None, None, True)
    assert said[2][3:] == ("hydraulics", "Lee", False)
    assert said[3] == third


@pytest.mark.timeout(400)
def test_what_a_person_says_that_a_shift_made_is_what_reports_say(works: Settings) -> None:
    [(order, good, scrap, produced)] = asked(works, SHIFT)
    shift = (PRESS, f"{START:%Y-%m-%d}", "early")
    why = ("--order", str(order), "--because", "three with burrs", "--by", "Kim")

    moved = (*shift, "--good", "-3", "--scrap", f"{scrap + 3:f}", "--reason", "tool_break", *why)
    told = run_takt(works, "counts", "correct", *moved)
    assert f"{PRESS} good: {good:.0f} -> {good - 3:.0f} (-3), says Kim" in told
    assert f"{PRESS} scrap: {scrap:.0f} -> {scrap + 3:.0f} (+3), says Kim" in told
    build(works)
    assert "waits for the next refresh" in refused_here(
        works, "counts", "correct", *shift, "--good", "9", *why
    )
    publish(works)

    assert asked(works, SHIFT) == [(order, good - 3, scrap + 3, produced)]
    listed = run_takt(works, "counts", "list", "--work-unit", PRESS).splitlines()
    assert len(listed) == 2
    assert f"scrap (tool_break) {scrap:.0f} -> {scrap + 3:.0f} (+3)  Kim " in listed[1]
    said = listed[0].split()[0]
    run_here(works, "counts", "correct", *shift, "--scrap", f"-{scrap + 1:f}", *why)
    for taking_away in (("withdraw", said), ("correct", *shift, "--scrap", "-3", *why)):
        told = refused_here(works, "counts", *taking_away)
        assert "scrap -3" in told
        assert (
            f"would leave fewer than none: reports say {scrap + 3:.0f} and -{scrap + 1:.0f}" in told
        )
    run_here(works, "counts", "correct", *shift, "--scrap", f"+{scrap + 1:f}", *why)
    taken_back = run_takt(works, "counts", "withdraw", said, "--by", "Lee")
    assert f"{PRESS} good: as counted, says Lee" in taken_back
    assert asked(works, TAKEN_BACK) == [(0, "good", "Lee"), (0, "scrap", "Lee")]


def test_a_correction_that_cannot_be_meant_is_refused(works: Settings) -> None:
    [(order, *_)] = asked(works, SHIFT)
    shift = (PRESS, f"{START:%Y-%m-%d}", "early")
    because = ("--order", order, "--because", "counted twice")

    for arguments, words in (
        (("correct", *shift, *because), "say what it was: --good, --scrap or --rework"),
        (("correct", *shift, "--good", "1", "--because", " "), "say why with --because"),
        (("correct", *shift, "--good", "many", *because), "--good many is no number"),
        (("correct", *shift, "--good", "nan", *because), "must be a number of at most six"),
        (("correct", *shift, "--good", "-999999", *because), "would leave fewer than none"),
        (("correct", *shift, "--good", "+1", "--reason", "jam", *because), "--reason is of scrap"),
        (
            ("correct", *shift, "--scrap", "+1", "--reason", "gremlins", *because),
            "no reason gremlins; known are",
        ),
        (("correct", *shift, "--good", "+0", *because), "nothing to correct"),
        (
            ("correct", *shift, "--good", "1", "--order", "none such", "--because", "x"),
            "nothing such was made",
        ),
        (("correct", PRESS, "yesterday", "early", "--good", "1", *because), "DAY yesterday is no"),
        (("correct", PRESS, "2020-01-01", "early", "--good", "1", *because), "no shift assembly/"),
        (("withdraw", "feed"), "no correction feed counts; `takt counts list` names those"),
    ):
        assert words in refused_here(works, "counts", *arguments)


def test_an_entry_that_cannot_be_meant_is_refused_in_one_line(works: Settings) -> None:
    stop_id, *_ = stops(works)[0]

    for arguments, words in (
        (("classify", "feed", "cleaning"), "no stop feed; `takt stops list` names those"),
        (("classify", stop_id, "gremlins"), "no reason gremlins; known are adjustment, "),
        (("classify", stop_id, "cleaning", "--to", "2020-01-01"), "is outside of the stop"),
        (("classify", stop_id, "cleaning", "--from", "noon"), "--from noon is no time"),
        (("classify", stop_id, "cleaning", "--from", "0001-01-01"), "is outside of the stop"),
        (
            ("classify", stop_id, "cleaning", "--from", "0001-01-01T00:00+02:00"),
            "--from 0001-01-01T00:00+02:00 is no time",
        ),
        (("classify", stop_id, "cleaning", "--merge", stop_id), "is named twice"),
    ):
        assert words in refused_here(works, "stops", *arguments)


def test_a_command_that_refuses_says_one_line_and_ends_with_2(works: Settings) -> None:
    stop_id, *_ = stops(works)[0]

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "takt",
            "stops",
            "classify",
            str(stop_id),
            "jam",
            "--by",
            b"J\xf6rg",
        ],
        env=environment(works),
        capture_output=True,
        text=True,
    )

    assert done.returncode == 2, done.stdout
    [line] = done.stderr.splitlines()
    assert line == "takt: --by J\N{REPLACEMENT CHARACTER}rg is no text in UTF-8"


def test_an_entry_waits_at_the_terminal_while_nobody_takes_it(works: Settings) -> None:
    stop_id, *_ = stops(works)[0]
    before = entries(works)
    alone = works.model_copy(update={"broker": BrokerSettings(port=free_port())})

    told = run_takt(alone, "stops", "classify", str(stop_id), "cleaning")
    assert "it is kept here, but ingestion has not taken it yet" in told
    assert "`takt stops deliver` tries again" in told
    day = ("correct", PRESS, f"{START:%Y-%m-%d}", "early", "--good", "9", "--because", "recounted")
    assert "an entry of this host waits for ingestion" in refused_here(works, "counts", *day)

    assert "the lake has it" in run_takt(works, "counts", "deliver")
    assert entries(works) == [*before, (name(), PRESS)]


def test_what_is_said_on_the_pages_reaches_the_lake_under_their_name(works: Settings) -> None:
    before = entries(works)
    terminal = Terminal(works, "pages")
    terminal.start()

    began = START + timedelta(hours=1)
    now = datetime.now(UTC)
    terminal.enter([StopEntry(PRESS, began, began + timedelta(minutes=1), "cleaning", "Kim", now)])

    wait_until(lambda: terminal.waiting == 0, "the lake to have it")
    terminal.stop()
    assert entries(works) == [*before, ("pages", PRESS)]


def test_the_page_asks_the_real_marts_what_the_command_lists(works: Settings) -> None:
    with closing(lake.open(works, read_only=True)) as con:
        waits = stop_reasons.waiting_stops(con, equipment_id=PRESS, limit=1_000)
        totals = stop_reasons.waiting_totals(con, equipment_id="assembly/line1", without=())
        named = stop_reasons.waiting_stops_named(con, stop_ids=(waits[0].stop_id,))
        reasons = stop_reasons.reasons(con)
        said = stop_reasons.classifications(con, limit=10)
        costs = stop_reasons.reason_costs(
            con,
            since=START.replace(tzinfo=None),
            until=END.replace(tzinfo=None),
            equipment_id="assembly/line1",
        )

    listed = run_here(works, "stops", "list", "--work-unit", PRESS)
    assert listed.count(PRESS) == min(len(waits), 20)
    assert all(each.planned_busy_time_s > 0 for each in waits)
    assert totals[0].stops >= len(waits)
    assert named == waits[:1]
    assert "cleaning" in {each.reason_id for each in reasons}
    assert {"Kim", "Lee"} <= {each.classified_by for each in said}
    assert (costs["amount"] > 0).all()


def test_what_was_said_of_a_stop_that_goes_on_is_taken_back_up_to_now(works: Settings) -> None:
    with closing(lake.open(works, read_only=True)) as con:
        goes_on, *_ = con.execute(GOES_ON).fetchone() or ("none goes on",)

    told = run_takt(works, "stops", "withdraw", str(goes_on), "--by", "Kim")

    assert "nothing any more, says Kim" in told
    assert "--to" in refused_here(works, "stops", "classify", goes_on, "cleaning")


def entries(works: Settings) -> list[tuple[object, ...]]:
    """What was entered: by which terminal, about which work unit."""
    with closing(lake.open(works, read_only=True)) as con:
        return con.execute(
            "select collector, equipment from raw.telemetry where signal = '$stop_reason'"
            " order by received_at"
        ).fetchall()


def refresh(works: Settings) -> None:
    """Build the marts as of the end of the history, and publish them."""
    build(works)
    publish(works)


def build(works: Settings, *, full: bool = False) -> None:
    """Build the marts; reports do not show them yet."""
    dbt.build(works, variables={"now": END.replace(tzinfo=None).isoformat(" ")}, full=full)


def publish(works: Settings) -> None:
    """Let reports show the marts as they are."""
    with closing(lake.open(works)) as con:
        con.execute(PUBLICATION)


def stops(works: Settings) -> list[tuple[object, ...]]:
    """The press's stops that wait or waited for a reason."""
    return asked(works, STOPS)


def asked(works: Settings, sql: str) -> list[tuple[Any, ...]]:
    """What the head of the lake answers; `$press` is the press."""
    with closing(lake.open(works, read_only=True)) as con:
        return con.execute(sql, {"press": PRESS} if "$press" in sql else {}).fetchall()
