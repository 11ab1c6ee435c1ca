"""Which shard a collector belongs to, and which topics the owner of shards listens to."""

from collections.abc import Iterable, Set
from functools import lru_cache
from hashlib import blake2b

from takt.topics import (
    BATCH_FILTER,
    HEALTH_FILTER,
    LOST_FILTER,
    Collector,
    batch_filter,
    lost_filter,
)

_REMEMBERED = 20_000


def shard_of(topic: str, shards: int) -> int:
    """The shard of whoever may speak on a topic below `takt/v1`, well-formed or not."""
    if shards == 1:
        return 0
    levels = topic.split("/", 4)
    return _shard("/".join(levels[2:4]), shards)


def shard_of_collector(source: Collector, shards: int) -> int:
    """The shard of a collector: the same in every process, for ever."""
    return _shard(f"{source.site}/{source.collector}", shards)


def filters(owned: Set[int], shards: int, known: Iterable[Collector]) -> frozenset[str]:
    """What the owner of some shards subscribes to.

    The owner of all hears everybody. Any other one hears only the collectors that are its own;
    it knows them by their health messages, which everybody hears.
    """
    if len(owned) == shards:
        return frozenset((HEALTH_FILTER, BATCH_FILTER, LOST_FILTER))
    ours = [each for each in known if shard_of_collector(each, shards) in owned]
    wanted = [*map(batch_filter, ours), *map(lost_filter, ours)]
    return frozenset((HEALTH_FILTER, *wanted))


@lru_cache(_REMEMBERED)
def _shard(name: str, shards: int) -> int:
    # Python's own hash differs from process to process.
    digest = blake2b(name.encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % shards
