from datetime import UTC, datetime, timedelta

from ingestion.health_log import HealthLog, Overheard, Uncommitted, rows_of
from takt.messages import Health
from takt.topics import Collector

SOURCE = Collector("demo", "collector1")
START = datetime(2026, 1, 1, tzinfo=UTC)


def health(after_s: float, *, online: bool = True, accepted: int = 0) -> Health:
    return Health(
        online=online, epoch="e", accepted_rows=accepted, spool_first_row=1, spool_rows=0,
        spool_bytes=0, reported_at=START + timedelta(seconds=after_s),
    )  # fmt: skip


def test_one_health_is_kept_per_half_minute() -> None:
    log = HealthLog()
    kept = [log.hear(SOURCE, health(after_s), START) for after_s in range(0, 91, 5)]

    assert [each is not None for each in kept].count(True) == 4


def test_every_change_of_online_is_kept() -> None:
    log = HealthLog()
    kept = [log.hear(SOURCE, health(n, online=n % 2 == 0), START) for n in range(6)]

    assert None not in kept


def test_the_same_message_again_is_not_kept() -> None:
    log = HealthLog()
    log.hear(SOURCE, health(0), START)

    assert log.hear(SOURCE, health(0), START) is None


def test_a_last_will_keeps_the_last_numbers_and_is_of_now() -> None:
    log = HealthLog()
    log.hear(SOURCE, health(0, accepted=10), START)
    log.hear(SOURCE, health(5, accepted=20), START)
    now = START + timedelta(seconds=60)

    will = log.hear(SOURCE, health(0, online=False), now)

    assert will is not None
    assert (will.online, will.accepted_rows, will.reported_at) == (False, 20, now)


def test_a_clock_set_back_stops_nothing() -> None:
    log = HealthLog()
    log.hear(SOURCE, health(7_200), START)

    assert log.hear(SOURCE, health(0), START) is not None


def test_the_end_of_an_epoch_is_kept_however_long_the_lake_is_away() -> None:
    uncommitted = Uncommitted()
    uncommitted.add(SOURCE, health(0).model_copy(update={"epoch": "ended"}))
    for second in range(1, 3_000):
        uncommitted.add(SOURCE, health(second))

    rows = uncommitted.rows().to_pylist()

    assert len(rows) == 1_002
    assert {row["epoch"] for row in rows} == {"ended", "e"}
    assert max(row["reported_at"] for row in rows) == health(2_999).reported_at.replace(tzinfo=None)


def test_rows_have_the_columns_of_the_lake() -> None:
    assert rows_of([(SOURCE, health(0))]).to_pylist()[0]["reported_at"] == START.replace(
        tzinfo=None
    )
    assert rows_of([]).num_rows == 0


def test_what_is_overheard_is_kept_for_a_minute_in_its_order() -> None:
    overheard = Overheard()
    for second in range(0, 100, 10):
        now = START + timedelta(seconds=second)
        overheard.hear(SOURCE, health(second, online=second % 20 == 0, accepted=second), now)

    lately = overheard.since_lately(START + timedelta(seconds=100))

    assert [each.accepted_rows for _, each in lately] == [40, 50, 60, 70, 80, 90]
