import datetime as dt
import os
import threading
import time
from pathlib import Path

import pytest

import lake
from lake import catalog, locks
from lake.schema import BATCH
from lake.shard import Commit, ShardWriter
from takt.errors import ConfigurationError
from takt.settings import Settings
from tests.integration.lake.conftest import EPOCH, NOON, ROWS, CatalogWire, commit_of

LATER = dt.timedelta(days=3)


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def filled(settings: Settings, commits: int = 12) -> ShardWriter:
    writer = ShardWriter(settings, "me")
    writer.take_over()
    for seq in range(1, commits + 1):
        writer.commit(commit_of(seq, days=2))
    return writer


def telemetry(settings: Settings, **how: int) -> list[tuple[object, ...]]:
    with lake.open(settings, read_only=True, **how) as con:
        return con.execute("select * from raw.telemetry order by row_number").fetchall()


def parquet_files(settings: Settings) -> set[Path]:
    return set(Path(settings.data_path).rglob("*.parquet"))


def live_file_count(settings: Settings, table: str) -> int:
    with lake.open(settings, read_only=True) as con:
        return len(
            con.execute(f"from ducklake_list_files('lake', '{table}', schema => 'raw')").fetchall()
        )


def make_older(settings: Settings, age: dt.timedelta) -> None:
    """Let time pass for the files and for what the catalog has scheduled."""
    then = time.time() - age.total_seconds()
    for file in parquet_files(settings):
        os.utime(file, (then, then))
    with catalog.connect(settings) as connection:
        connection.execute(
            "update ducklake_files_scheduled_for_deletion set schedule_start = schedule_start - %s",
            [age],
        )


def test_merging_keeps_every_row_and_every_past(lake_settings: Settings):
    filled(lake_settings)
    with lake.open(lake_settings) as con:
        (middle,) = con.execute("select max(snapshot_id) - 6 from lake.snapshots()").fetchone()
    now, then = telemetry(lake_settings), telemetry(lake_settings, snapshot_id=middle)

    report = lake.maintenance.run(lake_settings)

    assert report.merged_tables == 2
    assert live_file_count(lake_settings, "telemetry") == 2
    assert telemetry(lake_settings) == now
    assert telemetry(lake_settings, snapshot_id=middle) == then
    assert 0 < len(then) < len(now)


def test_nothing_young_is_removed(lake_settings: Settings):
    filled(lake_settings)
    before = parquet_files(lake_settings)

    report = lake.maintenance.run(lake_settings)

    assert report.removed_files == 0
    assert before < parquet_files(lake_settings)


def test_what_was_merged_away_is_removed_a_day_later(lake_settings: Settings):
    writer = filled(lake_settings)
    lake.maintenance.run(lake_settings)
    make_older(lake_settings, LATER)
    rows = telemetry(lake_settings)

    lake.maintenance.run(lake_settings)

    assert telemetry(lake_settings) == rows
    assert len(list(Path(lake_settings.data_path, "raw/telemetry").rglob("*.parquet"))) == 2
    writer.commit(commit_of(13))


def test_a_file_that_no_snapshot_names_is_removed_only_when_it_is_old(lake_settings: Settings):
    filled(lake_settings, commits=1)
    folder = Path(lake_settings.data_path, "raw", "telemetry")
    old, young = folder / "old.parquet", folder / "young.parquet"
    for file in (old, young):
        file.write_bytes(b"left by a commit that failed")
    make_older(lake_settings, LATER)
    os.utime(young)

    lake.maintenance.run(lake_settings)

    assert not old.exists()
    assert young.exists()


def test_files_of_another_lake_are_never_removed(lake_settings: Settings):
    filled(lake_settings, commits=1)
    Path(lake_settings.data_path, "takt-lake-id").write_text("another")
    make_older(lake_settings, LATER)
    orphan = Path(lake_settings.data_path, "raw", "other.parquet")
    orphan.touch()
    os.utime(orphan, (0, 0))

    with pytest.raises(ConfigurationError, match="another catalog"):
        lake.maintenance.run(lake_settings)

    assert orphan.exists()


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: os.truncate(file, 100)])
def test_a_damaged_live_file_stops_it_before_anything_is_removed(lake_settings: Settings, damage):
    filled(lake_settings)
    lake.maintenance.run(lake_settings)
    make_older(lake_settings, LATER)
    (live, *_) = Path(lake_settings.data_path, "raw", "batch").glob("ducklake-*.parquet")
    damage(live)
    before = parquet_files(lake_settings)

    with pytest.raises(lake.LakeDamaged, match=live.name):
        lake.maintenance.run(lake_settings, now=utc_now() + LATER)

    assert parquet_files(lake_settings) == before


def test_old_snapshots_go_and_what_a_publication_needs_stays(lake_settings: Settings):
    filled(lake_settings)
    with lake.open(lake_settings) as con:
        con.execute("insert into pipeline.publication values (8, 6, 'run', timestamp '2025-03-04')")
        con.execute("insert into pipeline.run (run_id, snapshot_id) values ('unfinished', 4)")
        rows = telemetry(lake_settings)

        report = lake.maintenance.run(lake_settings, now=utc_now() + LATER)

        left = {n for (n,) in con.execute("select snapshot_id from lake.snapshots()").fetchall()}
    assert report.expired_snapshots > 5
    assert {4, 6, 8} < left
    assert len(left) <= 5
    assert telemetry(lake_settings) == rows


def test_the_ledger_is_folded_up_to_its_first_gap(lake_settings: Settings, monkeypatch):
    monkeypatch.setattr(lake.maintenance, "_FOLD_BATCHES", 3)
    writer = filled(lake_settings, commits=0)
    long_ago, just_now = utc_now() - dt.timedelta(hours=2), utc_now()
    for seq in (1, 2, 3, 4, 6, 7):
        writer.commit(commit_of(seq, committed_at=long_ago))
    writer.commit(commit_of(5, committed_at=just_now))

    report = lake.maintenance.run(lake_settings)

    state = writer.epoch_state("demo", "collector1", EPOCH)
    assert report.folded_epochs == 1
    assert (state.folded_through_seq, state.folded_through_row) == (4, 4 * ROWS)
    assert [settled.first_seq for settled in state.ranges] == [5, 6, 7]
    assert state.settled_through == 7
    assert lake.maintenance.run(lake_settings).folded_epochs == 0


def test_folding_goes_on_after_the_plant_was_shut_for_weeks(lake_settings: Settings, monkeypatch):
    monkeypatch.setattr(lake.maintenance, "_FOLD_BATCHES", 1)
    writer = filled(lake_settings, commits=0)
    for seq, age in ((1, dt.timedelta(days=30)), (2, dt.timedelta(hours=2))):
        writer.commit(commit_of(seq, committed_at=utc_now() - age))

    lake.maintenance.run(lake_settings)

    assert writer.epoch_state("demo", "collector1", EPOCH).folded_through_seq == 2


def test_batches_whose_rows_are_unknown_are_folded_once_known_ones_follow(
    lake_settings: Settings, monkeypatch
):
    monkeypatch.setattr(lake.maintenance, "_FOLD_BATCHES", 1)
    writer = filled(lake_settings, commits=0)
    long_ago = utc_now() - dt.timedelta(hours=2)
    for seq in (1, 2, 3):
        batches = commit_of(seq, committed_at=long_ago).batches
        if seq > 1:
            batches = batches.set_column(BATCH.arrow_schema.get_field_index("rows"), "rows", [[0]])
        writer.commit(Commit(batches=batches))

    lake.maintenance.run(lake_settings)

    assert writer.epoch_state("demo", "collector1", EPOCH).folded_through_seq == 1


def test_raw_merges_go_on_during_a_refresh_and_the_others_wait(
    lake_settings: Settings, monkeypatch
):
    monkeypatch.setattr(lake.maintenance, "_REFRESH_LOCK_WAIT_S", 0.1)
    filled(lake_settings)
    with lake.open(lake_settings) as con:
        for n in range(3):
            con.execute(f"insert into reference.item (item_id) values ('{n}')")

    with locks.refresh_lock(lake_settings):
        report = lake.maintenance.run(lake_settings)

    assert report.merged_tables == 2
    assert lake.maintenance.run(lake_settings).merged_tables == 1


def test_deleted_rows_are_written_out_of_the_files(lake_settings: Settings):
    with lake.open(lake_settings) as con:
        con.execute("create table marts.kpi as select i from range(100) r(i)")
        con.execute("delete from marts.kpi where i < 50")

        lake.maintenance.run(lake_settings)

        files = con.execute("from ducklake_list_files('lake', 'kpi', schema => 'marts')").fetchall()
        assert [file[4] for file in files] == [None]
        assert con.execute("select count(*), min(i) from marts.kpi").fetchall() == [(50, 50)]


def test_a_second_maintenance_at_the_same_time_is_refused(lake_settings: Settings):
    with locks.maintenance_lock(lake_settings), pytest.raises(lake.LockTimeout):
        lake.maintenance.run(lake_settings)


def test_ingestion_commits_while_maintenance_runs(lake_settings: Settings):
    writer = filled(lake_settings)
    committed = []
    done = threading.Event()

    def ingest() -> None:
        seq = 13
        while not done.is_set():
            writer.commit(commit_of(seq))
            committed.append(seq)
            seq += 1

    thread = threading.Thread(target=ingest)
    thread.start()
    try:
        for _ in range(3):
            lake.maintenance.run(lake_settings)
    finally:
        done.set()
        thread.join()

    assert len(telemetry(lake_settings)) == (12 + len(committed)) * ROWS
    assert len(committed) > 3


def test_former_rows_of_the_fence_leave_the_catalog(lake_settings: Settings):
    writer = filled(lake_settings)

    lake.maintenance.run(lake_settings)

    with catalog.connect(lake_settings) as connection:
        count = connection.execute(
            "select count(*) from ducklake_data_file join ducklake_table using (table_id)"
            " where table_name = 'ingest_shard'"
        ).fetchone()
    assert count == (1,)
    writer.commit(commit_of(13))


def test_a_merge_whose_answer_is_lost_loses_no_file(
    lake_settings: Settings, wired_settings: Settings, wire: CatalogWire
):
    filled(lake_settings)
    rows = telemetry(lake_settings)
    wire.at_next_commit(lambda: True)

    with pytest.raises(lake.LakeUnavailable):
        lake.maintenance.run(wired_settings)
    lake.maintenance.run(lake_settings)

    assert telemetry(lake_settings) == rows
    assert list(Path(lake_settings.data_path).rglob("*.kept")) == []


def test_the_date_that_partitions_is_the_day_of_the_sample(lake_settings: Settings):
    filled(lake_settings)
    lake.maintenance.run(lake_settings)

    with lake.open(lake_settings) as con:
        days = con.execute("select distinct observed_date, site from raw.telemetry").fetchall()

    assert sorted(days) == [(NOON.date(), "demo"), (NOON.date() + dt.timedelta(days=1), "demo")]
