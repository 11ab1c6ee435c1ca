"""A lake for each test: a copy of one in the PostgreSQL that all tests of a worker share."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import lake
from lake.catalog_supervisor import CatalogHome
from takt.settings import LakeSettings, Settings
from tests import built_lake as built_lake_of_all

ONE_CORE = LakeSettings(threads=1)
"""Threads that wait for one another over a few rows take CPU from the tests beside theirs."""


@dataclass(frozen=True)
class Template:
    """A lake to copy.

    Attributes:
        database: Its catalog, in the PostgreSQL of the session.
        data: The folder of its files; None: it has none.
    """

    database: str
    data: Path | None = None


EMPTY = Template("takt_empty")
"""Takt's own tables, and nothing of the transformations."""


@pytest.fixture(scope="session")
def catalog_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Connection string of a PostgreSQL with a database that holds an empty lake to copy."""
    home = Settings(home=tmp_path_factory.mktemp("catalog-server"), catalog=None)
    server = lake.catalog.join(home)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {EMPTY.database}")
    template = make_conninfo(server, dbname=EMPTY.database)
    lake.schema.create(Settings(home=home.home, catalog=template))
    yield server
    lake.catalog.leave(home)


@pytest.fixture(scope="session")
def built_lake(
    catalog_server: str, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Template:
    """A lake with every mart and no row; see `tests.built_lake`."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "built-lake"
    with fresh_lake(catalog_server, tmp_path_factory.mktemp("building")) as empty:
        built_lake_of_all.make_once(empty, folder)
    built = Template("takt_built", folder / "data")
    _copy_database(catalog_server, built.database, EMPTY.database)
    built_lake_of_all.read_catalog(catalog_server, built.database, folder)
    return built


@pytest.fixture
def lake_settings(catalog_server: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a fresh home whose lake has all tables of Takt's own and no rows."""
    with fresh_lake(catalog_server, tmp_path) as settings:
        yield settings


@pytest.fixture
def built_settings(catalog_server: str, built_lake: Template, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a fresh home whose lake has all tables, also the marts; built from no rows."""
    with fresh_lake(catalog_server, tmp_path, built_lake) as settings:
        yield settings


@contextmanager
def fresh_lake(server: str, folder: Path, template: Template = EMPTY) -> Iterator[Settings]:
    """A home in `folder` with a copy of a lake, by default of the empty one; gone at the end."""
    database = f"lake_{uuid.uuid4().hex}"
    catalog = make_conninfo(server, dbname=database)
    settings = Settings(home=folder / "home", catalog=catalog, lake=ONE_CORE)
    data = Path(settings.data_path)
    data.mkdir(parents=True)
    if template.data:
        shutil.copytree(template.data, data, dirs_exist_ok=True)
    _copy_database(server, database, template.database)
    with psycopg.connect(catalog) as connection:
        connection.execute(
            "update ducklake_metadata set value = %s where key = 'data_path'", [f"{data}/"]
        )
    yield settings
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"drop database {database} with (force)")


def _copy_database(server: str, name: str, template: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}")


def with_all_cores(settings: Settings) -> Settings:
    """The same lake, asked as it is where nothing else was said: by all cores at once."""
    return settings.model_copy(update={"lake": LakeSettings()})


@pytest.fixture
def embedded_settings(tmp_path: Path) -> Iterator[Settings]:
    """Settings of a fresh home with an embedded catalog of its own; this process is a member."""
    settings = Settings(home=tmp_path / "embedded", catalog=None, data=None, lake=ONE_CORE)
    lake.schema.create(settings)
    yield settings
    lake.catalog.leave(settings)
    from tests.conftest import wait_until

    folder = CatalogHome(settings.home).socket_folder
    wait_until(lambda: not folder.exists(), "the catalog to be gone")
