"""Power cuts: the system calls of a real process are recorded, and the disk that each moment
would have left is put before the program again. What was promised must be on it.
"""

import json
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from edge import spool_file
from edge.spool import Spool
from takt import batch
from tests.conftest import Mosquitto, wait_until
from tests.e2e import system_calls
from tests.e2e.chain import Chain, CountedSource, counted, running_chain
from tests.e2e.disk import Disk
from tests.e2e.system_calls import Event
from tests.e2e.verdict import assert_everything_arrived_once
from tests.failure_report import FailureReport, Kind, Result, scaled

SEED = 23
PUBLISH, PUBACK = 0x30, 0x40
_EVERYTHING = 2**62


@pytest.fixture(autouse=True)
def _may_trace() -> None:
    if why := system_calls.why_not():
        pytest.skip(why)


@dataclass
class Packets:
    """One direction of an MQTT connection, cut into packets."""

    _rest: bytes = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The kind and the body of each packet that is whole now."""
        self._rest += data
        while (end := self._end()) is not None:
            head, start, stop = end
            body, self._rest = self._rest[start:stop], self._rest[stop:]
            yield head, body

    def _end(self) -> tuple[int, int, int] | None:
        length = 0
        for place, byte in enumerate(self._rest[1:5]):
            length |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                start = place + 2
                is_whole = len(self._rest) >= start + length
                return (self._rest[0], start, start + length) if is_whole else None
        return None


@dataclass
class Promises:
    """Which values a collector has acknowledged to the machines' broker."""

    port: int
    made: set[float] = field(default_factory=set)
    _open: dict[bytes, float] = field(default_factory=dict)
    _received: Packets = field(default_factory=Packets)
    _sent: Packets = field(default_factory=Packets)

    def see(self, event: Event) -> None:
        """A call that may have received a value, or acknowledged one."""
        call = event.call
        if not call.on.endswith(f":{self.port}]") or call.result <= 0:
            return
        data = call.strings[0][: call.result]
        if event.is_end and call.name == "recvfrom":
            for kind, body in self._received.feed(data):
                if kind & 0xF6 == PUBLISH | 2:
                    name_ends = 2 + int.from_bytes(body[:2])
                    value = json.loads(body[name_ends + 2 :])["value"]
                    self._open[body[name_ends : name_ends + 2]] = value
        if not event.is_end and call.name == "sendto":
            for kind, body in self._sent.feed(data):
                if kind == PUBACK:
                    self.made.add(self._open.pop(body))


def recovered(image: Path) -> list[float]:
    """The counted values that a collector finds in its spool after the power is back."""
    spool = Spool(image / "edge/collector1/spool.db", lambda: time.time_ns() // 1_000)
    try:
        stored = spool_file.read_batches(spool._db, 0, _EVERYTHING, limit=1_000_000)
        tables = [batch.decode(each.payload).table for each in stored]
        rows = [row for table in tables for row in table.to_pylist()]
    finally:
        spool.close()
    return [row["value"] for row in rows if row["signal"] == "counter"]


@dataclass
class Cuts:
    """Power cuts of a collector at each of its syncs, and what they cost."""

    cuts: int = 0
    promised: int = 0
    lost: set[float] = field(default_factory=set)
    doubled: int = 0

    def cut(self, disk: Disk, folder: Path, promised: set[float], chance: random.Random) -> None:
        """Twice: nothing that was not synced is kept, and by chance some of it."""
        for image, luck in ((folder / f"{self.cuts}", None), (folder / f"{self.cuts}b", chance)):
            disk.write_image(image, luck)
            found = recovered(image)
            self.lost |= promised - set(found)
            self.doubled += len(found) - len(set(found))
            self.cuts += 1


def collect_under_strace(mosquitto: Mosquitto, home: Path, values: int) -> tuple[Path, Disk, int]:
    """A collector that nobody takes samples from: its trace, its disk before, and the count."""
    chain = Chain(home, mosquitto, "mosquitto")
    trace = home.parent / "edge.strace"
    chain.wrapped["edge"] = system_calls.traced(trace)
    disk = Disk(home)
    chain.start("edge")
    try:
        wait_until(lambda: chain.says("counted: up"), "the edge to subscribe", 60)
        source = CountedSource(mosquitto.port, per_second=400)
        wait_until(lambda: source.count >= values, "values", 600)
        count = source.stop()
        with_own = "takt_edge_rows_accepted"
        wait_until(lambda: chain.figure("edge", with_own) > count, "all to be accepted", 60)
        chain.end("edge")
    finally:
        chain.stop()
    return trace, disk, count


def cut_at_every_sync(
    trace: Path, disk: Disk, port: int, folder: Path, seed: int, most: int
) -> tuple[Cuts, Promises]:
    """Cut the power at every sync, or at so many of them, and in the end."""
    folder.mkdir()
    promises, cuts, chance = Promises(port), Cuts(), random.Random(seed)
    happened = list(system_calls.events(trace))
    syncs = [at for at, each in enumerate(happened) if each.is_end and "sync" in each.call.name]
    chosen = set(chance.sample(syncs, min(most, len(syncs))))
    for number, event in enumerate(happened):
        if number in chosen:
            cuts.cut(disk, folder, promises.made, chance)
        disk.see(event)
        promises.see(event)
    cuts.cut(disk, folder, promises.made, chance)
    cuts.promised = len(promises.made)
    return cuts, promises


def test_what_a_collector_has_acknowledged_outlives_a_power_cut_at_any_of_its_syncs(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    trace, disk, count = collect_under_strace(mosquitto, tmp_path / "home", values=200)

    cuts, promises = cut_at_every_sync(trace, disk, mosquitto.port, tmp_path / "cuts", 1, most=60)

    assert promises.made == set(map(float, range(1, count + 1)))
    assert cuts.cuts > 20
    assert (cuts.lost, cuts.doubled) == (set(), 0)
