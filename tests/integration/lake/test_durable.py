from pathlib import Path

import duckdb
import pytest

import lake
from lake import durable
from takt.settings import Settings
from tests.integration.lake.conftest import CatalogWire

_INSERT = "insert into reference.item (item_id) values ('a')"


def items(settings: Settings) -> list[tuple[str]]:
    with lake.open(settings, read_only=True) as con:
        return con.execute("select item_id from reference.item").fetchall()


def second_names(settings: Settings) -> list[Path]:
    return list(Path(settings.data_path).rglob("*.kept"))


def test_a_commit_leaves_nothing_behind(lake_settings: Settings):
    with lake.open(lake_settings) as con, lake.transaction(con):
        con.execute(_INSERT)
        durable.commit(con, lake_settings, ["reference"])

    assert items(lake_settings) == [("a",)]
    assert second_names(lake_settings) == []


def test_without_it_duckdb_deletes_files_of_a_commit_whose_answer_is_lost(
    lake_settings: Settings, wired_settings: Settings, wire: CatalogWire
):
    with lake.open(wired_settings) as con, lake.transaction(con):
        con.execute(_INSERT)
        wire.at_next_commit(lambda: True)
        with pytest.raises(duckdb.Error):
            con.commit()

    assert lake.files.tables_with_missing_files(lake_settings) == {"reference.item"}


def test_files_survive_a_commit_whose_answer_is_lost(
    lake_settings: Settings, wired_settings: Settings, wire: CatalogWire
):
    with lake.open(wired_settings) as con, lake.transaction(con):
        con.execute(_INSERT)
        wire.at_next_commit(lambda: True)
        with pytest.raises(lake.OutcomeUnknown):
            durable.commit(con, wired_settings, ["reference"])

    assert items(lake_settings) == [("a",)]
    assert second_names(lake_settings) == []
    assert lake.files.tables_with_missing_files(lake_settings) == set()


def test_a_commit_that_never_arrived_leaves_nothing(
    lake_settings: Settings, wired_settings: Settings, wire: CatalogWire
):
    with lake.open(wired_settings) as con, lake.transaction(con):
        con.execute(_INSERT)
        wire.at_next_commit(lambda: False)
        with pytest.raises(lake.OutcomeUnknown):
            durable.commit(con, wired_settings, ["reference"])

    assert items(lake_settings) == []
    assert second_names(lake_settings) == []
