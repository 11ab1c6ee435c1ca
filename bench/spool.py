"""Bytes of disk per spooled sample, and how fast samples are accepted and forgotten.

A plant of 1,000 signals at 1,000 samples/s, told as fast as the spool takes it: counters,
measurements of three decimals and states, in batches of a quarter of a second as a collector
would write them. Seven days of it are the figure that a plant's disk must hold.
"""

import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edge.configuration import SpoolConfiguration
from edge.spool import Delivery, Spool
from takt.batch import MAX_AGE_S, Sample

DEFAULT_SECONDS = 20.0
_PER_SECOND = 1_000
_EQUIPMENT, _SIGNALS = 40, 25
_WEEK_S = 7 * 86_400
_START = 1_700_000_000_000_000
_CAPACITY = 20_000_000_000
_KEYS = SpoolConfiguration().recent_keys_rows


class _Run(NamedTuple):
    """What one spool said: samples, seconds of appending and settling, bytes."""

    samples: int
    batches: int
    append_s: float
    settle_s: float
    batch_bytes: int
    disk_bytes: int


def run(seconds: float) -> dict[str, float]:
    """Append for `seconds`, then let the lake acknowledge all of it.

    The keys by which repeats are recognised are bounded, whatever waits; a run with few of
    them tells what each sample takes, one with all of them what they take.
    """
    with_keys = _run(seconds / 2, keys=10**9, samples=10**9)
    bare = _run(seconds, keys=1, samples=with_keys.samples)
    per_sample = bare.disk_bytes / bare.samples
    keys = (with_keys.disk_bytes - bare.disk_bytes) / with_keys.samples * _KEYS
    return {
        "accepted_per_s": with_keys.samples / with_keys.append_s,
        "batch_bytes_per_sample": bare.batch_bytes / bare.samples,
        "disk_bytes_per_sample": per_sample,
        "recent_keys_mb": keys / 1e6,
        "week_gb": (per_sample * _PER_SECOND * _WEEK_S + keys) / 1e9,
        "settled_batches_per_s": with_keys.batches / with_keys.settle_s,
    }


def _run(seconds: float, *, keys: int, samples: int) -> _Run:
    with tempfile.TemporaryDirectory(prefix="takt-bench-") as folder:
        path, clock = Path(folder) / "spool.db", _Clock()
        spool = Spool(path, clock, capacity_bytes=_CAPACITY, recent_keys_rows=keys)
        appended = batches = 0
        spent, started = 0.0, time.monotonic()
        for delivery in _plant(clock):
            before = time.monotonic()
            appended += spool.append([delivery])
            batches += 1
            spent += time.monotonic() - before
            if appended >= samples or time.monotonic() - started >= seconds:
                break
        held = spool.status().bytes
        # The write-ahead log has a size of its own, whatever waits.
        spool.close()
        on_disk = _size(path)
        spool = Spool(path, clock, capacity_bytes=_CAPACITY, recent_keys_rows=keys)
        before = time.monotonic()
        for seq in range(100, batches + 1, 100):
            spool.settle(spool.epoch, seq)
        settled_s = time.monotonic() - before
        spool.close()
    return _Run(appended, batches, spent, settled_s, held, on_disk)


class _Clock:
    """The plant's time."""

    def __init__(self) -> None:
        self.now = _START

    def __call__(self) -> int:
        return self.now


def _plant(clock: _Clock) -> Iterator[Delivery]:
    """Quarters of a second of the plant."""
    chance = random.Random(1)
    names = [
        (f"assembly/line{unit % 4}/unit{unit:02d}", f"Measurement{signal:02d}", signal)
        for signal in range(_SIGNALS)
        for unit in range(_EQUIPMENT)
    ]
    levels = [chance.uniform(0, 100) for _ in names]
    share = int(_PER_SECOND * MAX_AGE_S)
    step = int(1_000_000 / _PER_SECOND)
    first = 0
    while True:
        samples = []
        for place in range(first, first + share):
            equipment, signal, kind = names[place % len(names)]
            clock.now += step
            value, text = _told(kind, place, levels, chance)
            source_at = clock.now - chance.randrange(50_000)
            samples.append(Sample(equipment, signal, source_at, value, text, 0, clock.now))
        first += share
        yield Delivery(samples, "plant")


def _told(
    kind: int, place: int, levels: list[float], chance: random.Random
) -> tuple[float | None, str | None]:
    if kind < 3:
        return float(place // len(levels)), None
    if kind == 3:
        return None, chance.choice(("EXECUTE", "HELD", "IDLE", "SUSPENDED"))
    number = place % len(levels)
    levels[number] += chance.gauss(0, 1)
    return round(levels[number], 3), None


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.parent.iterdir())
