"""Which services `takt up` starts."""

from takt.command.stack import core_services
from takt.settings import IngestionSettings, Settings


def test_as_many_ingesting_processes_are_started_as_are_asked_for() -> None:
    options = Settings(ingestion=IngestionSettings(processes=3, shards=2))

    services = {each.name: each.arguments for each in core_services(options)}

    assert [name for name, verb in services.items() if verb == ("ingest",)] == [
        "ingest",
        "ingest-2",
        "ingest-3",
    ]
