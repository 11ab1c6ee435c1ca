"""A home that an older Takt made: what is missing of its tables is said, then made."""

from contextlib import closing
from pathlib import Path

import pytest

import lake
from ingestion import quarantine, reference
from ingestion.main import Ingestion
from takt.errors import ConfigurationError
from takt.settings import Settings
from tests.plant_files import write_plant


def test_the_quarantine_of_an_older_home_says_what_to_do_and_works_after_it(
    lake_settings: Settings,
) -> None:
    with closing(lake.open(lake_settings)) as con:
        con.execute("alter table raw.quarantine drop column rows")

    with pytest.raises(ConfigurationError, match="older Takt; run `takt refresh` once"):
        quarantine.list_entries(lake_settings)

    lake.schema.create(lake_settings)
    assert quarantine.list_entries(lake_settings) == []


def test_business_files_are_checked_against_an_older_home_without_their_tables(
    lake_settings: Settings, tmp_path: Path
) -> None:
    with closing(lake.open(lake_settings)) as con:
        con.execute("drop table reference.material_movement")
    folder = write_plant(tmp_path, exchange_rate="currency,rate\nEUR,1\n")

    assert reference.check(lake_settings, folder).is_accepted
    assert reference.load(lake_settings, folder).is_accepted


def test_a_catalog_that_is_too_old_is_said_once_with_what_to_do(
    lake_settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("lake.catalog.OLDEST_VERSION", 99)

    with pytest.raises(ConfigurationError, match="Takt needs 99 or newer: upgrade that server"):
        Ingestion(lake_settings).run()

    assert caplog.records == []
