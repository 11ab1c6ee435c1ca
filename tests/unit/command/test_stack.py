"""Which services `takt up` starts."""

import subprocess
import sys
from pathlib import Path

from takt.command.stack import core_services
from takt.settings import IngestionSettings, Settings
from tests.command import environment


def test_as_many_ingesting_processes_are_started_as_are_asked_for() -> None:
    options = Settings(ingestion=IngestionSettings(processes=3, shards=2))

    ingesting = [each for each in core_services(options) if each.arguments[0] == "ingest"]

    assert [(each.name, dict(each.variables)) for each in ingesting] == [
        ("ingest", {}),
        ("ingest-2", {"TAKT_METRICS__INGEST_PORT": "9111"}),
        ("ingest-3", {"TAKT_METRICS__INGEST_PORT": "9112"}),
    ]


def test_each_ingesting_process_says_in_its_log_which_it_is(tmp_path: Path) -> None:
    options = Settings(home=tmp_path, ingestion=IngestionSettings(processes=2, shards=2))
    _, second = [each for each in core_services(options) if each.arguments[0] == "ingest"]
    nowhere = options.model_copy(update={"catalog": "postgresql://127.0.0.1:1/none"})

    process = subprocess.Popen(
        [sys.executable, "-m", "takt", *second.arguments],
        env=environment(nowhere), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        assert " WARNING ingest-2: " in process.stderr.readline()
    finally:
        process.kill()
        process.communicate()
