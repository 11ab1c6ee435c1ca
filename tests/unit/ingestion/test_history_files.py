"""Errors of history files name file, row and column."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion.history_files import CHUNK_ROWS, ImportFileError, chunks, digest_of_file
from takt import batch
from takt.progress import silent

NOW = "2026-01-01T00:00:00+00:00"
HEADER = "site,equipment,signal,observed_at,value,text,quality,is_historical"
GOOD = "demo,line1/press01,Count,2025-03-01T12:00:00.5Z,1.5,,0,true"


def csv(folder: Path, *lines: str, header: str = HEADER) -> Path:
    file = folder / "history.csv"
    file.write_text("\n".join([header, *lines]) + "\n")
    return file


def rows_of(file: Path) -> list[dict[str, object]]:
    return [row for chunk in chunks(file, NOW) for row in chunk.to_pylist()]


def error_of(file: Path) -> str:
    with pytest.raises(ImportFileError) as caught:
        rows_of(file)
    return str(caught.value)


def test_a_csv_row_becomes_a_row_of_the_wire(tmp_path: Path) -> None:
    (row,) = rows_of(csv(tmp_path, GOOD))

    assert row == {
        "site": "demo", "equipment": "line1/press01", "signal": "Count",
        "observed_at": datetime(2025, 3, 1, 12, 0, 0, 500_000, UTC), "value": 1.5, "text": None,
        "quality": 0, "received_at": datetime(2026, 1, 1, tzinfo=UTC), "is_historical": True,
    }  # fmt: skip


def test_optional_columns_have_defaults_and_times_without_zone_are_utc(tmp_path: Path) -> None:
    table = pa.table(
        {
            "signal": ["State"], "equipment": ["line1/press01"], "site": ["demo"],
            "observed_at": pa.array([datetime(2025, 3, 1, 12)], pa.timestamp("ns")),
            "text": ["execute"],
        }
    )  # fmt: skip
    file = tmp_path / "history.parquet"
    pq.write_table(table, file)

    (row,) = rows_of(file)

    assert row["observed_at"] == datetime(2025, 3, 1, 12, tzinfo=UTC)
    assert (row["value"], row["text"]) == (None, "execute")
    assert (row["quality"], row["is_historical"]) == (0, True)


def test_rows_keep_their_order_over_chunks(tmp_path: Path) -> None:
    count = CHUNK_ROWS + 10
    table = pa.table(
        {
            "site": pa.repeat("demo", count), "equipment": pa.repeat("line1", count),
            "signal": pa.repeat("Count", count), "value": pa.arange(0, count),
            "observed_at": pa.arange(0, count).cast(pa.timestamp("us")),
        }
    )  # fmt: skip
    file = tmp_path / "history.parquet"
    pq.write_table(table, file)

    parts = list(chunks(file, NOW))

    assert [part.num_rows for part in parts] == [CHUNK_ROWS, 10]
    assert pa.concat_tables(parts)["value"].cast(pa.int64()).equals(table["value"])
    for name in batch.SCHEMA.names:
        assert parts[0].schema.field(name).type == batch.SCHEMA.field(name).type


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (",line1,Count,2025-03-01T12:00:00Z,1,,0,true", "row 2, column site: is empty"),
        ("a b,line1,Count,2025-03-01T12:00:00Z,1,,0,true", "row 2, column site: 'a b' is no name"),
        (
            "demo,line1//x,Count,2025-03-01T12:00:00Z,1,,0,true",
            "column equipment: 'line1//x' is no",
        ),
        ("demo,line1,Count,yesterday,1,,0,true", "row 2, column observed_at: 'yesterday' is not a"),
        ("demo,line1,Count,,1,,0,true", "row 2, column observed_at: is empty"),
        ("demo,line1,Count,1066-10-14,1,,0,true", "column observed_at: '1066-10-14 00:00:00+00'"),
        ("demo,line1,Count,2025-03-01,one,,0,true", "row 2, column value: 'one' is not a number"),
        ("demo,line1,Count,2025-03-01,,,0,true", "row 2, column value: is empty and so is text"),
        ("demo,line1,Count,2025-03-01,1,,7,true", "row 2, column quality: '7' is not 0, 1 or 2"),
        ("demo,line1,Count,2025-03-01,1,,0,perhaps", "row 2, column is_historical: 'perhaps'"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, line: str, expected: str) -> None:
    file = csv(tmp_path, GOOD, line)

    message = error_of(file)

    assert message.startswith(f"{file}: ")
    assert expected in message


def test_a_bad_sample_may_have_neither_value_nor_text(tmp_path: Path) -> None:
    (row,) = rows_of(csv(tmp_path, "demo,line1,Count,2025-03-01,,,2,true"))

    assert (row["value"], row["text"], row["quality"]) == (None, None, 2)


def test_missing_and_unknown_columns_are_named(tmp_path: Path) -> None:
    assert "lacks column observed_at;" in error_of(
        csv(tmp_path, header="site,equipment,signal,value")
    )
    assert "lacks column value (or text);" in error_of(
        csv(tmp_path, header="site,equipment,signal,observed_at")
    )
    assert "has unknown column qualty;" in error_of(csv(tmp_path, header=HEADER + ",qualty"))


def test_what_is_no_such_file_is_said(tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"not parquet")

    assert "broken.parquet: no readable Parquet file" in error_of(broken)
    assert "no readable CSV file" in error_of(tmp_path / "absent.csv")
    assert "no readable CSV file" in error_of(csv(tmp_path, "too,few"))
    with pytest.raises(ImportFileError, match="No such file"):
        digest_of_file(tmp_path / "absent.csv", silent)


def test_times_as_numbers_are_refused_with_the_form_that_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "history.parquet"
    columns = {"site": ["demo"], "equipment": ["line1"], "signal": ["Count"], "value": [1]}
    pq.write_table(pa.table({**columns, "observed_at": [1_700_000_000]}), file)

    assert "column observed_at is int64; it must hold times" in error_of(file)
