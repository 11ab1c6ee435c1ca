"""Dagster's definitions, loaded once as its code server loads them, in a home of their own."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tests.parsed_project import share_parsed_project


@dataclass(frozen=True)
class Loaded:
    """All definitions and the dbt manifest they were made from."""

    definitions: dg.Definitions
    manifest: dict[str, Any]

    def keys(self, schema: str) -> set[str]:
        """Names of the assets below a schema."""
        found = self.definitions.resolve_asset_graph().get_all_asset_keys()
        return {key.path[-1] for key in found if key.path[0] == schema}


@pytest.fixture(scope="session")
def dagster(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """What the code server would serve; loaded once, whichever folder asks first."""
    return _load(tmp_path_factory.getbasetemp() / "dagster-home")


@cache
def _load(home: Path) -> Loaded:
    share_parsed_project(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAKT_HOME", str(home))
        from pipelines.definitions import defs

        definitions = defs()
    (manifest,) = Path(home, "dbt").glob("parsed-*/manifest.json")
    return Loaded(definitions, json.loads(manifest.read_text()))
