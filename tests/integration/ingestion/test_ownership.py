"""Processes that come and go divide the shards evenly, over real sessions of the catalog."""

import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest

from ingestion.ownership import Ownership
from lake import shard_locks
from takt.settings import IngestionSettings, Settings
from tests.conftest import wait_until

SHARDS = 5


class Process:
    """Owns what it is told to own, as the ingesting process does."""

    def __init__(self, settings: Settings) -> None:
        self.can_take_over = True
        self.owned: frozenset[int] = frozenset()
        self.changes = 0
        self._following = threading.Lock()
        self.ownership = Ownership(settings, self.follow)
        self.ownership.start()

    def follow(self) -> None:
        with self._following:
            self.changes += 1
            wanted = self.ownership.wanted if self.can_take_over else frozenset()
            given_back = self.owned - wanted | self.ownership.unwanted - self.owned
            self.owned = wanted
        for shard in given_back:
            self.ownership.left(shard)

    def end(self) -> None:
        self.ownership.stop(5)
        self.owned = frozenset()


@pytest.fixture
def start(lake_settings: Settings) -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def make(shards: int = SHARDS) -> Process:
        ingestion = IngestionSettings(shards=shards)
        started.append(Process(lake_settings.model_copy(update={"ingestion": ingestion})))
        return started[-1]

    yield make
    for each in started:
        each.end()


def wait_shares(processes: list[Process], shares: list[int]) -> None:
    """Wait until every shard is owned by one, in shares of these sizes."""

    def is_so() -> bool:
        owned = [shard for each in processes for shard in each.owned]
        sizes = sorted(len(each.owned) for each in processes)
        return sizes == shares and sorted(owned) == list(range(SHARDS))

    wait_until(is_so, f"shares of {shares}", 20)


def test_each_process_has_its_share_as_others_come_and_go(start: Callable[..., Process]) -> None:
    first = start()
    wait_shares([first], [5])
    others = [start(), start()]
    wait_shares([first, *others], [1, 2, 2])

    first.end()

    wait_shares(others, [2, 3])


def test_a_shard_that_could_not_be_taken_over_is_given_back_all_the_same(
    start: Callable[..., Process],
) -> None:
    first = start()
    wait_shares([first], [5])
    first.can_take_over = False
    first.follow()
    wait_until(lambda: not first.owned, "it to own nothing")

    second = start()

    wait_until(lambda: len(second.owned) == 2, "the other's share", 20)


def test_after_the_catalog_was_lost_everybody_has_what_it_had(
    start: Callable[..., Process], lake_settings: Settings
) -> None:
    processes = [start(), start()]
    wait_shares(processes, [2, 3])
    changes = [each.changes for each in processes]
    lost = sessions(lake_settings)

    with psycopg.connect(lake_settings.catalog, autocommit=True) as connection:
        connection.execute("select pg_terminate_backend(pid) from unnest(%s) as pid", [list(lost)])

    def is_back() -> bool:
        found = sessions(lake_settings)
        return len(found) == 2 and not found & lost

    wait_until(is_back, "sessions of their own again", 20)
    wait_shares(processes, [2, 3])
    assert [each.changes for each in processes] == changes


def sessions(settings: Settings) -> set[int]:
    """The backends that hold a lock of a shard."""
    with psycopg.connect(settings.catalog) as connection:
        rows = connection.execute(
            "select distinct pid from pg_locks where locktype = 'advisory' and objsubid = 2"
            " and classid = %s"
            " and database = (select oid from pg_database where datname = current_database())",
            [shard_locks._SHARD],
        ).fetchall()
    return {pid for (pid,) in rows}


def test_one_that_divides_otherwise_owns_nothing_until_the_others_have_ended(
    start: Callable[..., Process], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    five = start()
    wait_shares([five], [5])
    two = start(2)

    wait_until(lambda: "ingestion.shards = 5" in caplog.text, "the other one to say so")
    assert two.owned == frozenset()

    five.end()
    wait_until(lambda: two.owned == {0, 1}, "its turn")
