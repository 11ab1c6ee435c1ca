"""Fixtures that every test may use: real servers on loopback, a lake, a home."""

import contextlib
import http.client
import itertools
import os
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis
import pytest

from tests.lake_fixtures import (  # noqa: F401
    built_lake,
    built_settings,
    catalog_server,
    embedded_settings,
    lake_settings,
)

# Machines are noisy: how long an example takes says nothing about whether it is right.
hypothesis.settings.register_profile("takt", deadline=None)
hypothesis.settings.load_profile("takt")

ROOT = Path(__file__).parent.parent
TOOLS_PATH = os.pathsep.join(
    [os.environ.get("PATH", ""), "/usr/sbin", str(ROOT / ".takt/tools/bin")]
)

PORTS_PER_PROCESS = 2_000
_FIRST_PORT = 10_000 + PORTS_PER_PROCESS * int(
    os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
)
_PORTS = itertools.cycle(range(_FIRST_PORT, _FIRST_PORT + PORTS_PER_PROCESS))
LONGEST_PAUSE_S = 0.5
LONGEST_FOLDERS = ("e2e", "chain", "dbt", "pipelines")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that no worker still has much to do when the others are done.

    They come from each folder in turn: some mostly compute and others mostly wait.
    """
    place: dict[Path, int] = {}
    met: Counter[Path] = Counter()
    for item in items:
        if item.path not in place:
            place[item.path] = met[item.path.parent]
            met[item.path.parent] += 1
    items.sort(
        key=lambda item: (
            (False, place[item.path], item.path.parent)
            if item.path.parent.name in LONGEST_FOLDERS
            else (True, 0, Path())
        )
    )


def find_program(name: str) -> str:
    """Path of a server or browser; what `make tools` installs."""
    path = os.environ.get(name.upper()) or shutil.which(name, path=TOOLS_PATH)
    assert path, f"{name} is not on this machine; `make tools` installs it"
    return path


def find_faketime() -> Path:
    """The library that shows a process another time; what `make tools` installs."""
    places = (Path("/usr/lib"), ROOT / ".takt/tools/usr/lib")
    found = [file for place in places for file in place.glob("*/faketime/libfaketime.so.1")]
    assert found, "libfaketime is not on this machine; `make tools` installs it"
    return found[0]


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on now.

    Each process of one run of the tests has ports of its own, of ten processes below those that
    Linux hands out to connections: none is taken between this answer and a server's listening.
    """
    for port in itertools.islice(_PORTS, PORTS_PER_PROCESS):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def wait_until(
    condition: Callable[[], object], what: str, timeout_s: float = 30, interval_s: float = 0.02
) -> None:
    """Return once `condition()` is true; fail naming `what` when it is not in time.

    What takes long to find out is asked less often: who waits does not slow down what works.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        asked_at = time.monotonic()
        if condition():
            return
        now = time.monotonic()
        assert now < deadline, f"waited {timeout_s} s for {what}"
        time.sleep(max(interval_s, min(4 * (now - asked_at), LONGEST_PAUSE_S)))


def asked(port: int, path: str) -> tuple[int, str]:
    """Status and text of a process's answer on its metrics port."""
    with contextlib.closing(
        http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    ) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()


def accepts_connections(port: int) -> bool:
    """Whether something listens on a loopback port."""
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Mosquitto:
    """A real Mosquitto on loopback with the settings that `deploy/` ships for one host."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        configuration = self.folder / "mosquitto.conf"
        configuration.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {self.folder}/\nmax_queued_messages 1000000\n"
            + self.settings()
            + ("user root\n" if os.geteuid() == 0 else "")
        )
        self.process = subprocess.Popen(
            [find_program("mosquitto"), "-c", configuration],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        wait_until(lambda: accepts_connections(self.port), "Mosquitto to listen")

    def settings(self) -> str:
        """Further lines of its configuration."""
        return ""

    def kill(self) -> None:
        """SIGKILL: nothing is written, nobody is told."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def publish(self, topic: str, payload: str | bytes, *options: str) -> None:
        """Publish one message with `mosquitto_pub`, QoS 1; `-r` lets the broker retain it."""
        where = ["-p", str(self.port), "-q", "1", "-t", topic, "-s", *options]
        subprocess.run(
            [find_program("mosquitto_pub"), *where],
            input=payload if isinstance(payload, bytes) else payload.encode(),
            check=True,
        )


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Mosquitto(folder)
    broker.start()
    yield broker
    broker.kill()
