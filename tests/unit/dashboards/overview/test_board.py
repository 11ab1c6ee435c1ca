import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import duckdb
import pytest
from plotly.io.json import to_json_plotly

from dashboards.feed import Moment, Reading
from dashboards.overview import board
from dashboards.queries.live import Interval
from takt.settings import DashboardSettings
from tests.unit.dashboards import plant


def render(reading: Reading) -> dict[str, dict[str, Any]]:
    parts = board.render(reading, DashboardSettings())
    return {
        key if isinstance(key, str) else "/".join(value for _, value in key): dict(props)
        for key, props in parts.items()
    }


def words(component: object) -> str:
    """All text of a component tree, in order."""
    found: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            walk(node.get("props", {}).get("children"))
        elif isinstance(node, list):
            for child in node:
                walk(child)
        elif node is not None:
            found.append(str(node))

    walk(json.loads(to_json_plotly(component)))
    return " ".join(found).replace("\N{NARROW NO-BREAK SPACE}", " ")


@pytest.fixture
def reading(read: Callable[[], Reading]) -> Reading:
    return read()


def test_every_work_unit_has_a_card_on_its_line(reading: Reading) -> None:
    parts = render(reading)
    board_part = parts["overview-board"]["children"]

    assert [section.to_plotly_json()["props"]["data-line"] for section in board_part] == list(
        plant.LINES
    )
    assert {key for key in parts if "/" in key} == {
        *(f"overview/{unit}" for unit in plant.UNITS),
        *(f"{line}/overview" for line in plant.LINES),
    }


def test_a_machine_without_a_line_is_not_left_out(reading: Reading) -> None:
    moment = reading.moment or Moment()
    rows = [
        replace(row, work_center_id=None) if row.level == "work_unit" else row
        for row in moment.equipment
    ]

    parts = render(replace(reading, moment=replace(moment, equipment=rows)))

    assert "Other machines" in words(parts["overview-board"]["children"])
    assert "overview/assembly/line1/press01" in parts


def test_the_board_comes_before_its_cards(reading: Reading) -> None:
    keys = list(render(reading))

    assert keys.index("overview-board") < keys.index("overview/assembly/line1/press01")


def test_a_card_says_state_order_counts_and_oee_with_units(reading: Reading) -> None:
    said = words(render(reading)["overview/assembly/line1/press02"]["children"])

    assert "Press 02" in said
    assert "Jammed feeder since" in said
    assert "PO-1041" in said
    assert "of 4,000 pcs" in said
    assert "ready 13:40" in said
    assert " pcs Rejects " in said
    assert "OEE" in said


def test_a_card_without_data_is_marked_and_says_since_when(reading: Reading) -> None:
    card = render(reading)["overview/assembly/line2/wash01"]

    assert card["className"] == "card card-unknown"
    assert "No data since" in words(card["children"])
    assert "ready" not in words(card["children"])
    assert "provisional" in words(card["children"])


def test_a_machine_that_stands_still_in_a_break_is_on_break(reading: Reading) -> None:
    moment = reading.moment or Moment()
    unit = "assembly/line1/press02"
    interval = Interval(
        work_unit_id=unit, started_at=plant.NOW - timedelta(minutes=5), ended_at=plant.NOW,
        state="held", category="planned_downtime", cause=None, is_minor=False, reason_name="Break",
    )  # fmt: skip

    changed = replace(moment, intervals=[interval])
    card = render(replace(reading, moment=changed))[f"overview/{unit}"]

    assert card["className"] == "card card-planned"
    assert "Break since 10:35 · 5 min" in words(card["children"])


def test_a_machine_never_heard_of_says_so(reading: Reading) -> None:
    moment = reading.moment or Moment()
    rows = [replace(row, state_since_at=None) for row in moment.equipment]

    said = words(
        render(replace(reading, moment=replace(moment, equipment=rows)))[
            "overview/assembly/line2/wash01"
        ]["children"]
    )

    assert "never heard of" in said


def test_the_headline_names_shift_target_and_biggest_loss(reading: Reading) -> None:
    parts = render(reading)

    assert words(parts["overview-shift"]["children"]).startswith("Early shift 06:00–14:00 10:40")
    assert "to the target of 85 %" in words(parts["overview-oee"]["children"])
    assert "planned Line " in words(parts["overview-lost"]["children"])
    assert "Europe/Berlin (UTC+1)" in words(parts["frame-site"]["children"])


def test_between_shifts_nothing_is_invented(reading: Reading) -> None:
    moment = reading.moment or Moment()
    nothing = {
        "shift_id": None, "shift_started_at": None, "shift_ended_at": None, "oee_index": None,
        "production_date": None,
    }  # fmt: skip
    rows = [replace(row, **nothing) for row in moment.equipment]  # type: ignore[arg-type]

    parts = render(replace(reading, moment=replace(moment, equipment=rows, intervals=())))

    assert "No shift is running" in words(parts["overview-shift"]["children"])
    assert "no shift is running" in words(parts["overview-oee"]["children"])
    assert "No shift is running" in words(parts["overview/assembly/line1/press01"]["children"])


def test_before_the_first_reading_the_page_waits(reading: Reading) -> None:
    parts = render(Reading(at=plant.NOW))

    assert parts["overview-page"]["className"] == "page is-waiting"


def test_no_machine_says_what_to_do_first(reading: Reading) -> None:
    parts = render(Reading(at=plant.NOW, moment=Moment(missing="there is no lake yet")))

    assert parts["overview-page"]["className"] == "page is-empty"
    said = words(parts["overview-empty"]["children"])
    assert said.startswith("No machine yet: connect one")
    assert "takt reference load FOLDER" in said
    assert "there is no lake yet" in said


def test_stale_data_dims_and_says_since_when(
    read: Callable[[], Reading], con: duckdb.DuckDBPyConnection
) -> None:
    con.execute("update raw.batch set committed_at = committed_at - interval 7 minute")

    parts = render(read())

    assert parts["overview-page"]["className"] == "page is-stale"
    assert "No new data since 10:33" in words(parts["overview-notice"]["children"])


def test_an_error_says_what_happened_and_what_still_works(reading: Reading) -> None:
    failed = replace(
        reading,
        at=reading.at + timedelta(seconds=30),
        failure="connection refused",
        failing_since=reading.at,
    )

    parts = render(failed)

    assert parts["overview-page"]["className"] == "page is-failing"
    said = words(parts["overview-notice"]["children"])
    assert "has not answered since 10:40:12" in said
    assert "connection refused" in said
    assert "charts already open stay" in said
    assert "overview/assembly/line1/press01" in parts


def test_what_did_not_change_is_rendered_equal(reading: Reading) -> None:
    assert to_json_plotly(render(reading)) == to_json_plotly(render(reading))
