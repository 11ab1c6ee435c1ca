"""COMMIT of what DuckDB wrote, so that neither a power cut nor a lost answer costs a file.

For tables that cannot be made again. Ingestion writes its own files instead; see `lake.commit`.
"""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from lake import catalog, door, files
from lake.errors import OutcomeUnknown
from takt.settings import Settings


def commit(con: duckdb.DuckDBPyConnection, settings: Settings, folders: Iterable[str]) -> None:
    """End the transaction under way; its files are durable before they are visible.

    Nobody else may write to these folders at the same time: hold `refresh_lock`.

    Args:
        con: A connection of the lake with a transaction.
        settings: Of the installation.
        folders: Where the transaction wrote, below the lake's files: `reference`, `raw/batch`.

    Raises:
        OutcomeUnknown: COMMIT failed, by a conflict or because its answer was lost; look whether
            the change is there before doing it again.
        LakeUnavailable: As before, and the catalog is still away.
        OSError: The files cannot be made durable; the transaction is still under way.
    """
    data = Path(door.data_folder(settings))
    with catalog.connect(settings) as connection:
        named = {file.path for file in files.named_files(connection, data)}
    written = {p for folder in folders for p in files.written_by_duckdb(data / folder)} - named
    files.keep(written, data)
    try:
        con.commit()
    except duckdb.Error as error:
        with catalog.connect(settings) as connection:
            files.rescue(connection, data)
        raise OutcomeUnknown(f"COMMIT failed: {str(error).splitlines()[0]}") from error
    files.forget(written)
