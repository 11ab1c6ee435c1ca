"""A set of services run as one: started together, restarted when they die, ended together."""

import logging
import logging.handlers
import math
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from rich.console import Console

from takt import children
from takt.command.late import late
from takt.errors import ConfigurationError
from takt.settings import Settings

log = logging.getLogger(__name__)

_END_WITHIN_S = 8.0
_LOG_BYTES = 10_000_000
_LONGEST_RESTART_WAIT_S = 30.0
_STEADY_AFTER_S = 60.0
_READY = re.compile(r': "?ready\b')


@dataclass(frozen=True)
class Service:
    """A verb of `takt` that runs until it is told to stop.

    Attributes:
        name: What people call it; also its log file in `logs/`.
        arguments: The verb and its options.
        address: Where people reach it, if they do.
        variables: Settings of its own, in the form of the environment.
    """

    name: str
    arguments: tuple[str, ...]
    address: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Running:
    service: Service
    child: children.Child
    started: float
    failures: int


class Stack:
    """Services of one home, children of this process. Use as a context manager."""

    def __init__(self, options: Settings) -> None:
        self._options = options
        self._running: dict[str, _Running] = {}
        self._ready: defaultdict[str, threading.Event] = defaultdict(threading.Event)
        self._ended: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __enter__(self) -> "Stack":
        (self._options.home / "logs").mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        with _signals_ignored():
            children.end_all([each.child for each in self._running.values()], _END_WITHIN_S)

    def start(self, service: Service, failures: int = 0) -> None:
        """Start a service; what it prints goes to its log file."""
        child = children.start(
            service.name,
            [sys.executable, "-m", "takt", *service.arguments],
            env={**os.environ, "TAKT_HOME": str(self._options.home), **service.variables},
            output=subprocess.PIPE,
        )
        running = _Running(service, child, time.monotonic(), failures)
        self._running[service.name] = running
        threading.Thread(
            target=self._pump, args=(running,), name=f"log[{service.name}]", daemon=True
        ).start()

    def end(self, name: str) -> None:
        """End one service before the others; nothing starts it again."""
        children.end_all([self._running.pop(name).child], _END_WITHIN_S)

    def wait_ready(self, name: str, timeout_s: float) -> bool:
        """Whether a service has said within `timeout_s` that it works."""
        return self._ready[name].wait(timeout_s)

    def watch(self) -> None:
        """Restart whatever dies, for ever; ends by KeyboardInterrupt."""
        due: dict[str, tuple[float, int]] = {}
        while True:
            next_at = min((at for at, _ in due.values()), default=math.inf)
            try:
                name = self._ended.get(timeout=_bounded(next_at - time.monotonic()))
            except queue.Empty:
                for name in [name for name, (at, _) in due.items() if at <= time.monotonic()]:
                    _, failures = due.pop(name)
                    self.start(self._running[name].service, failures)
            else:
                if (ended := self._running.get(name)) is not None:
                    due[name] = self._restart_after(ended, ended.child.process.wait())

    def _restart_after(self, ended: _Running, code: int) -> tuple[float, int]:
        """When a service that ended is due again, and its failures in a row."""
        failures = self._failures_after(ended)
        wait_s = min(_LONGEST_RESTART_WAIT_S, 0.25 * 2.0**failures)
        log.warning(
            "%s ended with %d; starting it again in %.1f s (see %s)",
            ended.service.name, code, wait_s, self.log_file(ended.service.name),
        )  # fmt: skip
        return time.monotonic() + wait_s, failures

    def log_file(self, name: str) -> Path:
        """Where a service's output is kept."""
        return self._options.home / "logs" / f"{name}.log"

    @staticmethod
    def _failures_after(ended: _Running) -> int:
        """How often in a row a service has ended soon after its start, this time included."""
        was_steady = time.monotonic() - ended.started > _STEADY_AFTER_S
        return 1 if was_steady else ended.failures + 1

    def _pump(self, running: _Running) -> None:
        """Copy a service's output to its log until it ends, watching for `ready`."""
        name = running.service.name
        handler = logging.handlers.RotatingFileHandler(
            self.log_file(name), maxBytes=_LOG_BYTES, backupCount=2, encoding="utf-8"
        )
        assert running.child.process.stdout is not None
        for line in running.child.process.stdout:
            text = line.decode(errors="replace").rstrip()
            handler.emit(logging.LogRecord(name, logging.INFO, "", 0, text, None, None))
            if _READY.search(text):
                self._ready[name].set()
        handler.close()
        self._ended.put(name)


def _bounded(seconds: float) -> float:
    """A time-out that a queue accepts."""
    return max(0.0, min(seconds, threading.TIMEOUT_MAX))


@contextmanager
def until_stopped(options: Settings) -> Iterator[None]:
    """Inside, there is a lake, and a signal to stop ends the block; after it nothing runs."""
    with _stop_signals():
        try:
            late("lake.schema:create")(options)
            yield
        except KeyboardInterrupt:
            log.info("stopped")
        finally:
            with _signals_ignored():
                late("lake.catalog:leave")(options)


@contextmanager
def _stop_signals() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP end this process as Ctrl-C does: by KeyboardInterrupt."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _signals_ignored() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def require_free_ports(ports: dict[str, int]) -> None:
    """Nothing may listen yet where our services will.

    Raises:
        ConfigurationError: A port is taken; the message names the setting to change.
    """
    import socket

    for setting, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise ConfigurationError(
                    f"port {port} of 127.0.0.1 is taken ({error.strerror}); stop what listens"
                    f" there or set TAKT_{setting.upper()} to another port"
                ) from error


def announce(stack: Stack, services: Sequence[Service]) -> None:
    """Print each address people need once the service behind it works; returns at once."""

    def print_addresses() -> None:
        console = Console(highlight=False)
        for service in services:
            is_ready = stack.wait_ready(service.name, timeout_s=120)
            state = "" if is_ready else f"  [red]not ready; see {stack.log_file(service.name)}[/]"
            if service.address or not is_ready:
                console.print(f"  {service.name:<10} {service.address}{state}")

    threading.Thread(target=print_addresses, name="announce", daemon=True).start()


def core_services(options: Settings) -> list[Service]:
    """What every installation runs on one host."""
    dashboard_url = f"http://127.0.0.1:{options.dashboard.port}"
    dagster_url = f"http://127.0.0.1:{options.pipelines.port}"
    return [
        *(_ingest_service(options, number) for number in range(options.ingestion.processes)),
        *([Service("mes", ("mes", "listen"))] if options.mes.listen else []),
        Service("edge", ("edge",)),
        Service("dashboard", ("dashboard",), dashboard_url),
        Service("pipelines", ("pipelines",), dagster_url),
    ]


def _ingest_service(options: Settings, number: int) -> Service:
    """One of several ingesting processes, which have all but their metrics' port in common."""
    first_port = options.metrics.ingest_port
    if number == 0:
        return Service("ingest", ("ingest",))
    name = f"ingest-{number + 1}"
    port = {} if first_port is None else {"TAKT_METRICS__INGEST_PORT": str(first_port + number)}
    return Service(name, ("ingest", "--name", name), variables=port)


def run_plant(options: Settings) -> int:
    """Run a real plant's services until told to stop.

    Raises:
        ConfigurationError: No broker is named, or a port is taken.
    """
    if options.broker.embedded:
        raise ConfigurationError(
            "no broker is configured; `takt up` needs a real one: set broker.embedded = false and"
            f" broker.host in {options.home}/takt.toml (the embedded one is for `takt demo`)"
        )
    services = core_services(options)
    if not (options.home / "edge.toml").exists():
        log.warning("%s/edge.toml is missing: no collector runs here", options.home)
        services = [service for service in services if service.name != "edge"]
    require_free_ports(
        {"dashboard__port": options.dashboard.port, "pipelines__port": options.pipelines.port}
    )
    with until_stopped(options), Stack(options) as stack:
        for service in services:
            stack.start(service)
        announce(stack, services)
        stack.watch()
    return 0
