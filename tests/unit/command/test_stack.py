"""Which services `takt up` starts."""

from takt.command.stack import core_services
from takt.settings import IngestionSettings, Settings


def test_as_many_ingesting_processes_are_started_as_are_asked_for() -> None:
    options = Settings(ingestion=IngestionSettings(processes=3, shards=2))

    ingesting = [each for each in core_services(options) if each.arguments == ("ingest",)]

    assert [(each.name, dict(each.variables)) for each in ingesting] == [
        ("ingest", {}),
        ("ingest-2", {"TAKT_METRICS__INGEST_PORT": "9111"}),
        ("ingest-3", {"TAKT_METRICS__INGEST_PORT": "9112"}),
    ]
