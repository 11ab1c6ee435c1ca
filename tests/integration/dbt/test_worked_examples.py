"""dbt's own unit tests: published worked examples and the classic mistakes, over real models.

They ask a built lake for the types of the models that they feed.
"""

import json
import subprocess
import sys

import pytest

from pipelines import dbt
from takt.settings import Settings
from tests.parsed_project import share_parsed_project

pytestmark = pytest.mark.timeout(400)


def test_the_worked_examples_give_their_published_results(built_settings: Settings) -> None:
    share_parsed_project(built_settings.home)
    parsed = dbt.manifest(built_settings).with_name("partial_parse.msgpack")

    command = [sys.executable, "-m", "pipelines.dbt_process", parsed, "test"]
    done = subprocess.run(
        [*command, "--select", "test_type:unit"],
        env=dbt.environment(built_settings),
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout
    results = json.loads((dbt.target_path(built_settings) / "run_results.json").read_text())
    assert {result["status"] for result in results["results"]} == {"pass"}
    assert len(results["results"]) >= 11
