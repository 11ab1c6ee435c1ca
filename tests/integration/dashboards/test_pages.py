"""Every page over a tiny lake: layouts render, callbacks answer when called as functions."""

import asyncio
import importlib
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import dash
import duckdb
import pytest
from plotly.io.json import to_json_plotly

from dashboards import feed as feed_module
from dashboards.app import Dashboard
from takt.errors import TaktError
from takt.settings import Settings
from tests.integration.dashboards.conftest import served
from tests.unit.dashboards import plant

EVERYTHING = {"period": "14d", "line": None, "unit": None, "reason": None}


class Lake:
    """The tiny lake, which can be away."""

    def __init__(self) -> None:
        self.con = plant.tiny_lake()
        self.is_away = False

    def __call__(self, snapshot_id: int | None = None) -> duckdb.DuckDBPyConnection:
        if self.is_away:
            raise TaktError("connection refused")
        return self.con.cursor()


@pytest.fixture(scope="module")
def lake() -> Iterator[Lake]:
    found = Lake()
    yield found
    found.con.close()


@pytest.fixture
def dashboard(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dashboard:
    monkeypatch.setattr(feed_module, "_now", lambda: plant.NOW)
    monkeypatch.setattr(lake, "is_away", False)
    made = Dashboard(lake, Settings(home=tmp_path))
    made.feed.read()
    return made


@pytest.fixture
def overview(dashboard: Dashboard) -> ModuleType:
    return importlib.import_module("dashboards.pages.overview")


def text(component: object) -> str:
    return json.dumps(json.loads(to_json_plotly(component)), ensure_ascii=False)


def test_every_registered_page_renders(dashboard: Dashboard) -> None:
    paths = [page["path"] for page in dash.page_registry.values()]
    assert paths == ["/", "/stops", "/costs", "/costs/wip", "/costs/item"]
    for page in dash.page_registry.values():
        assert page["title"].startswith("Takt")
        assert '"H1"' in text(page["layout"]())


def test_the_url_says_what_is_selected(overview: ModuleType) -> None:
    said = text(overview.layout(period="7d", line="assembly/line1", reason="Jammed feeder", x="1"))

    chosen = {"period": "7d", "line": "assembly/line1", "unit": None, "reason": "Jammed feeder"}
    assert json.dumps(chosen) in said


def test_the_charts_show_the_chosen_line(overview: ModuleType) -> None:
    chosen = {**EVERYTHING, "line": "assembly/line2"}

    shifts, style = asyncio.run(overview.show_shifts(chosen, None))
    losses, _ = asyncio.run(overview.show_losses(chosen, None))

    assert [note.text for note in shifts.layout.annotations] == ["Line 2"]
    assert style == {"height": f"{shifts.layout.height}px"}
    assert set(losses.data[0].y) <= {name for name, _ in plant.REASONS.values()} | {
        "No reason given",
        "Minor stops",
    }


def test_the_waterfall_is_of_the_chosen_line(overview: ModuleType) -> None:
    def planned_s(line: str | None) -> float:
        chosen = {**EVERYTHING, "line": line}
        figure, _ = asyncio.run(overview.show_waterfall(chosen, None))
        return float(figure.data[0].x[0])

    assert planned_s(None) == 2 * planned_s("assembly/line1") > 0


def test_the_heading_says_how_far_history_reaches(overview: ModuleType) -> None:
    said, of_waterfall = asyncio.run(overview.show_headings(EVERYTHING, None))

    assert said.replace("\N{NARROW NO-BREAK SPACE}", " ") == "Last 14 days · up to 10:38"
    assert of_waterfall.startswith(said)


def test_the_table_pages_and_sorts_on_the_server(overview: ModuleType) -> None:
    def page(first: int, last: int) -> dict[str, Any]:
        request = {
            "startRow": first,
            "endRow": last,
            "sortModel": [{"colId": "lost_s", "sort": "desc"}],
        }
        answer: dict[str, Any] = asyncio.run(overview.show_stops(request, EVERYTHING))
        return answer

    whole, part = page(0, 10_000), page(20, 30)

    assert part["rowData"] == whole["rowData"][20:30]
    assert part["rowCount"] == whole["rowCount"] == len(whole["rowData"])


def test_the_table_is_exported_whole(overview: ModuleType) -> None:
    rows = asyncio.run(overview.show_stops({"startRow": 0, "endRow": 10_000}, EVERYTHING))
    file = asyncio.run(overview.export_stops(1, EVERYTHING))

    assert file["filename"] == "stops.csv"
    assert len(file["content"].splitlines()) == rows["rowCount"] + 1
    assert file["content"].startswith("work_center_name,work_unit_name,started_at")


def test_what_narrows_the_table_can_be_removed(overview: ModuleType) -> None:
    chosen = {**EVERYTHING, "unit": "assembly/line1/press01", "reason": "Tool broken"}

    chips = asyncio.run(overview.show_chips(chosen))

    assert [chip.to_plotly_json()["props"]["data-pick"] for chip in chips] == [
        '{"unit": null}',
        '{"reason": null}',
    ]
    assert "Press 01" in text(chips[0])


def test_the_trend_is_of_whole_days(overview: ModuleType) -> None:
    assert "OEE of the last 13 working days" in text(asyncio.run(overview.show_trend(None)))


def test_a_lake_that_is_away_is_told_in_the_charts(
    dashboard: Dashboard, overview: ModuleType, lake: Lake
) -> None:
    dashboard.history.close()
    lake.is_away = True

    figure, _ = asyncio.run(overview.show_losses({**EVERYTHING, "line": "assembly/line1"}, None))
    rows = asyncio.run(overview.show_stops({"startRow": 0, "endRow": 9}, EVERYTHING))

    assert "does not answer" in figure.layout.annotations[0].text
    assert rows == {"rowData": [], "rowCount": 0}


@pytest.mark.parametrize("name", ["costs", "standard_costs", "work_in_process"])
def test_without_a_costing_version_a_page_of_costs_says_what_to_load(
    dashboard: Dashboard, lake: Lake, name: str
) -> None:
    lake.con.execute(
        "create table if not exists marts.dim_cost_version(cost_version_id varchar,"
        " site_id varchar, cost_version_type varchar, status varchar, valid_from timestamp,"
        " previous_version_id varchar, currency varchar)"
    )
    page = importlib.import_module(f"dashboards.pages.{name}")

    instead, is_hidden, offers = asyncio.run(page.show_frame({}, None))

    assert "No costing version is loaded" in text(instead)
    assert "takt reference load FOLDER" in text(instead)
    assert (is_hidden, offers) == (True, {})
    assert asyncio.run(page.show_headline({}, None)) == []


def test_a_lake_that_is_away_is_told_on_a_page_of_costs(dashboard: Dashboard, lake: Lake) -> None:
    dashboard.history.close()
    lake.is_away = True
    page = importlib.import_module("dashboards.pages.work_in_process")

    instead, is_hidden, _ = asyncio.run(page.show_frame({"period": "2026-03"}, None))
    figure, _ = asyncio.run(page.show_ages({"period": "2026-03"}, None))

    assert "does not answer" in text(instead)
    assert not is_hidden
    assert "does not answer" in figure.layout.annotations[0].text


@pytest.mark.parametrize("path", ["/costs?order=1001", "/"])
def test_a_page_that_is_asked_for_first_has_its_scripts(lake: Lake, path: str) -> None:
    with served(lake) as server, urllib.request.urlopen(f"{server.address}{path}") as answer:
        assert "/assets/costs.js" in answer.read().decode()
