"""Which snapshots of the lake may go: a list of versions, never a mere age."""

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple


class Snapshot(NamedTuple):
    """A state of the lake that can be read; `taken_at` is naive UTC."""

    snapshot_id: int
    taken_at: dt.datetime


def expired(
    snapshots: Iterable[Snapshot],
    *,
    now: dt.datetime,
    keep_all: dt.timedelta,
    keep_hourly: dt.timedelta,
    needed: Iterable[int],
) -> list[int]:
    """Versions that nobody needs; the last of a span is the one that stays.

    Args:
        snapshots: All that exist.
        now: Naive UTC.
        keep_all: Younger snapshots all stay.
        keep_hourly: Younger ones stay one an hour, older ones one a day.
        needed: Stay whatever their age; so does the newest of all.
    """
    ordered = sorted(snapshots)
    kept = {snapshot.snapshot_id for snapshot in ordered[-1:]} | set(needed)
    last_of_span: dict[tuple[object, ...], int] = {}
    for snapshot_id, taken_at in ordered:
        if now - taken_at <= keep_all:
            kept.add(snapshot_id)
        elif now - taken_at <= keep_hourly:
            last_of_span[taken_at.date(), taken_at.hour] = snapshot_id
        else:
            last_of_span[taken_at.date(),] = snapshot_id
    kept.update(last_of_span.values())
    return [snapshot.snapshot_id for snapshot in ordered if snapshot.snapshot_id not in kept]
