"""The demo's 14 days of history in a lake of its own."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import lake
from edge.simulator.history import prepare
from ingestion.history import import_files
from ingestion.reference import load
from takt.progress import silent
from takt.settings import Settings

_DAYS = 14


def fill(settings: Settings) -> int:
    """Make the lake and load business data and history; returns how many samples it has."""
    lake.schema.create(settings)
    now = datetime.now(UTC)
    folder = settings.home / "plant"
    files = prepare(folder, settings, 1, now - timedelta(days=_DAYS), now)
    load(settings, folder / "business_data")
    import_files(settings, files, silent)
    with closing(lake.open(settings, read_only=True)) as con:
        row = con.execute("select count(*) from raw.telemetry").fetchone()
    assert row is not None
    return int(row[0])
