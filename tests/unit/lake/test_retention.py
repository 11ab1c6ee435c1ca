import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from lake.retention import Snapshot, expired

NOW = dt.datetime(2025, 6, 1, 12)
KEEP = {"keep_all": dt.timedelta(hours=48), "keep_hourly": dt.timedelta(days=90)}


def expired_of(times: list[dt.datetime], needed: tuple[int, ...] = ()) -> list[int]:
    snapshots = [Snapshot(number, time) for number, time in enumerate(sorted(times), start=1)]
    return expired(snapshots, now=NOW, needed=needed, **KEEP)


def test_every_snapshot_of_the_last_two_days_stays():
    assert expired_of([NOW - dt.timedelta(minutes=m) for m in range(48 * 60)]) == []


def test_after_that_the_last_of_each_hour_stays():
    old = NOW.replace(hour=8) - dt.timedelta(days=10)
    times = [old, old + dt.timedelta(minutes=59), old + dt.timedelta(minutes=60), NOW]

    assert expired_of(times) == [1]


def test_after_ninety_days_the_last_of_each_day_stays():
    old = NOW.replace(hour=8) - dt.timedelta(days=100)
    times = [old, old + dt.timedelta(hours=5), old + dt.timedelta(days=1), NOW]

    assert expired_of(times) == [1]


def test_what_is_needed_stays_whatever_its_age():
    old = NOW.replace(hour=8) - dt.timedelta(days=10)
    times = [old + dt.timedelta(minutes=m) for m in range(4)]

    assert expired_of(times, needed=(2,)) == [1, 3]


def test_the_newest_snapshot_stays_even_when_all_are_old():
    assert expired_of([NOW - dt.timedelta(days=400)]) == []


@given(st.lists(st.datetimes(dt.datetime(2024, 1, 1), NOW), unique=True), st.integers(0, 2000))
def test_expiring_often_or_once_keeps_the_same(times: list[dt.datetime], hours: int):
    snapshots = [Snapshot(number, time) for number, time in enumerate(sorted(times), start=1)]
    early = NOW - dt.timedelta(hours=hours)
    before = [snapshot for snapshot in snapshots if snapshot.taken_at <= early]

    gone = set(expired(before, now=early, needed=(), **KEEP))
    gone |= set(
        expired([s for s in snapshots if s.snapshot_id not in gone], now=NOW, needed=(), **KEEP)
    )

    newest_then = {before[-1].snapshot_id} if before else set()
    assert gone - newest_then == set(expired(snapshots, now=NOW, needed=(), **KEEP)) - newest_then
