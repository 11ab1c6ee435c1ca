"""Faults that a chain is put through, each for a given time; what the user sees is asserted.

Belongs here: what happens to whom, and what must be seen while it lasts. For how long, and
whether all arrived in the end, is the tests' business.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import paho.mqtt.client as mqtt

from tests.conftest import wait_until
from tests.e2e.chain import Chain
from tests.e2e.lines import Lines

Progress = Callable[[float], object]
_HELD = "$SYS/broker/store/messages/count"
_NOTICED_WITHIN_S = 60
_OTHERS_HELD = 50
"""Health, acknowledgements and probes that a broker may hold beside batches."""


def silent(_done: float) -> None:
    """For those who wait for seconds only."""


def last(seconds: float, progress: Progress = silent) -> None:
    """Let a fault last: its length is the fault, not a wait for something to have happened."""
    began_at = time.monotonic()
    while (left_s := began_at + seconds - time.monotonic()) > 0:
        time.sleep(min(1.0, left_s))
        progress(time.monotonic() - began_at)


def broker_away(chain: Chain, seconds: float, progress: Progress = silent) -> datetime:
    """Takt's broker is down; when it came back."""
    held = spooled(chain)
    began_at = time.monotonic()
    chain.kill("broker")
    for name in ("edge", "ingest"):
        wait_until(
            lambda name=name: chain.health(name) == "no connection to the broker",
            f"{name} to miss the broker",
            _NOTICED_WITHIN_S,
        )
    assert chain.says("samples wait in the spool")
    last(seconds - (time.monotonic() - began_at), progress)
    wait_until(lambda: spooled(chain) > held, "the spool to fill")
    back = datetime.now(UTC)
    chain.start("broker")
    for name in ("edge", "ingest"):
        wait_until(lambda name=name: chain.health(name) == "ok", f"{name} to be well", 60)
    return back


def lines_cut(chain: Chain, lines: Lines) -> list[datetime]:
    """Each line is cut until that is seen; when they were."""
    moments = []
    for name, is_seen in (
        ("machines", lambda: links(chain, 0, "is gone")),
        ("edge", lambda: chain.health("edge") == "no connection to the broker"),
        ("ingest", lambda: chain.health("ingest") == "no connection to the broker"),
    ):
        moments.append(datetime.now(UTC))
        lines[name].cut()
        wait_until(is_seen, f"the line {name} to be missed", _NOTICED_WITHIN_S)
        lines[name].heal()
    return moments


def lines_stalled(lines: Lines, seconds: float) -> datetime:
    """Nothing arrives any more, anywhere, and nobody is told; then all is slow for as long."""
    moment = datetime.now(UTC)
    for name in ("machines", "edge", "ingest"):
        lines[name].stall()
    last(seconds)
    lines.heal()
    lines["edge"].slow(0.1)
    last(seconds)
    lines.heal()
    return moment


def consumer_paused(chain: Chain, seconds: float, credit: int, *, is_seen: bool) -> int:
    """Ingestion stands still; the spool fills, the broker holds no more than the credit."""
    rows = spooled(chain)
    with held_by_broker(chain) as held:
        chain.pause("ingest")
        last(seconds)
        if is_seen:
            wait_until(lambda: spooled(chain) > rows, "the spool to fill")
        chain.wake("ingest")
    assert held.most - held.first <= credit + _OTHERS_HELD, held
    return held.most - held.first


def catalog_paused(chain: Chain, seconds: float, *, is_seen: bool) -> None:
    """PostgreSQL stands still without a word; after some seconds ingestion says so."""
    chain.pause("catalog")
    try:
        last(seconds)
        if is_seen:
            wait_until(
                lambda: chain.health("ingest") == "the lake does not answer",
                "ingestion to miss the lake",
                _NOTICED_WITHIN_S,
            )
    finally:
        chain.wake("catalog")


def paused_at_random(
    chain: Chain, chance: random.Random, longest_s: float, credit: int
) -> tuple[datetime, int]:
    """Ingestion or its catalog stands still for a moment; when, and what the broker held."""
    moment = datetime.now(UTC)
    seconds = chance.uniform(0.5, longest_s)
    if chance.random() < 0.5:
        held = consumer_paused(chain, seconds, credit, is_seen=False)
    else:
        held = 0
        catalog_paused(chain, seconds, is_seen=False)
    last(chance.uniform(0.5, 3.0))
    return moment, held


def spooled(chain: Chain) -> float:
    """How many rows wait in the collector, as it says to Prometheus every five seconds."""
    return chain.figure("edge", "takt_edge_spool_rows")


def links(chain: Chain, value: int, words: str) -> bool:
    """Whether a `$link` of that value and with these words is in the lake."""
    return bool(
        chain.query(
            "select 1 from raw.telemetry where signal = '$link'"
            f" and value = {value} and contains(text, '{words}') limit 1"
        )
    )


@dataclass
class Held:
    """How many messages a broker says that it holds."""

    first: int = 0
    most: int = 0
    heard: threading.Event = field(default_factory=threading.Event)

    def hear(self, count: int) -> None:
        """It has said so."""
        if not self.heard.is_set():
            self.first = self.most = count
            self.heard.set()
        self.most = max(self.most, count)


@contextmanager
def held_by_broker(chain: Chain) -> Iterator[Held]:
    """Listen to what Takt's broker says of itself every second."""
    held = Held()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_connect = lambda *_: client.subscribe(_HELD)
    client.on_message = lambda _c, _u, message: held.hear(int(message.payload))
    client.connect("127.0.0.1", chain.settings.broker.port)
    client.loop_start()
    try:
        assert held.heard.wait(10)
        yield held
    finally:
        client.disconnect()
        client.loop_stop()
