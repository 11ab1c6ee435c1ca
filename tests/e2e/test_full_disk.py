"""A disk that something else has filled: under the collector's spool, and under the lake.

The disk is a real file system of some megabytes, which only root may mount.
"""

import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.conftest import Mosquitto, wait_until
from tests.e2e import hardships
from tests.e2e.chain import Chain, counted, running_chain
from tests.e2e.verdict import Case, assert_everything_arrived_once, reported
from tests.failure_report import FailureReport, Kind, scaled

SEED = 31
SIZE_MB = 48
_EDGE = """
site = "demo"
collector = "collector1"
[spool]
path = "{spool}"
[sources.counted]
kind = "mqtt"
host = "127.0.0.1"
port = {port}
topic = "plant/{{equipment:3}}/{{signal}}"
timestamp = "timestamp_us"
timestamp_unit = "us"
"""
_SEEN = {
    "the collector's spool": '`/health` of the collector 503 "the spool accepts nothing: the'
    ' spool\'s disk says …"; log "accepts samples again"',
    "the lake's files": '`/health` of ingestion 503 "the lake does not answer"; log "No space left'
    ' on device … messages are held, trying again"',
}


class SmallDisk:
    """A file system of its own, and what others put on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "what others wrote"

    def fill(self) -> None:
        """Others take all that is left."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (1_000_000, 4_096):
                try:
                    while file.write(bytes(size)) == size:
                        continue
                except OSError:
                    continue

    def free(self) -> None:
        """Others give it back."""
        self._ballast.unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """A disk of some megabytes; skips the test where nobody may mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", folder]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@dataclass(frozen=True)
class Disks:
    """One for the collector's spool, one for the lake's files."""

    spool: SmallDisk
    lake: SmallDisk


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[Disks]:
    with small_disk(tmp_path / "spool") as spool, small_disk(tmp_path / "lake") as lake:
        yield Disks(spool, lake)


@contextmanager
def chain_on(disks: Disks, mosquitto: Mosquitto, home: Path) -> Iterator[Chain]:
    """A chain with its spool on one small disk and the lake's files on the other."""

    def prepare(chain: Chain) -> None:
        spool = disks.spool.folder / "collector1" / "spool.db"
        text = _EDGE.format(port=mosquitto.port, spool=spool)
        (chain.settings.home / "edge.toml").write_text(text)
        chain.settings = chain.settings.model_copy(update={"data": str(disks.lake.folder / "data")})

    with running_chain(home, mosquitto, prepare=prepare) as chain:
        yield chain


def spool_fills(chain: Chain, disk: SmallDisk, seconds: float = 0) -> datetime:
    """The collector stops reading, says so, and goes on when there is room; since when."""
    again = chain.told("accepts samples again")
    disk.fill()
    refuses = "the spool accepts nothing: the spool's disk says"
    wait_until(lambda: chain.health("edge").startswith(refuses), "the refusal", 60)
    hardships.last(seconds)
    disk.free()
    moment = datetime.now(UTC)
    wait_until(lambda: chain.told("accepts samples again") > again, "samples to be accepted")
    return moment


def lake_fills(chain: Chain, disk: SmallDisk, seconds: float = 0) -> datetime:
    """Ingestion commits nothing, says so, and goes on when there is room; since when."""
    disk.fill()
    wait_until(lambda: chain.health("ingest") == "the lake does not answer", "the refusal", 60)
    assert chain.says("No space left on device")
    hardships.last(seconds)
    disk.free()
    moment = datetime.now(UTC)
    wait_until(lambda: chain.health("ingest") == "ok", "commits again", 60)
    return moment


def test_full_disks_stop_reading_or_committing_and_cost_nothing(
    disks: Disks, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    with (
        chain_on(disks, mosquitto, tmp_path / "home") as chain,
        counted(chain, per_second=200) as source,
    ):
        spool_fills(chain, disks.spool)
        lake_fills(chain, disks.lake)

        assert_everything_arrived_once(chain, source.stop())


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("whose", ["the collector's spool", "the lake's files"])
def test_disks_that_fill_again_and_again_cost_nothing(
    whose: str,
    disks: Disks,
    mosquitto: Mosquitto,
    tmp_path: Path,
    failure_report: FailureReport,
) -> None:
    times, chance = scaled(8), random.Random(SEED)
    case = Case(f"something else fills the disk of {whose}, for 0 to 6 s", Kind.DISK, SEED)
    with (
        chain_on(disks, mosquitto, tmp_path / "home") as chain,
        counted(chain, per_second=200) as source,
        reported(failure_report, chain, source, case),
    ):
        for number in range(times):
            if whose == "the lake's files":
                case.moments.append(lake_fills(chain, disks.lake, chance.uniform(0.0, 6.0)))
            else:
                case.moments.append(spool_fills(chain, disks.spool, chance.uniform(0.0, 6.0)))
            hardships.last(chance.uniform(0.5, 3.0))
            failure_report.progress(case.fault, number + 1, times)
        case.seen = _SEEN[whose]
