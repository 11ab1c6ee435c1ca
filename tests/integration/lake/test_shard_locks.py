"""Advisory locks of real sessions: who tries to own which shard."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from lake.shard_locks import ShardLocks
from takt.settings import Settings
from tests.conftest import wait_until

_HOLD = """
import sys, time
from pathlib import Path
from lake.shard_locks import ShardLocks
from takt.settings import Settings
locks = ShardLocks(Settings(home=Path(sys.argv[1]), catalog=sys.argv[2]))
print(locks.open() or locks.try_lock(0), flush=True)
time.sleep(100)
"""


@pytest.fixture
def session(lake_settings: Settings) -> Iterator[Callable[[int], ShardLocks]]:
    opened: list[ShardLocks] = []

    def make(shards: int = 1) -> ShardLocks:
        ingestion = lake_settings.ingestion.model_copy(update={"shards": shards})
        opened.append(ShardLocks(lake_settings.model_copy(update={"ingestion": ingestion})))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def test_a_shard_is_locked_by_one_and_processes_are_counted(session) -> None:
    first, second = session(2), session(2)
    assert (first.open(), second.open()) == (frozenset(), frozenset())

    assert first.try_lock(0)
    assert not second.try_lock(0)
    assert second.try_lock(1)
    assert first.processes() == second.processes() == 2

    first.unlock(0)
    assert second.try_lock(0)
    assert second.held == {0, 1}


def test_a_session_that_ends_leaves_its_shards_at_once(session) -> None:
    first, second = session(), session()
    first.open()
    second.open()
    assert first.try_lock(0)

    first.close()

    assert second.try_lock(0)
    assert second.processes() == 1


def test_a_killed_process_leaves_its_shards(session, lake_settings: Settings) -> None:
    command = [sys.executable, "-c", _HOLD, str(lake_settings.home), lake_settings.catalog]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"True\n"
    ours = session()
    ours.open()
    assert not ours.try_lock(0)

    holder.kill()
    holder.wait()

    wait_until(lambda: ours.try_lock(0), "the lock of the dead", timeout_s=5)


def test_who_divides_collectors_otherwise_waits_until_the_others_have_ended(session) -> None:
    two, three = session(2), session(3)
    two.open()

    assert three.open() == {2}
    assert not three.is_open

    two.close()
    assert three.open() == frozenset()
