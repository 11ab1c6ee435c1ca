"""Files into the lake: once, whole, and on from where a crash left off."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion import history
from ingestion.history_files import ImportFileError
from lake.errors import OutcomeUnknown
from lake.shard import Commit, ShardWriter
from takt.settings import Settings
from tests.integration.ingestion.conftest import query

ROWS = 30


def history_file(folder: Path, name: str = "history.parquet", value: float = 0) -> Path:
    rows = range(ROWS)
    table = pa.table(
        {
            "site": [f"site{row % 2}" for row in rows], "equipment": ["line1/press01"] * ROWS,
            "signal": ["Count"] * ROWS, "value": [value + row for row in rows],
            "observed_at": pa.array([row * 3_600_000_000 for row in rows], pa.timestamp("us")),
        }
    )  # fmt: skip
    pq.write_table(table, folder / name)
    return folder / name


def rows_of(settings: Settings) -> list[tuple[str, int, int]]:
    return query(
        settings,
        "select site, count(*), count(distinct row_number) from raw.telemetry"
        " where collector = 'import' and is_historical group by 1 order by 1",
    )


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingestion.history_files.CHUNK_ROWS", 8)


def test_a_file_is_imported_once_whatever_its_name(lake_settings: Settings, tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    file = history_file(tmp_path)

    first = history.import_files(lake_settings, [file], lambda *what: told.append(what))
    again = history.import_files(lake_settings, [file.rename(tmp_path / "renamed.parquet")])

    assert (first.files[0].rows, first.files[0].was_known) == (ROWS, False)
    assert (again.files[0].rows, again.files[0].was_known) == (ROWS, True)
    assert rows_of(lake_settings) == [("site0", 15, 15), ("site1", 15, 15)]
    assert told[-1] == ("importing history.parquet", ROWS, ROWS)
    ledger = (
        "select site, min(first_row), sum(rows), max(last_seq) from raw.batch group by 1 order by 1"
    )
    assert query(lake_settings, ledger) == [("site0", 1, 15, 4), ("site1", 1, 15, 4)]
    assert query(lake_settings, "select name, rows from raw.import_file") == [(str(file), ROWS)]


def test_one_wrong_file_keeps_all_out(lake_settings: Settings, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("site,equipment,signal,observed_at,value\ndemo,line1,Count,2025-01-01,one\n")

    with pytest.raises(ImportFileError, match="row 1, column value: 'one' is not a number"):
        history.import_files(lake_settings, [history_file(tmp_path), wrong])

    assert rows_of(lake_settings) == []


class _Crash(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("commits_before", [0, 1, 3])
def test_an_import_that_broke_off_continues_without_doubles(
    lake_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commits_before: int
) -> None:
    file = history_file(tmp_path)
    real_commit = ShardWriter.commit
    done: list[Commit] = []

    def crash(writer: ShardWriter, content: Commit) -> None:
        if len(done) == commits_before:
            raise _Crash
        done.append(content)
        real_commit(writer, content)

    with monkeypatch.context() as patched:
        patched.setattr(ShardWriter, "commit", crash)
        with pytest.raises(_Crash):
            history.import_files(lake_settings, [file])
    report = history.import_files(lake_settings, [file])

    assert not report.files[0].was_known
    assert rows_of(lake_settings) == [("site0", 15, 15), ("site1", 15, 15)]


def test_a_commit_whose_answer_was_lost_is_not_repeated(
    lake_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_commit = ShardWriter.commit
    answers_lost = []

    def lose_answer(writer: ShardWriter, content: Commit) -> None:
        real_commit(writer, content)
        if not answers_lost:
            answers_lost.append(True)
            raise OutcomeUnknown("the catalog died between COMMIT and its answer")

    monkeypatch.setattr(ShardWriter, "commit", lose_answer)
    history.import_files(lake_settings, [history_file(tmp_path)])

    assert rows_of(lake_settings) == [("site0", 15, 15), ("site1", 15, 15)]
    assert query(lake_settings, "select count(*) from raw.import_file") == [(1,)]
