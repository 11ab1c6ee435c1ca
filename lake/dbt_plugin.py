"""Gives dbt's connection the lake, through the same door as everybody else's."""

from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from lake.door import attach

_NAME = "lake"


class Plugin(BasePlugin):  # type: ignore[misc]
    """Attaches the lake of this process's settings when dbt opens its connection."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:  # noqa: ARG002
        """Tell the adapter that the attached database is a DuckLake; it sees only its own."""
        self.creds._ducklake_dbs.add(_NAME)  # noqa: SLF001

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Attach the lake; its tables are `lake.<schema>.<table>`."""
        attach(conn, name=_NAME)
