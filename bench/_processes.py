"""Servers and collectors that a benchmark starts, and how much memory they take."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import psutil
from paho.mqtt.enums import CallbackAPIVersion

from takt import children
from takt.settings import Settings

_ROOT = Path(__file__).parent.parent
_SYS_INTERVAL_S = 1


class PeakMemory:
    """The largest resident memory of a process, looked at ten times a second.

    Args:
        pid: Of the process.
        with_children: Count those that it has started as well.
    """

    def __init__(self, pid: int, *, with_children: bool = False) -> None:
        self._process = psutil.Process(pid)
        self._with_children = with_children
        self._peak = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """The peak so far, in bytes."""
        self._stopping.set()
        self._thread.join()
        return self._peak

    def _watch(self) -> None:
        while not self._stopping.wait(0.1):
            with contextlib.suppress(psutil.NoSuchProcess):
                self._peak = max(self._peak, sum(self._memory()))

    def _memory(self) -> Iterator[int]:
        yield self._process.memory_info().rss
        if self._with_children:
            for child in self._process.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    yield child.memory_info().rss


@contextmanager
def mosquitto(folder: Path, port: int) -> Iterator[None]:
    """Mosquitto with the limits of `deploy/`, on a port and in a folder of its own."""
    text = (_ROOT / "deploy/mosquitto.conf").read_text()
    text = re.sub(r"^listener .*$", f"listener {port} 127.0.0.1", text, flags=re.MULTILINE)
    text = re.sub(
        r"^persistence_location .*$", f"persistence_location {folder}/", text, flags=re.MULTILINE
    )
    text += f"\nsys_interval {_SYS_INTERVAL_S}\n"
    if os.geteuid() == 0:
        text += "user root\n"
    configuration = folder / "mosquitto.conf"
    configuration.write_text(text)
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", str(_ROOT / ".takt/tools/bin")])
    program = shutil.which("mosquitto", path=path)
    if program is None:
        raise FileNotFoundError("mosquitto is not on this machine; `make tools` installs it")
    broker = children.start("broker", [program, "-c", configuration], output=subprocess.DEVNULL)
    try:
        wait_for("Mosquitto", lambda: accepts_connections(port), 30)
        yield
    finally:
        broker.end(5)


def dropped(port: int) -> float:
    """How many messages the broker at `port` says that it has dropped, as of a second ago.

    Mosquitto says so once it has dropped the first.
    """
    time.sleep(_SYS_INTERVAL_S + 1)
    said: list[float] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "bench-dropped")
    client.on_message = lambda _client, _data, message: said.append(float(message.payload))
    client.connect("127.0.0.1", port)
    client.subscribe("$SYS/broker/publish/messages/dropped")
    client.loop_start()
    time.sleep(1)
    client.disconnect()
    client.loop_stop()
    return max(said, default=0.0)


@contextmanager
def collector(home: Path, edge_toml: str, broker_port: int) -> Iterator[children.Child]:
    """`takt edge` in a process of its own, ready when this begins."""
    home.mkdir(exist_ok=True)
    (home / "edge.toml").write_text(edge_toml)
    with _takt("edge", home, broker_port, home / "edge.log", " ready: ") as process:
        yield process


@contextmanager
def ingestion(settings: Settings, folder: Path) -> Iterator[children.Child]:
    """`takt ingest` in a process of its own, ready when this begins."""
    log_file = folder / "ingest.log"
    with _takt("ingest", settings.home, settings.broker.port, log_file, " ready as ") as process:
        yield process


@contextmanager
def _takt(
    verb: str, home: Path, broker_port: int, log_file: Path, ready: str
) -> Iterator[children.Child]:
    environment = {
        **os.environ,
        "TAKT_HOME": str(home),
        "TAKT_BROKER__PORT": str(broker_port),
        "PYTHONPATH": str(_ROOT),
    }
    with log_file.open("wb") as output:
        command = [sys.executable, "-m", "takt", verb]
        process = children.start(verb, command, env=environment, output=output)
    try:
        wait_for(f"takt {verb}", lambda: ready in log_file.read_text(), 60)
        yield process
    finally:
        process.end(10)


def accepts_connections(port: int) -> bool:
    """Whether something listens on a loopback port."""
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


def wait_for(what: str, condition: Callable[[], object], timeout_s: float) -> None:
    """Return once `condition()` holds.

    Raises:
        TimeoutError: It did not hold in time.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s} s for {what}")
        time.sleep(0.02)
