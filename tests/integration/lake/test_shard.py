import datetime as dt
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import lake
from lake import shard
from lake.shard import EpochState, SettledRange, ShardWriter
from takt.settings import Settings
from tests.integration.lake.conftest import EPOCH, ROWS, CatalogWire, commit_of


def writer_of(settings: Settings, owner_id: str = "me") -> ShardWriter:
    writer = ShardWriter(settings, owner_id)
    writer.take_over()
    return writer


def with_shards(settings: Settings, shards: int) -> Settings:
    """The same lake where collectors are divided by so many shards."""
    ingestion = settings.ingestion.model_copy(update={"shards": shards})
    divided = settings.model_copy(update={"ingestion": ingestion})
    lake.schema.create(divided)
    return divided


def rows_and_ledger(settings: Settings) -> tuple[int, int]:
    """Rows of telemetry, and how many the ledger says there are."""
    with lake.open(settings, read_only=True) as con:
        return con.execute(
            "select (select count(*) from raw.telemetry),"
            " (select coalesce(sum(rows), 0)::bigint from raw.batch)"
        ).fetchall()[0]


def live_files(settings: Settings) -> set[Path]:
    with lake.open(settings, read_only=True) as con:
        tables = con.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'lake'"
        ).fetchall()
        return {
            Path(path)
            for schema, table in tables
            for (path,) in con.execute(
                "select data_file from"
                f" ducklake_list_files('lake', '{table}', schema => '{schema}')"
            ).fetchall()
        }


def test_a_commit_is_visible_with_every_value(lake_settings: Settings):
    content = commit_of(1, days=2)
    writer_of(lake_settings).commit(content)

    with lake.open(lake_settings) as con:
        found = con.execute(
            "select * exclude observed_date from raw.telemetry order by row_number"
        ).to_arrow_table()
        days = con.execute("select distinct observed_date from raw.telemetry order by 1").fetchall()

    assert found.to_pylist() == content.telemetry.select(found.column_names).to_pylist()
    assert days == [(dt.date(2025, 3, 4),), (dt.date(2025, 3, 5),)]


def test_each_site_and_day_has_its_own_folder(lake_settings: Settings):
    writer_of(lake_settings).commit(commit_of(1, days=2))

    folders = {
        file.parent for file in Path(lake_settings.data_path, "raw/telemetry").rglob("*.parquet")
    }
    assert {folder.name for folder in folders} == {
        "observed_date=2025-03-04",
        "observed_date=2025-03-05",
    }
    assert {folder.parent.name for folder in folders} == {"site=demo"}


def test_a_day_is_read_without_opening_the_files_of_others(lake_settings: Settings):
    writer_of(lake_settings).commit(commit_of(1, days=5))

    with lake.open(lake_settings) as con:
        plan = con.execute(
            "explain analyze select count(*) from raw.telemetry where observed_date = '2025-03-05'"
        ).fetchall()[0][1]

    assert "Total Files Read: 1" in plan


def test_an_epoch_that_the_lake_has_not_seen_is_empty(lake_settings: Settings):
    assert writer_of(lake_settings).epoch_state("demo", "c", EPOCH) == EpochState(0, 0, ())


def test_an_epochs_state_has_what_is_settled_and_the_digests(lake_settings: Settings):
    writer = writer_of(lake_settings)
    for seq in (1, 2, 4):
        writer.commit(commit_of(seq))

    state = writer.epoch_state("demo", "collector1", EPOCH)

    assert state.settled_through == 2
    assert state.ranges[2] == SettledRange(
        4, 4, 3 * ROWS + 1, ROWS, "committed", (4).to_bytes(16, "big")
    )


def test_files_are_synced_before_the_catalog_gets_the_commit(
    lake_settings: Settings, wired_settings: Settings, wire: CatalogWire, monkeypatch
):
    synced: set[Path] = set()
    real_fsync = os.fsync

    def recording_fsync(descriptor: int) -> None:
        real_fsync(descriptor)
        synced.add(Path(f"/proc/self/fd/{descriptor}").readlink())

    writer = writer_of(wired_settings)
    before = live_files(lake_settings)
    monkeypatch.setattr(os, "fsync", recording_fsync)
    synced_at_commit: set[Path] = set()
    wire.at_next_commit(lambda: synced_at_commit.update(synced) is None)

    with pytest.raises(lake.OutcomeUnknown):
        writer.commit(commit_of(1, days=3))

    named = live_files(lake_settings) - before
    assert len(named) == 5
    folders = {folder for file in named for folder in file.parents}
    data = Path(lake_settings.data_path)
    assert named | {f for f in folders if f.is_relative_to(data)} <= synced_at_commit


def test_a_former_owner_cannot_commit(lake_settings: Settings):
    former = writer_of(lake_settings, "former")
    former.commit(commit_of(1))
    writer_of(lake_settings, "successor")

    with pytest.raises(lake.FenceLost):
        former.commit(commit_of(2))
    assert rows_and_ledger(lake_settings) == (ROWS, ROWS)


def test_an_owner_that_pauses_inside_its_commit_adds_nothing(lake_settings: Settings, monkeypatch):
    paused = writer_of(lake_settings, "paused")
    real_register = shard.register

    def register_then_pause(con, files):
        monkeypatch.setattr(shard, "register", real_register)
        real_register(con, files)
        writer_of(lake_settings, "successor").commit(commit_of(1))

    monkeypatch.setattr(shard, "register", register_then_pause)
    with pytest.raises(lake.OutcomeUnknown):
        paused.commit(commit_of(1))
    with pytest.raises(lake.FenceLost):
        paused.commit(commit_of(1))

    assert rows_and_ledger(lake_settings) == (ROWS, ROWS)


def test_owners_of_different_shards_do_not_fence_each_other(lake_settings: Settings):
    two = with_shards(lake_settings, 2)
    first = ShardWriter(two, "first", shard=0)
    second = ShardWriter(two, "second", shard=1)
    first.take_over()
    second.take_over()

    first.commit(commit_of(1))
    second.commit(commit_of(2))
    first.commit(commit_of(3))

    assert rows_and_ledger(lake_settings) == (3 * ROWS, 3 * ROWS)


def test_dividing_otherwise_fences_every_former_owner(lake_settings: Settings):
    """Else a paused owner of the third shard could commit beside the second of two."""
    three, two = with_shards(lake_settings, 3), with_shards(lake_settings, 2)
    former = [ShardWriter(three, f"former-{shard}", shard) for shard in range(3)]
    for writer in former:
        writer.take_over()
        writer.commit(commit_of(1))
    successor = ShardWriter(two, "successor", 0)

    successor.take_over()

    for writer in former:
        with pytest.raises(lake.FenceLost):
            writer.commit(commit_of(2))
    successor.commit(commit_of(2))


@pytest.mark.parametrize("is_first", [True, False])
def test_a_take_over_that_paused_while_collectors_were_divided_otherwise_sees_that(
    lake_settings: Settings, monkeypatch, is_first: bool
):
    three, two = with_shards(lake_settings, 3), with_shards(lake_settings, 2)
    if not is_first:
        ShardWriter(three, "before", 0).take_over()
    paused = ShardWriter(three, "paused", 2)
    real_register = shard.register

    def register_then_pause(con, files):
        monkeypatch.setattr(shard, "register", real_register)
        real_register(con, files)
        other = ShardWriter(two, "other", 1)
        other.take_over()
        other.commit(commit_of(1))
        others.append(other)

    others: list[ShardWriter] = []
    monkeypatch.setattr(shard, "register", register_then_pause)
    paused.take_over()

    with pytest.raises(lake.FenceLost):
        others[0].commit(commit_of(2))


def test_owners_of_different_shards_commit_at_the_same_time_without_conflict(
    lake_settings: Settings,
):
    two = with_shards(lake_settings, 2)
    writers = [ShardWriter(two, f"owner-{shard}", shard) for shard in range(2)]
    for writer in writers:
        writer.take_over()

    def commit_ten(writer: ShardWriter) -> None:
        for n in range(1, 11):
            writer.commit(commit_of(n))

    with ThreadPoolExecutor() as pool:
        list(pool.map(commit_ten, writers))

    assert rows_and_ledger(lake_settings) == (20 * ROWS, 20 * ROWS)


def test_a_commit_whose_answer_is_lost_is_in_the_ledger_with_all_its_files(
    lake_settings: Settings, wired_settings: Settings, wire: CatalogWire
):
    writer = writer_of(wired_settings)
    writer.commit(commit_of(1))
    wire.at_next_commit(lambda: True)

    with pytest.raises(lake.OutcomeUnknown):
        writer.commit(commit_of(2, days=2))

    assert writer.epoch_state("demo", "collector1", EPOCH).settled_through == 2
    assert all(file.exists() for file in live_files(lake_settings))
    writer.commit(commit_of(3))
    assert rows_and_ledger(lake_settings) == (3 * ROWS, 3 * ROWS)


def test_a_commit_that_never_arrived_is_not_in_the_ledger_and_can_be_repeated(
    lake_settings: Settings, wired_settings: Settings, wire: CatalogWire
):
    writer = writer_of(wired_settings)
    wire.at_next_commit(lambda: False)

    with pytest.raises(lake.OutcomeUnknown):
        writer.commit(commit_of(1))

    assert writer.epoch_state("demo", "collector1", EPOCH).settled_through == 0
    writer.commit(commit_of(1))
    assert rows_and_ledger(lake_settings) == (ROWS, ROWS)


def test_a_catalog_that_is_away_leaves_no_file_behind(tmp_path: Path):
    settings = Settings(home=tmp_path, catalog=f"host={tmp_path} dbname=takt")

    with pytest.raises(lake.LakeUnavailable):
        ShardWriter(settings, "me").commit(commit_of(1))

    assert list(tmp_path.rglob("*.parquet")) == []


def test_rows_that_cannot_be_written_leave_no_file_and_no_harm(lake_settings: Settings):
    writer = writer_of(lake_settings)
    wrong = commit_of(1)
    wrong = shard.Commit(
        telemetry=wrong.telemetry.set_column(0, "site", [["../elsewhere"] * ROWS]),
        batches=wrong.batches,
    )
    before = set(Path(lake_settings.data_path).rglob("*.parquet"))

    with pytest.raises(ValueError, match="cannot name a partition"):
        writer.commit(wrong)

    assert set(Path(lake_settings.data_path).rglob("*.parquet")) == before
    writer.commit(commit_of(1))


def test_readers_see_rows_and_ledger_together_while_commits_go_on(lake_settings: Settings):
    writer = writer_of(lake_settings)
    thread = threading.Thread(target=lambda: [writer.commit(commit_of(n)) for n in range(1, 31)])
    seen = []

    thread.start()
    while thread.is_alive():
        seen.append(rows_and_ledger(lake_settings))
    thread.join()

    assert all(rows == ledger for rows, ledger in seen)
    assert rows_and_ledger(lake_settings) == (30 * ROWS, 30 * ROWS)


def test_a_commit_that_lands_after_the_ledger_was_read_is_not_doubled(lake_settings: Settings):
    writer = writer_of(lake_settings)
    writer.commit(commit_of(1))
    writer.close()  # as after a COMMIT whose outcome is unknown
    assert writer.epoch_state("demo", "collector1", EPOCH).settled_through == 1
    ShardWriter(lake_settings, "me").commit(commit_of(2))  # which lands only now

    with pytest.raises(lake.LakeUnavailable, match="one came late"):
        writer.commit(commit_of(2))

    assert rows_and_ledger(lake_settings) == (2 * ROWS, 2 * ROWS)
    assert writer.epoch_state("demo", "collector1", EPOCH).settled_through == 2
    writer.commit(commit_of(3))
    assert rows_and_ledger(lake_settings) == (3 * ROWS, 3 * ROWS)
