import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lake import commit
from lake.schema import BATCH_CHECKPOINT, TELEMETRY

_WITHOUT_DATE = pa.schema([f for f in TELEMETRY.arrow_schema if f.name != "observed_date"])


def samples(*keys: tuple[str, dt.datetime]) -> pa.Table:
    rows = [{"site": site, "observed_at": at, "row_number": n} for n, (site, at) in enumerate(keys)]
    return pa.Table.from_pylist(rows, schema=_WITHOUT_DATE)


def rows_per_folder(files: list[commit.NewFile], data: Path) -> dict[str, list[int]]:
    folder = data / "raw" / "telemetry"
    return {
        str(file.path.parent.relative_to(folder)): pq.ParquetFile(file.path)
        .read()["row_number"]
        .to_pylist()
        for file in files
    }


def test_rows_are_split_at_midnight_utc_and_by_site(tmp_path: Path):
    midnight = dt.datetime(2025, 1, 2)
    before = midnight - dt.timedelta(microseconds=1)

    files = commit.write(
        TELEMETRY, samples(("a", before), ("a", midnight), ("b", midnight), ("a", before)), tmp_path
    )

    assert rows_per_folder(files, tmp_path) == {
        "site=a/observed_date=2025-01-01": [0, 3],
        "site=a/observed_date=2025-01-02": [1],
        "site=b/observed_date=2025-01-02": [2],
    }


def test_a_moment_before_1970_belongs_to_its_own_day(tmp_path: Path):
    files = commit.write(TELEMETRY, samples(("a", dt.datetime(1969, 12, 31, 23, 59))), tmp_path)

    assert list(rows_per_folder(files, tmp_path)) == ["site=a/observed_date=1969-12-31"]


def test_a_files_folder_says_what_its_columns_do_not_repeat(tmp_path: Path):
    (file,) = commit.write(TELEMETRY, samples(("a", dt.datetime(2025, 1, 1))), tmp_path)

    names = pq.ParquetFile(file.path).schema_arrow.names
    assert set(TELEMETRY.columns) - set(names) == {"site", "observed_date"}


def test_a_site_that_would_leave_the_folder_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="cannot name a partition"):
        commit.write(TELEMETRY, samples(("../x", dt.datetime(2025, 1, 1))), tmp_path)


def test_what_was_written_before_an_error_is_removed(tmp_path: Path):
    day = dt.datetime(2025, 1, 1)

    with pytest.raises(ValueError, match="cannot name a partition"):
        commit.write(TELEMETRY, samples(("a", day), ("b", day), ("..", day)), tmp_path)

    assert list(tmp_path.rglob("*.parquet")) == []


def test_times_with_a_zone_are_stored_as_naive_utc(tmp_path: Path):
    row = {"site": "a", "collector": "c", "epoch": "e", "through_seq": 1, "through_row": 1}
    noon = pa.array([dt.datetime(2025, 1, 1, 12, tzinfo=dt.UTC)], pa.timestamp("us", "UTC"))
    rows = pa.Table.from_pylist([row]).append_column("folded_at", noon)

    (file,) = commit.write(BATCH_CHECKPOINT, rows, tmp_path)

    stored = pq.ParquetFile(file.path).read()["folded_at"]
    assert stored.to_pylist() == [dt.datetime(2025, 1, 1, 12)]
    assert stored.type == pa.timestamp("us")
