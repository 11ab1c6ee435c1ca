"""Dagster's processes as `takt pipelines` runs them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil
import pytest

from takt import children
from takt.settings import MetricsSettings, PipelinesSettings, Settings
from tests.conftest import asked, free_port, wait_until
from tests.parsed_project import share_parsed_project

pytestmark = pytest.mark.timeout(300)

_ASKED = "{workspaceOrError{... on Workspace{locationEntries{locationOrLoadError{__typename}}}}}"


@pytest.fixture
def pipelines(lake_settings: Settings) -> Iterator[tuple[Settings, "subprocess.Popen[bytes]"]]:
    """`takt pipelines` on a port of its own."""
    share_parsed_project(lake_settings.home)
    port = PipelinesSettings(port=free_port())
    asked_at = MetricsSettings(pipelines_port=free_port())
    changes = {"pipelines": port, "metrics": asked_at, "log_format": "json"}
    settings = lake_settings.model_copy(update=changes)
    process = subprocess.Popen(
        [sys.executable, "-m", "takt", "pipelines"], env=settings.environment()
    )
    yield settings, process
    below = children.descendants(process.pid)
    process.kill()
    process.wait()
    for identity in below:
        identity.kill()


def code_is_loaded(settings: Settings) -> bool:
    server = HTTPConnection("127.0.0.1", settings.pipelines.port, timeout=10)
    try:
        body = json.dumps({"query": _ASKED})
        server.request("POST", "/graphql", body, {"content-type": "application/json"})
        entries = json.load(server.getresponse())["data"]["workspaceOrError"]["locationEntries"]
    except (OSError, HTTPException):
        return False
    finally:
        server.close()
    found = [(entry["locationOrLoadError"] or {}).get("__typename") for entry in entries]
    return found == ["RepositoryLocation"]


def code_servers(process: "subprocess.Popen[bytes]") -> list[int]:
    below = {identity.pid for identity in children.descendants(process.pid)}
    return [
        each.pid
        for each in psutil.process_iter(["cmdline"])
        if each.pid in below and "grpc" in " ".join(each.info["cmdline"] or ())
    ]


def test_dagster_comes_back_after_a_kill_and_ends_without_a_trace(
    pipelines: tuple[Settings, "subprocess.Popen[bytes]"],
) -> None:
    settings, process = pipelines
    wait_until(lambda: code_is_loaded(settings), "Dagster to load", 120, 0.5)
    port = settings.metrics.pipelines_port
    assert asked(port, "/health") == (200, '{"status": "ok"}')
    assert asked(port, "/metrics")[0] == 200

    (killed,) = code_servers(process)
    os.kill(killed, signal.SIGKILL)
    missing = '{"status": "dagster\'s code server not running"}'
    wait_until(lambda: asked(port, "/health") == (503, missing), "it to be missed", 10)
    wait_until(lambda: set(code_servers(process)) - {killed}, "a new code server", 30, 0.2)
    wait_until(lambda: code_is_loaded(settings), "Dagster to load again", 120, 0.5)

    below = children.descendants(process.pid)
    ended_at = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert time.monotonic() - ended_at < 10
    assert [pid for pid, _ in below if Path(f"/proc/{pid}").exists()] == []
