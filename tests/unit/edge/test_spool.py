import pytest

from edge.spool import Delivery, Settlement, Spool, SpoolFullError
from edge.spool_file import read_batches
from takt import batch
from takt.batch import Sample
from tests.unit.edge.spools import NOW, delivery, entries, held, open_spool, sample


def test_a_batch_closes_at_a_thousand_rows(path):
    spool = open_spool(path)

    spool.append([delivery(*range(2_500))])

    assert [len(entry.values) for entry in entries(spool)] == [1_000, 1_000, 500]
    spool.close()


def test_a_batch_closes_at_256_kib(path):
    spool = open_spool(path)

    spool.append([Delivery([sample(None, text="x" * 60_000, observed_at=n) for n in range(4)])])

    assert [len(entry.values) for entry in entries(spool)] == [1, 1, 1, 1]
    spool.close()


def test_a_value_over_64_kib_is_refused_and_counted(path):
    spool = open_spool(path)

    spool.append([Delivery([sample(None, text="ä" * 40_000), sample(1.0)])])

    [batch_table] = [batch.decode(out.payload).table for out in spool.read(None, 1, batches=9)]
    assert batch_table["signal"].to_pylist() == ["Count", "$overflow"]
    assert batch_table["value"].to_pylist() == [1.0, 1.0]
    spool.close()


def test_a_full_spool_refuses_until_the_lake_acknowledges(path):
    spool = open_spool(path, capacity_bytes=1)
    spool.append([delivery(1.0)])

    with pytest.raises(SpoolFullError, match="sources wait"):
        spool.append([delivery(2.0)])
    spool.settle(spool.epoch, 1)
    spool.append([delivery(2.0)])

    assert held(spool) == [2.0]
    spool.close()


def test_a_full_disk_refuses_and_keeps_what_was_accepted(path):
    spool = open_spool(path)
    spool.append([delivery(1.0)])
    pages = spool._db.execute("pragma page_count").fetchone()[0]
    spool._db.execute(f"pragma max_page_count = {pages}")

    with pytest.raises(SpoolFullError, match="disk"):
        spool.append([delivery(*range(10, 3_000))])
    spool._db.execute("pragma max_page_count = 1000000")
    spool.append([delivery(*range(10, 3_000))])

    assert held(spool) == [1.0, *map(float, range(10, 3_000))]
    spool.close()


def test_a_seq_is_the_last_only_when_it_is_on_disk(path):
    spool = open_spool(path)
    told = set()
    spool._db.set_trace_callback(lambda _: told.add((spool.epoch, spool.last_seq)))
    first = spool.epoch

    spool.append([delivery(*range(3_000))])
    assert told == {(first, 0)}
    assert spool.last_seq == 3
    told.clear()
    spool.renumber(first)
    spool._db.set_trace_callback(None)

    assert told == {(first, 3)}
    assert spool.epoch != first
    spool.close()


def test_what_overflows_is_declared_lost_and_counted(path):
    spool = open_spool(path, capacity_bytes=4_000, when_full="drop_oldest")
    for number in range(20):
        spool.append([delivery(number)])

    losses, status = spool.losses(), spool.status()
    kept, rows = held(spool), sum(entry.rows for entry in entries(spool))
    assert status.bytes < 6_000
    assert losses[0][1:5] == (1, losses[0].last_seq, 1, losses[0].rows)
    assert {loss.cause for loss in losses} == {"overflow"}
    assert rows == status.accepted_rows
    assert 19.0 in kept
    counted = spool._db.execute("select count(*) from loss").fetchone()[0]
    assert spool.settle(spool.epoch, losses[-1].last_seq) is Settlement.ADVANCED
    assert counted > 0
    assert spool.losses() == []
    spool.close()


class Hours:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> int:
        return NOW + int(self.now * 3_600_000_000)


def at_clock(clock: Hours, value: float) -> Delivery:
    now = clock()
    return Delivery([Sample("assembly/line1/press01", "Count", NOW, value, None, 0, now)])


def test_what_waits_longer_than_it_may_is_given_up_and_declared(path):
    clock = Hours()
    spool = Spool(path, clock, max_age_s=3_600, when_full="drop_oldest")
    for hour in (0, 0.4, 0.9, 1.5):
        clock.now = hour
        spool.append([at_clock(clock, hour)])

    assert held(spool) == [0.9, 1.5]
    assert [(loss.first_seq, loss.last_seq, loss.cause) for loss in spool.losses()] == [
        (1, 2, "expired")
    ]
    [counted] = [
        row
        for stored in read_batches(spool._db, 0, 2**62, 9)
        for row in batch.decode(stored.payload).table.to_pylist()
        if row["signal"] == "$overflow"
    ]
    assert (counted["value"], counted["text"]) == (2.0, "waited too long in the spool")
    spool.close()


def test_a_spool_that_stops_reading_gives_up_nothing_however_old(path):
    clock = Hours()
    spool = Spool(path, clock, max_age_s=3_600)
    spool.append([at_clock(clock, 1)])
    clock.now = 2

    with pytest.raises(SpoolFullError, match="older than they may become; sources wait"):
        spool.append([at_clock(clock, 2)])
    spool.settle(spool.epoch, 1)
    spool.append([at_clock(clock, 2)])

    assert held(spool) == [2.0]
    spool.close()


def test_a_mark_that_cannot_be_written_loses_and_doubles_nothing(path, monkeypatch):
    spool = open_spool(path)

    def refuse(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge.spool_file.os.pwrite", refuse)
    spool.append([delivery(1.0, source=None)])
    spool.close()
    monkeypatch.undo()
    spool = open_spool(path)

    assert held(spool) == [1.0]
    assert spool.sending.id == spool.epoch
    spool.close()


def test_an_ack_of_another_epoch_changes_nothing(path):
    spool = open_spool(path)
    spool.append([delivery(1.0)])

    settled = spool.settle("00000000-0000-4000-8000-000000000000", 1)

    assert settled is Settlement.OTHER_EPOCH
    assert held(spool) == [1.0]
    spool.close()


def test_an_ack_beyond_the_last_batch_is_told_apart(path):
    spool = open_spool(path)
    spool.append([delivery(1.0)])

    assert spool.settle(spool.epoch, 2) is Settlement.BEYOND
    assert held(spool) == [1.0]
    spool.close()
