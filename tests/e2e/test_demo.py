"""`takt demo` starts everything, goes on where it stopped, and leaves no process behind."""

import os
import signal
import stat
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import free_port, wait_until

# The tests of this module follow one another: one demo is started, stopped and started again.
pytestmark = pytest.mark.timeout(400)


class Demo:
    """A home in which the demo is started and stopped."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.mark = uuid.uuid4().hex
        self.dashboard_port, self.dagster_port = free_port(), free_port()
        self._env = {
            **os.environ,
            "TAKT_HOME": str(home),
            "DEMO_MARK": self.mark,
            "TAKT_LAKE__THREADS": "1",
            "TAKT_BROKER__PORT": str(free_port()),
            "TAKT_PLANT__PORT": str(free_port()),
            "TAKT_DASHBOARD__PORT": str(self.dashboard_port),
            "TAKT_PIPELINES__PORT": str(self.dagster_port),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, until: bytes) -> None:
        """Start it and wait until it has printed a line that begins so."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "takt", "demo", "--days", "1"],
            env=self._env,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.strip().startswith(until):
                return
        raise AssertionError(f"the demo ended with {self.process.wait()}")

    def stop(self, number: signal.Signals) -> float:
        """Seconds until it ended after the signal."""
        assert self.process is not None
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(60)
        return time.monotonic() - started

    def processes(self) -> list[psutil.Process]:
        """Every process that carries the demo's mark or works in its home."""
        return [
            process
            for process in psutil.process_iter(["cmdline", "environ"])
            if (process.info["environ"] or {}).get("DEMO_MARK") == self.mark
            or str(self.home) in " ".join(process.info["cmdline"] or ())
        ]

    def runs(self, program: str) -> bool:
        """Whether one of its processes runs that program."""
        return any(program in " ".join(each.info["cmdline"] or ()) for each in self.processes())

    def wait_going_on(self, before: str) -> None:
        """Wait until the lake has a sample newer than one that was the newest."""
        wait_until(lambda: self.last_observed() > before, "new samples in the lake", interval_s=1)

    def last_observed(self) -> str:
        """The newest sample in the lake.

        Asked by a process of its own: one that has opened the lake keeps its catalog up.
        """
        program = (
            "import lake; print(lake.open(read_only=True)"
            ".execute('select max(observed_at) from raw.telemetry').fetchone()[0])"
        )
        return subprocess.run(
            [sys.executable, "-c", program],
            env=self._env,
            capture_output=True,
            text=True,
            check=True,
        ).stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    home = tmp_path_factory.mktemp("demo") / "home"
    found = Demo(home)
    yield found
    for process in found.processes():
        process.kill()


def test_the_demo_starts_from_nothing_and_serves_its_pages(demo: Demo) -> None:
    mode = stat.S_IMODE(demo.home.parent.stat().st_mode)

    demo.start(until=b"pipelines")

    for port in (demo.dashboard_port, demo.dagster_port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            assert answer.status == 200
    before = demo.last_observed()
    demo.wait_going_on(before)
    assert stat.S_IMODE(demo.home.parent.stat().st_mode) == mode


def test_ctrl_c_ends_every_process_within_ten_seconds(demo: Demo) -> None:
    assert demo.processes()

    seconds = demo.stop(signal.SIGINT)

    wait_until(lambda: not demo.processes(), "the last process to end", timeout_s=10 - seconds)


def test_a_second_start_goes_on_where_the_first_stopped(demo: Demo) -> None:
    before = demo.last_observed()

    demo.start(until=b"Takt is running")

    demo.wait_going_on(before)


def test_killing_the_demo_leaves_no_process_behind(demo: Demo) -> None:
    wait_until(lambda: demo.runs("dagster-webserver"), "the last process to start", timeout_s=120)

    demo.stop(signal.SIGKILL)

    wait_until(lambda: not demo.processes(), "the last process to end", timeout_s=30)
