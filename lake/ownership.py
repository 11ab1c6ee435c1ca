"""Whose files a data folder holds: those of one lake, whatever else is set."""

from pathlib import Path

from lake.catalog import Connection
from takt.errors import ConfigurationError

_NOTE = "takt-lake-id"


def claim(catalog: Connection, data: Path) -> None:
    """Note in the folder which lake its files belong to.

    Raises:
        ConfigurationError: They belong to another one, whose files would look like orphans.
    """
    note = data / _NOTE
    if not note.exists():
        note.write_text(_identity(catalog))
    elif note.read_text() != _identity(catalog):
        raise ConfigurationError(
            f"{data} holds the files of another catalog ({note}); set TAKT_DATA to another folder,"
            " or TAKT_CATALOG to the catalog of these files"
        )


def _identity(catalog: Connection) -> str:
    """The first schema's UUID, made with the lake, never changed."""
    query = "select schema_uuid from ducklake_schema order by schema_id, begin_snapshot limit 1"
    return str(catalog.execute(query).fetchall()[0][0])
