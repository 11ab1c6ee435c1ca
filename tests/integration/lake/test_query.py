"""What `takt sql` sees: marts as published, everything else as it is now, nothing to change."""

import io
import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

import lake
from lake import query
from takt.errors import ConfigurationError
from takt.settings import Settings


def write(settings: Settings, *statements: str) -> int:
    """Run statements on the lake; the snapshot after them."""
    with closing(lake.open(settings)) as con:
        for statement in statements:
            con.execute(statement)
        found = con.execute("select id from lake.current_snapshot()").fetchone()
    assert found is not None
    return int(found[0])


def publish(settings: Settings, figure: int) -> None:
    """A mart that shows `figure`, published; the moment is the lake's own."""
    snapshot_id = write(settings, f"create or replace table marts.it as select {figure} as figure")
    publication = f"({snapshot_id}, {snapshot_id}, 'run', now()::timestamp)"
    write(settings, f"insert into pipeline.publication values {publication}")


def ask(settings: Settings, sql: str, as_of: str | None = None) -> object:
    return json.loads(query.run_query(settings, sql, as_of, "json"))


def now() -> str:
    return datetime.now(UTC).isoformat()


def test_marts_are_shown_as_last_published(lake_settings: Settings) -> None:
    publish(lake_settings, 1)
    write(lake_settings, "create or replace table marts.it as select 2 as figure")

    assert ask(lake_settings, "select figure from marts.it") == [{"figure": 1}]
    assert ask(lake_settings, "select figure from it") == [{"figure": 1}]


def test_marts_are_shown_as_they_are_before_any_publication(lake_settings: Settings) -> None:
    write(lake_settings, "create table marts.it as select 1 as figure")

    assert ask(lake_settings, "select figure from marts.it") == [{"figure": 1}]


@pytest.mark.parametrize("view", ["live_it", "balance"])
def test_raw_and_live_relations_are_shown_as_they_are_now(
    lake_settings: Settings, view: str
) -> None:
    write(
        lake_settings, f"create view marts.{view} as select count(*) as n from lake.raw.import_file"
    )
    publish(lake_settings, 1)
    write(lake_settings, "insert into raw.import_file values ('d', 'n', 1, now()::timestamp)")

    assert ask(lake_settings, "select count(*) as n from raw.import_file") == [{"n": 1}]
    assert ask(lake_settings, f"select n from marts.{view}") == [{"n": 1}]


def test_a_mart_that_is_not_there_yet_names_the_refresh(lake_settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="first `takt refresh`"):
        ask(lake_settings, "select * from marts.balance")


def test_a_view_over_raw_alone_is_as_of_now_and_one_over_marts_as_published(
    lake_settings: Settings,
) -> None:
    write(
        lake_settings, "create view marts.balance as select count(*) as n from lake.raw.import_file"
    )
    write(lake_settings, "create table marts.it as select 1 as figure")
    write(lake_settings, "create view marts.gap as from lake.marts.it")
    publish(lake_settings, 1)
    write(lake_settings, "insert into raw.import_file values ('d', 'n', 1, now()::timestamp)")
    write(lake_settings, "create or replace table marts.it as select 2 as figure")

    assert ask(lake_settings, "select n from marts.balance") == [{"n": 1}]
    assert ask(lake_settings, "select figure from marts.gap") == [{"figure": 1}]


def test_as_of_goes_back_to_the_publication_of_that_time(lake_settings: Settings) -> None:
    publish(lake_settings, 1)
    then = now()
    write(lake_settings, "insert into raw.import_file values ('d', 'n', 1, now()::timestamp)")
    publish(lake_settings, 2)

    assert ask(lake_settings, "select figure from marts.it", then) == [{"figure": 1}]
    assert ask(lake_settings, "select count(*) as n from raw.import_file", then) == [{"n": 0}]
    assert ask(lake_settings, "select figure from marts.it", now()) == [{"figure": 2}]


@pytest.mark.parametrize("moment", ["2001-01-01", "2999-01-01T00:00:00Z"])
def test_as_of_outside_what_is_kept_says_which_times_there_are(
    lake_settings: Settings, moment: str
) -> None:
    with pytest.raises(ConfigurationError, match=r"outside what is kept: 20\S+Z to 20\S+Z"):
        ask(lake_settings, "select 1", moment)


@pytest.mark.parametrize(
    "statement",
    [
        "insert into raw.import_file values ('d', 'n', 1, now()::timestamp)",
        "delete from raw.import_file",
        "update raw.import_file set rows = 0",
        "create table marts.other as select 1 as it",
        "create view raw.other as select 1 as it",
        "drop table raw.import_file",
        "copy (select 1) to 'refused.csv'",
        "explain analyze insert into raw.import_file values ('d', 'n', 1, now()::timestamp)",
        "call lake.set_option('parquet_compression', 'snappy')",
        "call ducklake_expire_snapshots('lake', versions => [1])",
        "from query('from ducklake_expire' || '_snapshots(''lake'', versions => [1])')",
        "select * from ducklake_delete_orphaned_files('lake', cleanup_all => true)",
        "call postgres_execute('__ducklake_metadata_lake', 'delete from ducklake_snapshot')",
        "delete from __ducklake_metadata_lake.public.ducklake_snapshot",
        "load 'unsigned.duckdb_extension'",
    ],
)
def test_nothing_can_be_changed(lake_settings: Settings, statement: str) -> None:
    publish(lake_settings, 1)
    before = write(lake_settings)

    with pytest.raises(ConfigurationError) as refused:
        ask(lake_settings, statement)

    assert "\n" not in str(refused.value)
    assert write(lake_settings) == before
    assert not Path("refused.csv").exists()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("selec 1", 'Parser Error: syntax error at or near "selec"'),
        ("select * from marts.nothing", "Table with name nothing does not exist"),
        ("select cast('a' as int)", "Could not convert string 'a' to INT32"),
        (" ; ", "the query is empty"),
    ],
)
def test_a_wrong_query_is_told_in_one_line(lake_settings: Settings, wrong: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        ask(lake_settings, wrong)

    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_asking_makes_no_home(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "nowhere", catalog=None)

    with pytest.raises(ConfigurationError, match="there is no lake"):
        ask(settings, "select 1")
    assert not settings.home.exists()


def test_pivots_and_listings_work(lake_settings: Settings) -> None:
    publish(lake_settings, 1)

    pivoted = ask(lake_settings, "pivot (select 'a' as k, 1 as v) on k using sum(v)")
    tables = ask(lake_settings, "select name, database from (show all tables)")

    assert pivoted == [{"a": 1}]
    assert isinstance(tables, list)
    assert {"name": "it", "database": "published"} in tables


def test_the_shell_answers_each_statement_and_goes_on_after_an_error(
    lake_settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("select 41 +\n1 as it;\nselec;\nselect 7 as it"))

    query.run_shell(lake_settings)

    shown = capsys.readouterr()
    assert shown.out.split() == ["it", "--", "42", "(1", "row)", "it", "--", "7", "(1", "row)"]
    assert "syntax error" in shown.err
