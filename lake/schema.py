"""The lake's tables: names, columns, partitions and sort orders.

Belongs here: tables that Takt's own processes write. Tables of `staging`, `intermediate` and
`marts` are dbt's.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa

from lake import catalog, locks
from lake.door import attach_catalog, data_folder, new_connection, transaction
from lake.errors import LakeUnavailable
from lake.ownership import claim
from lake.statistics import describe_empty
from takt import contracts
from takt.settings import Settings

SCHEMAS = ("raw", "reference", "staging", "intermediate", "marts", "accounting", "pipeline")
PARTITION_DATE = "observed_date"
"""DuckLake takes over the partition of a file written elsewhere only from plain columns."""

_ARROW_TYPES = {
    "BIGINT": pa.int64(),
    "BLOB": pa.binary(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "DECIMAL(18,2)": pa.decimal128(18, 2),
    "DOUBLE": pa.float64(),
    "INTEGER": pa.int32(),
    "TIMESTAMP": pa.timestamp("us"),
    "TINYINT": pa.int8(),
    "VARCHAR": pa.string(),
}


@dataclass(frozen=True, eq=False)
class LakeTable:
    """A table that Takt's processes write.

    Attributes:
        schema: Its schema in the lake.
        name: Its name.
        columns: Name and DuckDB type of each column, in order.
        partitioned_by: Columns of which each file holds one combination.
        sorted_by: Order of the rows in merged files.
    """

    schema: str
    name: str
    columns: dict[str, str]
    partitioned_by: tuple[str, ...] = ()
    sorted_by: tuple[str, ...] = ()

    @property
    def qualified_name(self) -> str:
        """Schema and name, as SQL writes them."""
        return f"{self.schema}.{self.name}"

    @property
    def arrow_schema(self) -> pa.Schema:
        """The columns as Arrow types; times are naive UTC."""
        return pa.schema([(name, _ARROW_TYPES[kind]) for name, kind in self.columns.items()])


_COLLECTOR = {"site": "VARCHAR", "collector": "VARCHAR", "epoch": "VARCHAR"}

TELEMETRY = LakeTable(
    "raw",
    "telemetry",
    {
        **_COLLECTOR,
        "row_number": "BIGINT",
        "equipment": "VARCHAR",
        "signal": "VARCHAR",
        "observed_at": "TIMESTAMP",
        "value": "DOUBLE",
        "text": "VARCHAR",
        "quality": "TINYINT",
        "received_at": "TIMESTAMP",
        "is_historical": "BOOLEAN",
        PARTITION_DATE: "DATE",
    },
    partitioned_by=("site", PARTITION_DATE),
    sorted_by=("equipment", "signal", "observed_at"),
)
BATCH = LakeTable(
    "raw",
    "batch",
    {
        **_COLLECTOR,
        "first_seq": "BIGINT",
        "last_seq": "BIGINT",
        "first_row": "BIGINT",
        "rows": "BIGINT",
        "quarantined_rows": "BIGINT",
        "status": "VARCHAR",
        "digests": "BLOB",
        "cause": "VARCHAR",
        "ingestor_id": "VARCHAR",
        "first_observed_at": "TIMESTAMP",
        "last_observed_at": "TIMESTAMP",
        "first_received_at": "TIMESTAMP",
        "source_delay_us": "BIGINT",
        "committed_at": "TIMESTAMP",
    },
    sorted_by=("site", "collector", "epoch", "first_seq"),
)
BATCH_CHECKPOINT = LakeTable(
    "raw",
    "batch_checkpoint",
    {**_COLLECTOR, "through_seq": "BIGINT", "through_row": "BIGINT", "folded_at": "TIMESTAMP"},
)
QUARANTINE = LakeTable(
    "raw",
    "quarantine",
    {
        "quarantine_id": "VARCHAR",
        **_COLLECTOR,
        "seq": "BIGINT",
        "topic": "VARCHAR",
        "payload": "BLOB",
        "reason": "VARCHAR",
        "detail": "VARCHAR",
        "rows": "BIGINT",
        "payload_bytes": "BIGINT",
        "quarantined_at": "TIMESTAMP",
    },
)
QUARANTINE_REPLAY = LakeTable(
    "raw",
    "quarantine_replay",
    {"quarantine_id": "VARCHAR", "outcome": "VARCHAR", "replayed_at": "TIMESTAMP"},
)
HEALTH = LakeTable(
    "raw",
    "health",
    {
        **_COLLECTOR,
        "reported_at": "TIMESTAMP",
        "online": "BOOLEAN",
        "accepted_rows": "BIGINT",
        "spool_first_row": "BIGINT",
        "spool_rows": "BIGINT",
        "spool_bytes": "BIGINT",
        "sources": "VARCHAR",
    },
)
TRANSPORT_REPEAT = LakeTable(
    "raw",
    "transport_repeat",
    {**_COLLECTOR, "batches": "BIGINT", "rows": "BIGINT", "counted_at": "TIMESTAMP"},
)
INGEST_SHARD = LakeTable(
    "raw", "ingest_shard", {"shard": "INTEGER", "owner_id": "VARCHAR", "commits": "BIGINT"}
)
INGEST_LAYOUT = LakeTable("raw", "ingest_layout", {"shards": "INTEGER", "take_overs": "BIGINT"})
SIDE_SHARD = -1
"""The shard of imports and replays; no collector belongs to it."""
IMPORT_FILE = LakeTable(
    "raw",
    "import_file",
    {"digest": "VARCHAR", "name": "VARCHAR", "rows": "BIGINT", "imported_at": "TIMESTAMP"},
)
MES_MESSAGE = LakeTable(
    "raw",
    "mes_message",
    {
        "digest": "VARCHAR",
        "message_id": "VARCHAR",
        "type": "VARCHAR",
        "production_order_id": "VARCHAR",
        "sequence": "BIGINT",
        "created_at": "TIMESTAMP",
        "received_at": "TIMESTAMP",
        "received_from": "VARCHAR",
        "payload": "BLOB",
    },
)
MES_OUTCOME = LakeTable(
    "raw",
    "mes_outcome",
    {
        "digest": "VARCHAR",
        "outcome": "VARCHAR",
        "detail": "VARCHAR",
        "tries": "BIGINT",
        "decided_at": "TIMESTAMP",
        "decided_by": "VARCHAR",
        "load_id": "VARCHAR",
    },
)
RUN = LakeTable(
    "pipeline",
    "run",
    {
        "run_id": "VARCHAR",
        "snapshot_id": "BIGINT",
        "kind": "VARCHAR",
        "started_at": "TIMESTAMP",
        "finished_at": "TIMESTAMP",
        "outcome": "VARCHAR",
        "project": "VARCHAR",
    },
)
PUBLICATION = LakeTable(
    "pipeline",
    "publication",
    {
        "snapshot_id": "BIGINT",
        "pinned_snapshot_id": "BIGINT",
        "run_id": "VARCHAR",
        "published_at": "TIMESTAMP",
    },
)
CLOSING = LakeTable(
    "accounting",
    "closing",
    {
        "closing_id": "VARCHAR",
        "period_id": "VARCHAR",
        "closed_at": "TIMESTAMP",
        "closed_by": "VARCHAR",
        "accepted": "VARCHAR",
    },
)
REOPENING = LakeTable(
    "accounting",
    "reopening",
    {
        "closing_id": "VARCHAR",
        "reopened_at": "TIMESTAMP",
        "reopened_by": "VARCHAR",
        "reason": "VARCHAR",
    },
)
POSTING = LakeTable(
    "accounting",
    "posting",
    {
        "closing_id": "VARCHAR",
        "period_id": "VARCHAR",
        "origin_period_id": "VARCHAR",
        "production_order_id": "VARCHAR",
        "cost_group_id": "VARCHAR",
        "measure": "VARCHAR",
        "amount": "DECIMAL(18,2)",
        "currency": "VARCHAR",
    },
)
CLOSED_VARIANCE = LakeTable(
    "accounting",
    "order_variance",
    {
        "closing_id": "VARCHAR",
        "production_order_id": "VARCHAR",
        "operation_id": "VARCHAR",
        "cost_group_id": "VARCHAR",
        "variance_type": "VARCHAR",
        "detail_type": "VARCHAR",
        "is_machine_time": "BOOLEAN",
        "amount": "DECIMAL(18,2)",
        "currency": "VARCHAR",
        "period_id": "VARCHAR",
    },
)
ACCOUNTING = (CLOSING, REOPENING, POSTING, CLOSED_VARIANCE)
RAW = (
    TELEMETRY,
    BATCH,
    BATCH_CHECKPOINT,
    QUARANTINE,
    QUARANTINE_REPLAY,
    HEALTH,
    TRANSPORT_REPEAT,
    INGEST_SHARD,
    IMPORT_FILE,
    MES_MESSAGE,
    MES_OUTCOME,
)


@cache
def fence_table(shard: int) -> LakeTable:
    """Where a shard's fence stands; one row.

    A table for each: whoever changes a row of a table is in the way of all that change others.
    """
    if shard == 0:
        return INGEST_SHARD
    name = "import" if shard == SIDE_SHARD else str(shard)
    return LakeTable("raw", f"{INGEST_SHARD.name}_{name}", INGEST_SHARD.columns)


def reference_tables() -> tuple[LakeTable, ...]:
    """Business data as loaded: the columns of each contract and what a load adds."""
    return tuple(
        LakeTable(
            "reference",
            contract.name,
            {c.name: c.duckdb_type for c in contract.columns} | contracts.LOAD_COLUMNS,
        )
        for contract in contracts.TABLES.values()
    )


def tables(shards: int = 1) -> tuple[LakeTable, ...]:
    """Every table that `create` makes where collectors are divided by so many shards."""
    fences = [fence_table(shard) for shard in (SIDE_SHARD, *range(1, shards))]
    return (*RAW, INGEST_LAYOUT, *fences, RUN, PUBLICATION, *ACCOUNTING, *reference_tables())


def create(settings: Settings) -> None:
    """Make the lake and what is missing of its schemas, tables and columns.

    May be called at any time and by several processes at once; it changes nothing that is there.

    Raises:
        ConfigurationError: The lake's files are elsewhere.
        LakeUnavailable: The catalog does not answer.
        LockTimeout: Another process has been making tables for minutes.
    """
    conninfo = catalog.join(settings)
    data = Path(data_folder(settings))
    data.mkdir(parents=True, exist_ok=True)
    with locks.schema_lock(settings), new_connection() as con:
        attach_catalog(con, settings, conninfo, name="lake", options=[])
        try:
            con.execute("USE lake")
            _set_options(con)
            with transaction(con):
                created = _create_missing(con, settings.ingestion.shards)
                con.commit()
        except duckdb.Error as error:
            raise LakeUnavailable(f"the lake's tables cannot be made: {error}") from error
        with catalog.connect(settings) as connection:
            claim(connection, data)
            describe_empty(connection, created)


def _set_options(con: duckdb.DuckDBPyConnection) -> None:
    # Inlined rows would have to be flushed later, which drops tables under open readers.
    wanted = {"data_inlining_row_limit": "0", "parquet_compression": "zstd"}
    for name, value in wanted.items():
        # A bound value would make DuckDB import pandas, which takes every process a second.
        found = con.execute(
            "select value from ducklake_options('lake')"
            f" where option_name = '{name}' and scope = 'GLOBAL'"
        ).fetchone()
        if found != (value,):
            con.execute(f"CALL lake.set_option('{name}', '{value}')")


def _create_missing(con: duckdb.DuckDBPyConnection, shards: int) -> list[tuple[str, str]]:
    created = []
    for schema in SCHEMAS:
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    found = _existing_columns(con)
    for table in tables(shards):
        if (columns := found.get(table.qualified_name)) is None:
            _create_table(con, table)
            created.append((table.schema, table.name))
            continue
        for name, kind in table.columns.items():
            if name not in columns:
                con.execute(f'ALTER TABLE {table.qualified_name} ADD COLUMN "{name}" {kind}')
    return created


def _existing_columns(con: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    rows = con.execute(
        "select schema_name || '.' || table_name, column_name"
        " from duckdb_columns() where database_name = 'lake'"
    ).fetchall()
    found: dict[str, set[str]] = {}
    for table, column in rows:
        found.setdefault(table, set()).add(column)
    return found


def _create_table(con: duckdb.DuckDBPyConnection, table: LakeTable) -> None:
    columns = ", ".join(f'"{name}" {kind}' for name, kind in table.columns.items())
    con.execute(f"CREATE TABLE {table.qualified_name} ({columns})")
    if table.partitioned_by:
        by = ", ".join(table.partitioned_by)
        con.execute(f"ALTER TABLE {table.qualified_name} SET PARTITIONED BY ({by})")
    if table.sorted_by:
        by = ", ".join(table.sorted_by)
        con.execute(f"ALTER TABLE {table.qualified_name} SET SORTED BY ({by})")
