"""Dagster as three processes of one home: code server, daemon, web server on loopback.

Belongs here: starting, watching, ending them. What they run is in `pipelines.defs`.
"""

import logging
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from prometheus_client import REGISTRY

from pipelines import dbt, home
from pipelines.figures import RefreshFigures
from takt import children, metrics
from takt.errors import TaktError
from takt.settings import Settings

_log = logging.getLogger(__name__)

_END_WITHIN_S = 6.0
_LOOK_EVERY_S = 0.5
_LONGEST_RESTART_WAIT_S = 30.0
_STEADY_AFTER_S = 60.0


def run(settings: Settings) -> None:
    """Run Dagster until SIGTERM or SIGINT; what dies is started again.

    Raises:
        takt.errors.TaktError: The dbt project is wrong, or Dagster cannot store.
    """
    with _stop_event() as stop, tempfile.TemporaryDirectory(prefix="takt-dagster-") as folder:
        dbt.manifest(settings)
        address = Path(folder) / "code.sock"
        home.write(settings, address)
        environment = settings.environment() | {"DAGSTER_HOME": str(home.path(settings)), **_QUIET}
        _prepare_storage(settings, environment)
        programs = [
            _Program(name, command, environment) for name, command in _commands(settings, address)
        ]
        _tell_figures(settings, programs)
        try:
            for program in programs:
                program.start()
            _watch(programs, stop, settings.pipelines.port)
        finally:
            children.end_all(
                [program.child for program in programs if program.child], _END_WITHIN_S
            )


def _tell_figures(settings: Settings, programs: Sequence["_Program"]) -> None:
    """Answer whoever asks how this process is."""
    if settings.metrics.pipelines_port is not None:
        REGISTRY.register(RefreshFigures(settings))
    metrics.serve(
        settings.metrics.pipelines_port, lambda: _ailment(programs, settings.pipelines.port)
    )


def _ailment(programs: Sequence["_Program"], port: int) -> str:
    """Which of Dagster's processes do not run, or that its web server does not answer yet."""
    away = [program.name for program in programs if not program.is_running]
    if away:
        return f"dagster's {' and '.join(away)} not running"
    return "" if _answers(port) else "dagster's web server does not answer"


_QUIET = {"DAGSTER_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1", "PYTHONWARNINGS": "ignore"}


def _prepare_storage(settings: Settings, environment: Mapping[str, str]) -> None:
    """Make or migrate Dagster's storage; processes that did it side by side would break it."""
    done = home.path(settings) / f"storage-{version('dagster')}"
    if done.exists():
        return
    program = Path(sys.executable).with_name("dagster")
    child = children.start("dagster instance", [program, "instance", "migrate"], env=environment)
    try:
        if child.process.wait() != 0:
            raise TaktError(f"Dagster cannot store in {done.parent}; see its message above")
    finally:
        child.end(_END_WITHIN_S)
    done.touch()


def _commands(settings: Settings, code_server: Path) -> list[tuple[str, Sequence[str | Path]]]:
    programs = Path(sys.executable).parent
    workspace = home.path(settings) / "workspace.yaml"
    # Dagster's own form of text is coloured.
    form = ("--log-format", "json") if settings.log_format == "json" else ()
    serve: list[str | Path] = [
        "api",
        "grpc",
        "--socket",
        code_server,
        "--module-name",
        "pipelines.definitions",
    ]
    return [
        (
            "code server",
            [
                programs / "dagster",
                *serve,
                "--location-name",
                "takt",
                "--log-level",
                "warning",
                *form,
            ],
        ),
        (
            "daemon",
            [programs / "dagster-daemon", "run", "-w", workspace, "--log-level", "warning", *form],
        ),
        (
            "web server",
            [
                *(programs / "dagster-webserver", "-h", "127.0.0.1"),
                *("-p", str(settings.pipelines.port), "-w", workspace),
                *("--dagster-log-level", "warning", "--uvicorn-log-level", "warning", *form),
            ],
        ),
    ]


@dataclass
class _Program:
    """One of Dagster's processes, started again with growing pauses while it keeps dying."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    child: children.Child | None = None
    started: float = 0.0
    failures: int = 0
    start_at: float = 0.0

    @property
    def is_running(self) -> bool:
        """Whether it runs; asked from any thread."""
        child = self.child
        return child is not None and child.is_running

    def start(self) -> None:
        """Start it now."""
        self.child = children.start(f"dagster {self.name}", self.command, env=self.environment)
        self.started = time.monotonic()

    def look_after(self) -> None:
        """Start it again when it has died and its pause is over."""
        if self.child is None:
            if time.monotonic() >= self.start_at:
                self.start()
        elif not self.child.is_running:
            if time.monotonic() - self.started > _STEADY_AFTER_S:
                self.failures = 0
            wait_s = min(_LONGEST_RESTART_WAIT_S, 0.5 * 2**self.failures)
            _log.warning(
                "dagster's %s ended with %s; starting it again in %.1f s",
                self.name,
                self.child.process.returncode,
                wait_s,
            )
            self.child.end(0)
            self.child, self.start_at = None, time.monotonic() + wait_s
            self.failures += 1


def _watch(programs: Sequence[_Program], stop: threading.Event, port: int) -> None:
    is_ready = False
    while not stop.wait(_LOOK_EVERY_S):
        for program in programs:
            program.look_after()
        if not is_ready and _answers(port):
            is_ready = True
            _log.info("ready: http://127.0.0.1:%d", port)


def _answers(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def _stop_event() -> Iterator[threading.Event]:
    stop = threading.Event()
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
