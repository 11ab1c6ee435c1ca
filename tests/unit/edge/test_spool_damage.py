import errno
import shutil
from pathlib import Path

import pytest

from edge.spool_file import read_batches, read_losses, split
from edge.spool_opening import make_folder
from takt import batch
from takt.errors import ConfigurationError
from tests.unit.edge.spools import NOW, delivery, held, open_spool, sample


def test_a_spool_opens_below_folders_that_cannot_be_synced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    open_spool(Path("/proc/self/cwd/home/spools/spool.db")).close()

    assert (tmp_path / "home/spools/spool.db").exists()


def test_a_new_folder_whose_name_cannot_be_synced_is_an_error(tmp_path, monkeypatch):
    def refuse(_folder: Path) -> None:
        raise OSError(errno.EIO, "the disk does not answer")

    monkeypatch.setattr("edge.spool_opening._sync_folder", refuse)

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
