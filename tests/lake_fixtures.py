"""A lake for each test: fresh tables in one PostgreSQL that all tests of a session share."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import lake
from lake.catalog_supervisor import CatalogHome
from takt.settings import Settings

_TEMPLATE = "takt_template"


@pytest.fixture(scope="session")
def catalog_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Connection string of a PostgreSQL with a database that holds an empty lake to copy."""
    home = Settings(home=tmp_path_factory.mktemp("catalog-server"), catalog=None)
    server = lake.catalog.join(home)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {_TEMPLATE}")
    template = make_conninfo(server, dbname=_TEMPLATE)
    lake.schema.create(Settings(home=home.home, catalog=template))
    yield server
    lake.catalog.leave(home)


@pytest.fixture
def lake_settings(catalog_server: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a fresh home whose lake has all tables and no rows."""
    with fresh_lake(catalog_server, tmp_path) as settings:
        yield settings


@contextmanager
def fresh_lake(catalog_server: str, folder: Path) -> Iterator[Settings]:
    """A home in `folder` whose lake has all tables and no rows; gone at the end."""
    database = f"lake_{uuid.uuid4().hex}"
    catalog = make_conninfo(catalog_server, dbname=database)
    settings = Settings(home=folder / "home", catalog=catalog)
    data = Path(settings.data_path)
    data.mkdir(parents=True)
    with psycopg.connect(catalog_server, autocommit=True) as connection:
        connection.execute(f"create database {database} template {_TEMPLATE}")
    with psycopg.connect(catalog) as connection:
        connection.execute(
            "update ducklake_metadata set value = %s where key = 'data_path'", [f"{data}/"]
        )
    yield settings
    with psycopg.connect(catalog_server, autocommit=True) as connection:
        connection.execute(f"drop database {database} with (force)")


@pytest.fixture
def embedded_settings(tmp_path: Path) -> Iterator[Settings]:
    """Settings of a fresh home with an embedded catalog of its own; this process is a member."""
    settings = Settings(home=tmp_path / "embedded", catalog=None, data=None)
    lake.schema.create(settings)
    yield settings
    lake.catalog.leave(settings)
    from tests.conftest import wait_until

    folder = CatalogHome(settings.home).socket_folder
    wait_until(lambda: not folder.exists(), "the catalog to be gone")
