"""Power cuts: the system calls of a real process are recorded, and the disk that each moment
would have left is put before the program again. What was promised must be on it.
"""

import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import lake
from edge import spool_file
from edge.spool import Spool
from takt import batch
from tests.conftest import Mosquitto, wait_until
from tests.e2e import system_calls
from tests.e2e.chain import Chain, CountedSource, counted, running_chain
from tests.e2e.disk import Disk
from tests.e2e.promises import NamedFiles, Promises
from tests.e2e.verdict import assert_everything_arrived_once
from tests.failure_report import FailureReport, Kind, Result, scaled

SEED = 23
_EVERYTHING = 2**62


@pytest.fixture(autouse=True)
def _may_trace() -> None:
    if why := system_calls.why_not():
        pytest.skip(why)


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
    trace: Path, disk: Disk, port: int, folder: Path, *, seed: int, most: int
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


def ingest_under_strace(mosquitto: Mosquitto, home: Path, values: int) -> NamedFiles:
    """Ingestion of a busy chain, which all arrived through; what it named and told."""
    trace = home.parent / "ingest.strace"
    disks: list[Disk] = []

    def prepare(chain: Chain) -> None:
        chain.wrapped["ingest"] = system_calls.traced(trace)
        lake.schema.create(chain.settings)
        disks.append(Disk(Path(chain.settings.data_path)))

    with (
        running_chain(home, mosquitto, prepare=prepare) as chain,
        counted(chain, per_second=400) as source,
    ):
        wait_until(lambda: source.count >= values, "values", 600)
        assert_everything_arrived_once(chain, source.stop())
    [disk] = disks
    found = NamedFiles(disk, chain.settings.broker.port)
    for event in system_calls.events(trace):
        disk.see(event)
        found.see(event)
    return found


WRITER = """
import os, sys
for name in ("synced/safe", "synced/late", "unsynced/lost"):
    path = os.path.join(sys.argv[1], name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(file, b"first")
    os.fsync(file)
    if name == "synced/safe":
        os.write(file, b"second")
    if name != "unsynced/lost":
        for folder in (os.path.dirname(path), sys.argv[1]):
            os.fsync(os.open(folder, os.O_RDONLY))
"""


def test_a_recorded_disk_keeps_what_was_synced_with_its_name_and_nothing_else(
    tmp_path: Path,
) -> None:
    root, trace = tmp_path / "root", tmp_path / "trace"
    root.mkdir()
    disk = Disk(root)
    command = [*system_calls.traced(trace), sys.executable, "-c", WRITER, root]
    subprocess.run(command, check=True)

    for event in system_calls.events(trace):
        disk.see(event)
    disk.write_image(tmp_path / "image", None)

    kept = {path.name: path.read_bytes() for path in (tmp_path / "image").rglob("*/*")}
    assert kept == {"safe": b"first", "late": b"first"}
    assert (root / "synced/safe").read_bytes() == b"firstsecond"
    assert disk.is_safe(root / "synced/late")
    assert not disk.is_safe(root / "synced/safe")
    assert not disk.is_safe(root / "unsynced/lost")


def test_what_a_collector_has_acknowledged_outlives_a_power_cut_at_any_of_its_syncs(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    trace, disk, count = collect_under_strace(mosquitto, tmp_path / "home", values=200)

    cuts, promises = cut_at_every_sync(
        trace, disk, mosquitto.port, tmp_path / "cuts", seed=1, most=40
    )

    assert promises.made == set(map(float, range(1, count + 1)))
    assert cuts.cuts > 20
    assert (cuts.lost, cuts.doubled) == (set(), 0)


def test_every_file_is_safe_before_the_commit_that_names_it_and_nothing_is_settled_before(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    found = ingest_under_strace(mosquitto, tmp_path / "home", values=200)

    assert found.commits > 3
    assert found.safe > 9
    assert (found.unsafe, found.told_early) == ([], [])
    assert found.settled > 0


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_thousands_of_values_outlive_a_power_cut_at_any_moment(
    mosquitto: Mosquitto, tmp_path: Path, failure_report: FailureReport
) -> None:
    trace, disk, count = collect_under_strace(mosquitto, tmp_path / "edge", scaled(10_000))
    cuts, promises = cut_at_every_sync(
        trace, disk, mosquitto.port, tmp_path / "cuts", seed=SEED, most=scaled(1_000)
    )
    failure_report.progress("power cuts of the collector", cuts.cuts, cuts.cuts)
    named = ingest_under_strace(mosquitto, tmp_path / "home", scaled(10_000))
    failure_report.add(
        Result(
            fault="power cut of the collector, at its syncs: the disk of each moment, rebuilt from"
            " traced system calls with nothing and with a random part of what was not synced",
            kind=Kind.POWER,
            faults=cuts.cuts,
            seed=SEED,
            values=count,
            lost=len(cuts.lost),
            doubled=cuts.doubled,
            seen="the collector goes on from its spool; every value acknowledged to the machines'"
            " broker is in it",
            measured=f"{named.safe:,} Parquet files and their folders were synced before the"
            f" {named.commits:,} COMMITs that named them, {len(named.unsafe)} were not;"
            f" {len(named.told_early)} of all acknowledgements came before the catalog's answer",
        )
    )
    assert len(promises.made) == count
    assert (cuts.lost, cuts.doubled) == (set(), 0)
    assert (named.unsafe, named.told_early) == ([], [])
    assert named.commits > 3
