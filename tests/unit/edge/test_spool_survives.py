import shutil
from itertools import count
from pathlib import Path
from tempfile import mkdtemp

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.spool import Settlement
from tests.unit.edge.spools import delivery, entries, held, open_spool


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
