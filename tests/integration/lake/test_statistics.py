"""Tables without rows have statistics, and those that they get with rows are DuckLake's own."""

from contextlib import closing

import duckdb
import pytest

import lake
from lake.statistics import describe_empty
from takt.settings import Settings

COLUMNS = "number bigint, amount decimal(18, 6), text varchar, share double, causes varchar[]"
ROWS = ("(1, 2.5, 'b', 0.5, ['x', 'y'])", "(-3, null, 'a', 'nan', null), (9, 7, null, null, [])")
OF_TABLE = """
select column_id, contains_null, contains_nan, min_value, max_value
from __ducklake_metadata_lake.ducklake_table_column_stats where table_id = $id order by all
"""
COUNTED = """
select record_count, next_row_id from __ducklake_metadata_lake.ducklake_table_stats
where table_id = $id
"""
WITHOUT = """
select table_name from __ducklake_metadata_lake.ducklake_table
where end_snapshot is null and table_id not in
    (select table_id from __ducklake_metadata_lake.ducklake_table_stats)
"""


def test_no_table_of_a_new_lake_is_without_statistics(lake_settings: Settings) -> None:
    with closing(lake.open(lake_settings)) as con:
        assert con.execute(WITHOUT).fetchall() == []


def test_a_described_table_gets_the_statistics_that_any_table_gets_with_its_rows(
    lake_settings: Settings,
) -> None:
    with closing(lake.open(lake_settings)) as con:
        for name in ("described", "plain"):
            con.execute(f"create table marts.{name} ({COLUMNS})")
        with lake.catalog.connect(lake_settings) as catalog:
            describe_empty(catalog, [("marts", "described")])
        assert con.execute("from marts.described where number is null").fetchall() == []
        for rows in ROWS:
            for name in ("described", "plain"):
                con.execute(f"insert into marts.{name} values {rows}")
            assert statistics(con, "described") == statistics(con, "plain")
        assert con.execute("select count(*) from marts.described").fetchall() == [(3,)]


@pytest.mark.parametrize("times", [1, 2])
def test_describing_changes_no_table_that_has_rows(lake_settings: Settings, times: int) -> None:
    with closing(lake.open(lake_settings)) as con:
        con.execute(f"create table marts.filled ({COLUMNS})")
        con.execute(f"insert into marts.filled values {ROWS[0]}")
        before = statistics(con, "filled")
        with lake.catalog.connect(lake_settings) as catalog:
            for _ in range(times):
                describe_empty(catalog, [("marts", "filled")])
        assert statistics(con, "filled") == before


def statistics(con: duckdb.DuckDBPyConnection, table: str) -> tuple[object, ...]:
    """What the catalog keeps of a table and its columns."""
    found = con.execute(
        "select table_id from __ducklake_metadata_lake.ducklake_table"
        f" where table_name = '{table}' and end_snapshot is null"
    ).fetchone()
    assert found
    of_table = {"id": found[0]}
    return con.execute(COUNTED, of_table).fetchall(), con.execute(OF_TABLE, of_table).fetchall()
