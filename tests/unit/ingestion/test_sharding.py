"""Which shard a collector belongs to, and what its owner listens to."""

import hypothesis.strategies as st
from hypothesis import given

from ingestion.sharding import filters, shard_of, shard_of_collector
from takt import topics
from takt.topics import BATCH_FILTER, HEALTH_FILTER, LOST_FILTER, Collector

EPOCH = "0e2a5f4c-8f4e-4d1c-9a51-000000000001"
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True)
sources = st.builds(Collector, names, names)
KNOWN = [Collector("demo", f"line{number}") for number in range(50)]


@given(sources, st.integers(1, 64))
def test_every_topic_of_a_collector_belongs_to_its_shard(source: Collector, shards: int) -> None:
    shard = shard_of_collector(source, shards)

    assert 0 <= shard < shards
    for topic in (
        topics.batch_topic(source, EPOCH, 1),
        topics.lost_topic(source, EPOCH, 1, 2),
        topics.health_topic(source),
        f"takt/v1/{source.site}/{source.collector}/batch/nonsense/x",
    ):
        assert shard_of(topic, shards) == shard


@given(st.text(), st.integers(1, 64))
def test_any_topic_belongs_to_some_shard(topic: str, shards: int) -> None:
    assert 0 <= shard_of(topic, shards) < shards


def test_the_shard_of_a_collector_is_the_same_in_every_process_for_ever() -> None:
    assert [shard_of_collector(each, 4) for each in KNOWN[:8]] == [1, 2, 0, 3, 0, 0, 1, 3]


def test_collectors_are_divided_evenly_enough() -> None:
    counts = [0] * 4
    for number in range(4_000):
        counts[shard_of_collector(Collector("demo", f"collector{number}"), 4)] += 1

    assert min(counts) > 850


def test_the_owner_of_all_shards_hears_everybody() -> None:
    assert filters({0}, 1, []) == {HEALTH_FILTER, BATCH_FILTER, LOST_FILTER}
    assert filters({0, 1}, 2, KNOWN) == {HEALTH_FILTER, BATCH_FILTER, LOST_FILTER}


def test_owners_of_some_shards_together_hear_each_collector_once() -> None:
    heard = [filters({shard}, 3, KNOWN) - {HEALTH_FILTER} for shard in range(3)]

    assert sum(map(len, heard)) == len(frozenset().union(*heard)) == 2 * len(KNOWN)


def test_who_owns_nothing_hears_only_who_is_there() -> None:
    assert filters(set(), 2, KNOWN) == {HEALTH_FILTER}
