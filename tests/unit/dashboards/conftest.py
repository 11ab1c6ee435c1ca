"""A dashboard over a tiny lake in memory, read at a fixed moment."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from dashboards import feed as feed_module
from dashboards.feed import Feed, Moment, Reading
from tests.unit.dashboards import plant


@pytest.fixture(scope="session")
def plant_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny lake, made once; every test gets a copy."""
    file = tmp_path_factory.mktemp("plant") / "plant.duckdb"
    plant.tiny_lake(file).close()
    return file


@pytest.fixture
def con(plant_file: Path, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(shutil.copy(plant_file, tmp_path / "lake.duckdb")) as lake:
        yield lake


@pytest.fixture
def at_plant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "_now", lambda: plant.NOW)


@pytest.fixture
def read(at_plant_time: None, con: duckdb.DuckDBPyConnection) -> Callable[[], Reading]:
    """One reading of the feed over the tiny lake as it is then."""
    return lambda: Feed(lambda snapshot_id=None: con.cursor(), 1.0).read()


@pytest.fixture
def moment(read: Callable[[], Reading]) -> Moment:
    found = read().moment
    assert found is not None
    return found
