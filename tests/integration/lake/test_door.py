import datetime as dt
import socket
import subprocess
import sys
import threading
import traceback

import duckdb
import pytest

import lake
from lake.schema import tables
from takt.errors import ConfigurationError
from takt.settings import LakeSettings, Settings


def test_a_new_lake_has_every_table_and_no_row(lake_settings: Settings):
    with lake.open(lake_settings) as con:
        counts = {
            t.qualified_name: con.table(t.qualified_name).count("*").fetchone() for t in tables()
        }

    assert set(counts.values()) == {(0,)}
    assert {"raw.telemetry", "raw.batch", "reference.signal_map", "pipeline.publication"} <= set(
        counts
    )


def test_columns_have_the_names_and_types_of_the_table_list(lake_settings: Settings):
    with lake.open(lake_settings) as con:
        for table in tables():
            found = con.execute(f"describe {table.qualified_name}").fetchall()
            assert {row[0]: row[1] for row in found} == table.columns


def test_creating_the_tables_again_changes_nothing(lake_settings: Settings):
    with lake.open(lake_settings) as con:
        before = con.execute("select max(snapshot_id) from lake.snapshots()").fetchone()

        lake.schema.create(lake_settings)

        assert con.execute("select max(snapshot_id) from lake.snapshots()").fetchone() == before


def test_a_column_that_is_new_in_a_contract_is_added(lake_settings: Settings):
    with lake.open(lake_settings) as con:
        con.execute("alter table reference.item drop column strategy")

        lake.schema.create(lake_settings)

    with lake.open(lake_settings) as con:
        assert "strategy" in con.table("reference.item").columns


def test_times_are_utc(lake_settings: Settings):
    with lake.open(lake_settings) as con:
        assert con.execute("select current_setting('TimeZone')").fetchone() == ("UTC",)


def test_small_inserts_are_files_not_catalog_rows(lake_settings: Settings):
    with lake.open(lake_settings) as con:
        con.execute("insert into raw.import_file values ('d', 'n', 1, timestamp '2025-01-01')")

        files = con.execute(
            "from ducklake_list_files('lake', 'import_file', schema => 'raw')"
        ).fetchall()

    assert len(files) == 1


def test_a_read_only_lake_refuses_changes(lake_settings: Settings):
    with (
        lake.open(lake_settings, read_only=True) as con,
        pytest.raises(duckdb.InvalidInputException),
    ):
        con.execute("delete from raw.import_file")


def test_a_lake_is_seen_as_it_was_at_a_snapshot(lake_settings: Settings):
    with lake.open(lake_settings) as con:
        (before,) = con.execute("select max(snapshot_id) from lake.snapshots()").fetchone()
        con.execute("insert into raw.import_file values ('d', 'n', 1, timestamp '2025-01-01')")

    with lake.open(lake_settings, snapshot_id=before) as old, lake.open(lake_settings) as new:
        assert old.table("raw.import_file").fetchall() == []
        assert new.table("raw.import_file").fetchall() == [("d", "n", 1, dt.datetime(2025, 1, 1))]
        with pytest.raises(duckdb.InvalidInputException):
            old.execute("delete from raw.import_file")


def test_reading_never_makes_a_home(tmp_path):
    settings = Settings(home=tmp_path / "nothing", catalog=None)

    with pytest.raises(ConfigurationError, match="no lake in"):
        lake.open(settings, read_only=True)

    assert not settings.home.exists()


def test_a_catalog_without_a_lake_is_said_so(catalog_server: str, tmp_path):
    settings = Settings(home=tmp_path, catalog=catalog_server)

    with pytest.raises(ConfigurationError, match="holds no lake yet"):
        lake.open(settings)


def test_another_data_folder_than_the_lakes_is_refused(lake_settings: Settings, tmp_path):
    elsewhere = Settings(
        home=tmp_path, catalog=lake_settings.catalog, data=str(tmp_path / "elsewhere")
    )

    with pytest.raises(ConfigurationError, match="set TAKT_DATA"):
        lake.open(elsewhere)


def test_a_server_that_is_away_is_unavailable(tmp_path):
    settings = Settings(home=tmp_path, catalog=f"host={tmp_path} dbname=takt")

    with pytest.raises(lake.LakeUnavailable):
        lake.open(settings)


def test_the_password_is_told_to_the_catalog_and_to_nobody_else(tmp_path):
    received = []
    settings = Settings(home=tmp_path, catalog=f"host={tmp_path} dbname=takt password='s3 cret'")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / ".s.PGSQL.5432"))
        listener.listen()
        server = threading.Thread(target=ask_for_password, args=(listener, received))
        server.start()

        with pytest.raises(lake.LakeUnavailable) as raised:
            lake.open(settings)

        server.join()
    assert b"s3 cret" in received[0]
    assert "s3 cret" not in "".join(traceback.format_exception(raised.value))


def ask_for_password(listener: socket.socket, received: list[bytes]) -> None:
    """Take the place of PostgreSQL until the password has come."""
    client, _ = listener.accept()
    with client:
        client.recv(1 << 16)
        client.sendall(b"R\0\0\0\x08\0\0\0\x03")
        received.append(client.recv(1 << 16))


def test_an_attached_lake_does_not_tell_the_password_of_its_catalog(lake_settings: Settings):
    told = f"{lake_settings.catalog} password=s3cret"

    with lake.open(Settings(home=lake_settings.home, catalog=told)) as con:
        shown = con.execute("select path, options from duckdb_databases()").fetchall()
        shown += con.execute("select secret_string from duckdb_secrets()").fetchall()

    assert "password=redacted" in str(shown)
    assert "s3cret" not in str(shown)


@pytest.mark.parametrize("address", ["s3cret", "postgresql://takt:s3cret%zz@plant/takt"])
def test_a_catalog_that_is_no_address_is_a_wrong_setting(tmp_path, address):
    with pytest.raises(ConfigurationError, match="TAKT_CATALOG") as raised:
        lake.catalog.join(Settings(home=tmp_path, catalog=address))

    assert "s3cret" not in "".join(traceback.format_exception(raised.value))


def test_what_exceeds_memory_goes_to_the_home_and_is_gone_afterwards(lake_settings: Settings):
    lake_settings.home.mkdir(exist_ok=True)
    with lake.open(lake_settings) as con:
        con.execute("set memory_limit = '30MB'; set threads = 1")
        con.execute(
            "create temp table big as"
            " select md5(i::varchar) as t, random() as x from range(2000000) r(i)"
        )
        assert list(lake_settings.home.glob("spill-*/*"))

    assert not list(lake_settings.home.glob("spill-*"))


_LOSES_ITS_CATALOG_IN_A_TRANSACTION = """
import sys, duckdb, lake, psycopg
from takt.settings import LakeSettings, Settings
settings = Settings(home=sys.argv[1], catalog=sys.argv[2])
with psycopg.connect(settings.catalog) as catalog, lake.open(settings) as con:
    try:
        with lake.transaction(con):
            con.execute("select count(*) from raw.batch").fetchall()
            catalog.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
            con.execute("insert into raw.health by name select 'demo' as site")
            con.commit()
    except duckdb.Error:
        print("an error that can be caught")
"""


def test_a_process_survives_the_loss_of_its_catalog_inside_a_transaction(lake_settings: Settings):
    command = [sys.executable, "-c", _LOSES_ITS_CATALOG_IN_A_TRANSACTION]
    process = subprocess.run(
        [*command, lake_settings.home, lake_settings.catalog],
        capture_output=True,
        text=True,
    )

    assert (process.returncode, process.stdout) == (0, "an error that can be caught\n")


def test_what_a_transaction_has_not_committed_is_not_there(lake_settings: Settings):
    with lake.open(lake_settings) as con:
        with lake.transaction(con):
            con.execute("insert into raw.health by name select 'demo' as site")

        assert con.execute("select count(*) from raw.health").fetchone() == (0,)


@pytest.mark.parametrize("threads", [1, 3])
def test_queries_use_as_many_cores_as_the_settings_say(lake_settings: Settings, threads: int):
    settings = lake_settings.model_copy(update={"lake": LakeSettings(threads=threads)})

    with lake.open(settings) as con:
        assert con.execute("select current_setting('threads')").fetchone() == (threads,)
