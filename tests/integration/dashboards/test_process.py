"""The dashboard as a process: before there is a lake, through the catalog's death, to its end."""

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

import lake
from takt.settings import Settings
from tests.command import environment
from tests.conftest import asked, free_port, wait_until


class DashboardProcess:
    """`takt dashboard` on a free port, with what it printed."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.port = free_port()
        self.metrics_port = free_port()
        self._log = log
        self.process = subprocess.Popen(
            [sys.executable, "-m", "takt", "dashboard"],
            env={
                **environment(settings),
                "TAKT_DASHBOARD__PORT": str(self.port),
                "TAKT_METRICS__DASHBOARD_PORT": str(self.metrics_port),
            },
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
        )

    @property
    def said(self) -> str:
        return self._log.read_text()

    def wait_until_ready(self) -> None:
        wait_until(lambda: " ready" in self.said, f"a ready dashboard; it said {self.said}")

    def follow(self) -> ClientConnection:
        address = f"127.0.0.1:{self.port}"
        return connect(f"ws://{address}/live", origin=f"http://{address}")  # type: ignore[arg-type]

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[Settings], DashboardProcess]]:
    started: list[DashboardProcess] = []

    def begin(settings: Settings) -> DashboardProcess:
        started.append(DashboardProcess(settings, tmp_path / f"dashboard{len(started)}.log"))
        started[-1].wait_until_ready()
        return started[-1]

    yield begin
    for process in started:
        process.process.kill()
        process.process.wait()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DashboardProcess]:
    """A dashboard without a lake, for what does not need one."""
    folder = tmp_path_factory.mktemp("running")
    process = DashboardProcess(Settings(home=folder / "nothing"), folder / "dashboard.log")
    process.wait_until_ready()
    yield process
    process.end()


def next_parts(page: ClientConnection, wanted: str) -> dict[str, Any]:
    """The parts of the first message that has `wanted`."""
    while True:
        parts = {str(key): props for key, props in json.loads(page.recv(timeout=30))["parts"]}
        if wanted in parts:
            return parts


def test_a_dashboard_starts_before_its_lake_and_makes_no_home(
    start: Callable[[Settings], DashboardProcess], tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path / "nothing")
    process = start(settings)

    with closing(process.follow()) as page:
        before = next_parts(page, "overview-empty")
        assert not settings.home.exists()
        lake.schema.create(settings)
        while "no lake" in json.dumps(next_parts(page, "overview-empty")):
            assert process.process.poll() is None
        assert process.end() == 0
    lake.catalog.leave(settings)

    assert before["overview-page"]["className"] == "page is-empty"
    assert "no lake" in json.dumps(before)


def test_a_catalog_that_goes_away_is_told_and_its_return_is_noticed(
    start: Callable[[Settings], DashboardProcess], lake_settings: Settings, catalog_server: str
) -> None:
    process = start(lake_settings)
    database = conninfo_to_dict(lake_settings.catalog or "")["dbname"]

    with closing(process.follow()) as page, psycopg.connect(catalog_server) as server:
        server.autocommit = True
        next_parts(page, "overview-page")
        server.execute(f"alter database {database} allow_connections false")
        server.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [database]
        )
        failing = next_parts(page, "overview-notice")
        unwell, _ = asked(process.metrics_port, "/health")
        server.execute(f"alter database {database} allow_connections true")
        found_again = next_parts(page, "overview-notice")
        well, _ = asked(process.metrics_port, "/health")
        _, figures = asked(process.metrics_port, "/metrics")
    process.end()

    assert "The lake has not answered since" in json.dumps(failing)
    assert "the lake does not answer, asking on" in process.said
    assert found_again["overview-notice"]["children"] is None
    assert (unwell, well) == (503, 200)
    assert "takt_dashboard_pages 1.0" in figures
    assert "takt_dashboard_feed_seconds_count" in figures


def test_a_page_of_another_host_is_not_followed(running: DashboardProcess) -> None:
    address = f"ws://127.0.0.1:{running.port}/live"

    with pytest.raises(InvalidStatus, match="403"):
        connect(address, origin="http://evil.example")  # type: ignore[arg-type]


def test_a_port_that_is_taken_is_a_matter_of_configuration(
    running: DashboardProcess, tmp_path: Path
) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "takt", "dashboard"],
        env={
            **environment(Settings(home=tmp_path)),
            "TAKT_DASHBOARD__PORT": str(running.port),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert second.returncode == 2
    assert f"dashboard.port {running.port} cannot be used" in second.stderr


def test_scripts_and_styles_come_from_the_process_itself(running: DashboardProcess) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{running.port}/", timeout=30) as answer:
        page = answer.read().decode()

    assert "/assets/theme.css" in page
    assert 'src="http' not in page
    assert 'href="http' not in page
