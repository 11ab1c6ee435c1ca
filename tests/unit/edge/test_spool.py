import errno
import shutil
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.delivery import Packet
from edge.recent_packets import REMEMBERED
from edge.spool import Delivery, Settlement, Spool, SpoolFullError
from edge.spool_file import make_folder, read_batches, read_losses, split
from takt import batch
from takt.batch import Sample
from takt.errors import ConfigurationError

NOW = 1_700_000_000_000_000


def sample(value: float | None, *, text: str | None = None, observed_at: int = NOW) -> Sample:
    return Sample("assembly/line1/press01", "Count", observed_at, value, text, 0, NOW)


def delivery(*values: float, source: str | None = "line1") -> Delivery:
    return Delivery([sample(float(v), observed_at=NOW + int(v)) for v in values], source)


def open_spool(path: Path, **options) -> Spool:
    return Spool(path, lambda: NOW, **options)


class Entry(NamedTuple):
    """A batch or a loss that the spool holds; `values` are those of the source's samples."""

    epoch: int
    first_seq: int
    last_seq: int
    first_row: int
    rows: int
    values: list[float | None]


def entries(spool: Spool) -> list[Entry]:
    found = []
    for stored in read_batches(spool._db, 0, 2**62, 10**6):
        decoded = batch.decode(stored.payload)
        number, seq = split(stored.extent.position)
        assert (decoded.first_row, decoded.table.num_rows) == stored.extent[1:3]
        values = [row["value"] for row in decoded.table.to_pylist() if row["signal"] != "$overflow"]
        found.append(Entry(number, seq, seq, *stored.extent[1:3], values))
    losses = [
        Entry(*split(loss.position), loss.last_seq, loss.first_row, loss.rows, [])
        for loss in read_losses(spool._db)
    ]
    return sorted(found + losses)


def held(spool: Spool) -> list[float | None]:
    return [value for entry in entries(spool) for value in entry.values]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.db"


class SpoolSurvives(RuleBasedStateMachine):
    """What was accepted is held until it is settled, once and in order, whatever happens."""

    def __init__(self) -> None:
        super().__init__()
        self.folders = [Path(mkdtemp())]
        self.numbers = count(1)
        self.expected: list[float] = []
        self.seen: list[float] = []
        self.spool = open_spool(self.folders[-1] / "spool.db")

    def fresh(self, amount: int) -> list[float]:
        return [float(next(self.numbers)) for _ in range(amount)]

    @rule(amounts=st.lists(st.integers(1, 1500), max_size=3))
    def append(self, amounts):
        groups = [self.fresh(amount) for amount in amounts]
        self.spool.append([delivery(*group) for group in groups])
        self.accept(*groups)

    @precondition(lambda self: self.seen)
    @rule(data=st.data())
    def a_source_repeats_itself(self, data):
        old = data.draw(st.lists(st.sampled_from(self.seen[-50:]), max_size=20))
        new = self.fresh(3)

        assert self.spool.append([delivery(*old, *new, *new)]) == len(new)

        self.accept(new)

    @rule(amount=st.integers(1, 1500), share=st.floats(0, 1))
    def it_overflows(self, amount, share):
        before = held(self.spool)
        self.spool._when_full = "drop_oldest"
        self.spool._capacity = int(share * self.spool.status().bytes)
        values = self.fresh(amount)
        self.spool.append([delivery(*values)])
        self.spool._capacity = 10**9

        after = held(self.spool)
        assert after == [*before, *values][-len(after) :]
        assert after[-amount:] == values
        self.seen += values
        self.expected = after

    @precondition(lambda self: entries(self.spool))
    @rule(data=st.data())
    def the_lake_acknowledges(self, data):
        epoch = self.spool.sending
        known = [entry for entry in entries(self.spool) if entry.epoch == epoch.number]
        last = data.draw(st.sampled_from(known))
        settled = sum(len(entry.values) for entry in known if entry <= last)

        assert self.spool.settle(epoch.id, last.last_seq) is Settlement.ADVANCED

        self.expected = self.expected[settled:]

    @rule()
    def the_lake_orders_a_new_epoch(self):
        before = self.spool.epoch
        assert self.spool.renumber(before)
        assert self.spool.epoch != before
        assert self.spool.sending.id == self.spool.epoch

    @rule()
    def the_process_is_killed(self):
        self.reopen(self.copy())

    @rule(amount=st.integers(1, 50), share=st.floats(0, 1))
    def power_is_lost_during_an_append(self, amount, share):
        before = self.copy()
        values = self.fresh(amount)
        self.spool.append([delivery(*values)])
        after = self.copy()
        log_before, log_after = (folder / "spool.db-wal" for folder in (before, after))
        whole = log_after.stat().st_size
        known = log_before.stat().st_size if log_before.exists() else 0
        if whole > known:
            with log_after.open("r+b") as file:
                file.truncate(known + int(share * (whole - known)))
        shutil.copy(before / "spool.mark", after / "spool.mark")
        self.reopen(after)
        if values[0] in held(self.spool):
            self.accept(values)

    @rule()
    def it_is_closed_and_opened(self):
        self.spool.close()
        self.spool = open_spool(self.folders[-1] / "spool.db")

    @invariant()
    def nothing_is_lost_doubled_or_reordered(self):
        assert held(self.spool) == self.expected

    @invariant()
    def seqs_and_row_numbers_have_no_gaps(self):
        epoch = self.spool.sending
        number, seq, row = epoch.number, epoch.settled_seq + 1, epoch.settled_row + 1
        for entry in entries(self.spool):
            if entry.epoch != number:
                number, seq, row = entry.epoch, 1, 1
            assert (entry.first_seq, entry.first_row) == (seq, row)
            seq, row = entry.last_seq + 1, row + entry.rows
        if number == self.spool._epoch.number:
            assert seq == self.spool._epoch.last_seq + 1
            assert row == self.spool.status().accepted_rows + 1

    @invariant()
    def the_balance_is_zero(self):
        status = self.spool.status()
        assert status.accepted_rows == status.first_row - 1 + status.rows

    @invariant()
    def the_bytes_held_are_those_on_disk(self):
        sizes = self.spool._db.execute("select coalesce(sum(size), 0) from batch").fetchone()[0]
        assert self.spool.status().bytes == sizes

    def accept(self, *groups: list[float]) -> None:
        for group in groups:
            self.expected += group
            self.seen += group

    def copy(self) -> Path:
        folder = Path(mkdtemp())
        self.folders.append(folder)
        for file in self.folders[-2].iterdir():
            shutil.copy(file, folder / file.name)
        return folder

    def reopen(self, folder: Path) -> None:
        self.spool.close()
        self.folders.remove(folder)
        self.folders.append(folder)
        self.spool = open_spool(folder / "spool.db")

    def teardown(self) -> None:
        self.spool.close()
        for folder in self.folders:
            shutil.rmtree(folder)


TestSpoolSurvives = SpoolSurvives.TestCase
TestSpoolSurvives.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)


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


def test_repeats_are_recognised_after_a_restart(path):
    spool = open_spool(path)
    spool.append([delivery(1.0)])
    spool.close()
    spool = open_spool(path)

    assert spool.append([delivery(1.0)]) == 0
    assert spool.append([delivery(1.0, source="line2")]) == 1
    assert spool.append([delivery(1.0, source=None)]) == 1
    spool.close()


def packets(first: int, last: int, *, is_again: bool = False, content: int = 7) -> Delivery:
    """Messages without a time, each with its number as packet id and value."""
    found = [
        Packet(number, is_again, content, [sample(float(number))])
        for number in range(first, last + 1)
    ]
    return Delivery([packet.samples[0] for packet in found], "line1", packets=found)


def test_packets_that_come_again_are_recognised_after_a_restart(path):
    spool = open_spool(path)
    spool.append([packets(1, REMEMBERED)])
    spool.close()
    spool = open_spool(path)

    again = packets(REMEMBERED - 9, REMEMBERED, is_again=True)

    assert spool.append([again, packets(REMEMBERED + 1, REMEMBERED + 1, is_again=True)]) == 1
    assert held(spool)[-2:] == [REMEMBERED, REMEMBERED + 1]
    spool.close()


def test_packets_with_the_id_of_another_message_count(path):
    spool = open_spool(path)
    spool.append([packets(1, REMEMBERED)])

    assert spool.append([packets(REMEMBERED, REMEMBERED, is_again=True, content=8)]) == 1
    assert spool.append([packets(REMEMBERED, REMEMBERED, content=8)]) == 1
    spool.close()


def test_no_packet_is_a_repeat_while_ids_come_twice(path):
    spool = open_spool(path)
    spool.append([packets(1, REMEMBERED), packets(5, 5)])
    last = packets(REMEMBERED - 9, REMEMBERED, is_again=True)

    assert spool.append([last]) == 10
    spool.append([packets(REMEMBERED + 1, 2 * REMEMBERED)])
    assert spool.append([packets(2 * REMEMBERED - 9, 2 * REMEMBERED, is_again=True)]) == 0
    spool.close()


def test_packets_that_were_not_accepted_are_not_known(path):
    spool = open_spool(path)
    spool.append([packets(1, REMEMBERED)])
    spool._capacity = 1
    with pytest.raises(SpoolFullError):
        spool.append([packets(REMEMBERED + 1, REMEMBERED + 9)])
    spool._capacity = 10**9

    assert spool.append([packets(REMEMBERED + 1, REMEMBERED + 9, is_again=True)]) == 9
    spool.close()


def test_no_more_packets_are_kept_than_are_remembered(path):
    spool = open_spool(path)
    spool.append([packets(1, REMEMBERED), packets(REMEMBERED + 1, 2 * REMEMBERED + 5)])

    assert spool._db.execute("select count(*) from packet").fetchone() == (REMEMBERED,)
    spool.close()


def test_a_spool_that_is_older_than_its_memory_of_packets_is_opened(path):
    spool = open_spool(path)
    spool.append([delivery(1.0)])
    spool._db.execute("drop table packet")
    spool.close()

    spool = open_spool(path)

    assert spool.append([packets(1, 3)]) == 3
    assert held(spool) == [1.0, 1.0, 2.0, 3.0]
    spool.close()


def test_packets_are_recognised_after_a_damaged_spool_was_rebuilt(path):
    spool = open_spool(path)
    spool.append([packets(1, REMEMBERED)])
    spool._epoch = spool._epoch.model_copy(update={"last_seq": 99})
    spool._mark.write(spool._epoch)
    spool.close()

    spool = open_spool(path)

    assert list(path.parent.glob("spool.db.damaged-*"))
    assert spool.append([packets(REMEMBERED, REMEMBERED, is_again=True)]) == 0
    spool.close()


def test_keys_are_forgotten_beyond_their_bound(path):
    spool = open_spool(path, recent_keys_rows=10)
    for start in range(0, 100, 10):
        spool.append([delivery(*range(start, start + 10))])

    remembered = spool._db.execute("select count(*) from recent").fetchone()[0]
    assert remembered == 10
    assert spool.append([delivery(99.0)]) == 0
    spool.close()


def test_a_retained_value_from_before_all_remembered_repeats_is_taken_for_one(path):
    spool = open_spool(path, recent_keys_rows=10)
    old, new = sample(1.0, observed_at=NOW - 1), sample(2.0, observed_at=NOW + 1)
    spool.append([Delivery([old], "line1", is_retained=True)])
    spool.append([delivery(*range(100, 120))])
    spool.append([delivery(200)])

    repeated = spool.append([Delivery([old, new], "line1", is_retained=True)])

    assert repeated == 1
    assert held(spool)[0] == 1.0
    assert held(spool)[-1] == 2.0
    assert held(spool).count(1.0) == 1
    spool.close()


def test_the_newest_key_is_never_forgotten(path):
    times = iter(range(NOW, NOW + 10**15, 10**14))
    spool = Spool(path, lambda: next(times), recent_keys_age_s=1)
    for number in range(4):
        spool.append([delivery(number, source=None if number == 2 else "line1")])

    assert spool._db.execute("select min(id) from recent").fetchone()[0] > 1
    spool.close()


def test_a_spool_opens_below_folders_that_cannot_be_synced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    open_spool(Path("/proc/self/cwd/home/spools/spool.db")).close()

    assert (tmp_path / "home/spools/spool.db").exists()


def test_a_new_folder_whose_name_cannot_be_synced_is_an_error(tmp_path, monkeypatch):
    def refuse(_folder: Path) -> None:
        raise OSError(errno.EIO, "the disk does not answer")

    monkeypatch.setattr("edge.spool_file._sync_folder", refuse)

    with pytest.raises(OSError, match="does not answer"):
        make_folder(tmp_path / "home")


def test_a_second_collector_is_kept_out(path):
    spool = open_spool(path)

    with pytest.raises(ConfigurationError, match="is open in another collector"):
        open_spool(path)
    spool.close()


def test_a_spool_of_a_newer_version_is_left_alone(path):
    spool = open_spool(path)
    spool._db.execute("pragma user_version = 99")
    spool.close()

    with pytest.raises(ConfigurationError, match="has format 99"):
        open_spool(path)


def test_what_is_readable_of_a_damaged_spool_keeps_its_seqs_and_the_rest_is_declared(path):
    spool = open_spool(path)
    for first in range(0, 600, 20):
        spool.append([delivery(*range(first, first + 20))])
    spool.settle(spool.epoch, 5)
    before = spool._epoch
    spool.close()
    content = bytearray(path.read_bytes())
    payload_at = content.index(b"ARROW") if b"ARROW" in content else len(content) // 2
    content[payload_at // 4096 * 4096 : payload_at // 4096 * 4096 + 4096 * 6] = bytes(4096 * 6)
    path.write_bytes(content)

    spool = open_spool(path)

    saved, losses = read_batches(spool._db, 0, 2**62, 10**6), read_losses(spool._db)
    seqs = [split(stored.extent.position)[1] for stored in saved]
    covered = seqs + [s for loss in losses for s in range(split(loss[0])[1], loss.last_seq + 1)]
    rows = sum(stored.extent.rows for stored in saved) + sum(loss.rows for loss in losses)
    assert sorted(covered) == list(range(6, 31))
    assert seqs
    assert losses
    assert rows == 500
    assert spool.sending.id == before.id
    assert spool.epoch != before.id
    assert list(path.parent.glob("spool.db.damaged-*"))
    spool.append([delivery(1_000.0)])
    spool.settle(before.id, 30)
    assert spool.sending.id == spool.epoch
    assert held(spool) == [1_000.0]
    spool.close()


def test_a_spool_that_is_no_database_any_more_declares_all_it_had(path):
    spool = open_spool(path)
    spool.append([delivery(1.0, 2.0)])
    spool.append([delivery(3.0)])
    spool.settle(spool.epoch, 1)
    before = spool._epoch
    spool.close()
    path.write_bytes(b"garbage" * 1_000)

    spool = open_spool(path)

    assert [loss[:6] for loss in spool.losses()] == [(before.id, 2, 2, 3, 1, "damaged_spool")]
    assert spool.epoch != before.id
    spool.close()


def test_a_spool_restored_from_an_older_copy_opens_a_new_epoch(path, tmp_path):
    spool = open_spool(path)
    spool.append([delivery(1.0)])
    spool.close()
    shutil.copy(path, tmp_path / "backup")
    spool = open_spool(path)
    spool.append([delivery(2.0)])
    before = spool.epoch
    spool.close()
    shutil.copy(tmp_path / "backup", path)

    spool = open_spool(path)

    assert spool.epoch != before
    assert held(spool) == [1.0]
    assert [loss[1:5] for loss in spool.losses()] == [(2, 2, 2, 1)]
    spool.close()


def test_a_crash_between_the_renames_of_a_rebuilt_spool_is_finished(path):
    spool = open_spool(path)
    spool.append([delivery(1.0)])
    spool.close()
    path.rename(path.with_suffix(".new"))
    path.with_name("spool.db-wal").write_bytes(b"a log of the damaged file")

    spool = open_spool(path)

    assert held(spool) == [1.0]
    spool.close()


def test_a_batch_whose_bytes_have_rotted_is_declared_lost(path):
    spool = open_spool(path)
    spool.append([delivery(1.0)])
    spool.append([delivery(2.0)])
    spool._db.execute("update payload set bytes = x'00' where position & 255 = 1")

    assert [out.seq for out in spool.read(None, 1, batches=9)] == [2]
    assert [loss[1:] for loss in spool.losses()] == [
        (1, 1, 1, 1, "damaged_spool", NOW + 1, NOW + 1)
    ]
    spool.close()


def test_batches_behind_rotten_ones_are_read(path):
    spool = open_spool(path)
    for number in range(1, 7):
        spool.append([delivery(number)])
    spool._db.execute("update payload set bytes = x'00' where position & 255 not in (1, 6)")

    assert [out.seq for out in spool.read(spool.epoch, 2, batches=2)] == [6]
    assert [loss.first_seq for loss in spool.losses()] == [2, 3, 4, 5]
    assert spool.read(spool.epoch, 2, 5, batches=2) == []
    spool.close()


def test_a_new_epoch_vouches_for_no_bytes_that_have_rotted(path):
    spool = open_spool(path)
    spool.append([delivery(1.0)])
    spool.append([delivery(2.0)])
    rotten = batch.encode([sample(9.0)], 1)
    spool._db.execute("update payload set bytes = ? where position & 255 = 1", (rotten,))

    spool.renumber(spool.epoch)

    assert held(spool) == [2.0]
    assert [loss[1:] for loss in spool.losses()] == [
        (1, 1, 1, 1, "damaged_spool", NOW + 1, NOW + 1)
    ]
    spool.close()
