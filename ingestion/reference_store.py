"""Checked business data into the lake's `reference` tables, one transaction for all.

Rows are never changed, except that `closed_at` is set when they are gone or stated anew.
"""

import logging
from collections.abc import Mapping
from datetime import datetime

import duckdb
import pyarrow as pa

import lake
from ingestion.reference_report import TableChange
from ingestion.reference_rows import FileTable
from lake.errors import OutcomeUnknown
from takt.contracts import Kind, TableContract
from takt.settings import Settings

_log = logging.getLogger(__name__)

_ATTEMPTS = 3

_ARROW_TYPES = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DECIMAL(18,6)": pa.decimal128(18, 6),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "TIME": pa.time64("us"),
}


def store(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    tables: Mapping[str, FileTable],
    load_id: str,
    loaded_at: datetime,
) -> list[TableChange]:
    """Write what differs from the lake; when nothing does, nothing is committed.

    Args:
        con: A writing connection of the lake, without a transaction.
        settings: Of the installation.
        tables: Checked tables by name.
        load_id: Names the load in its rows.
        loaded_at: When, UTC.

    Returns:
        What changed, per table.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return _store(con, settings, tables, load_id, loaded_at)
        except (duckdb.TransactionException, OutcomeUnknown) as conflict:
            _log.warning("loading business data met another change; trying again: %s", conflict)
    return _store(con, settings, tables, load_id, loaded_at)


def _store(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    tables: Mapping[str, FileTable],
    load_id: str,
    loaded_at: datetime,
) -> list[TableChange]:
    with lake.transaction(con):
        changes = [store_table(con, table, load_id, loaded_at) for table in tables.values()]
        if any(change.added or change.closed for change in changes):
            lake.durable.commit(con, settings, ["reference"])
    return changes


def store_table(
    con: duckdb.DuckDBPyConnection, table: FileTable, load_id: str, loaded_at: datetime
) -> TableChange:
    """Write what differs of one table, in the transaction under way; arguments as of `store`."""
    contract = table.contract
    con.register("incoming", _arrow(table))
    con.execute(f"create or replace temp table closing as {_closing(contract)}")
    con.execute(f"create or replace temp table arriving as {_arriving(contract)}")
    closed, added = _count(con, "closing"), _count(con, "arriving")
    if closed:
        con.execute(_close(contract), [loaded_at])
    if added:
        con.execute(_insert(contract), [load_id, loaded_at])
    con.unregister("incoming")
    return TableChange(contract.name, table.file, len(table.rows), added, closed)


def _arrow(table: FileTable) -> pa.Table:
    columns = table.contract.columns
    schema = pa.schema([(column.name, _ARROW_TYPES[column.duckdb_type]) for column in columns])
    return pa.Table.from_pylist([dict(row.values) for row in table.rows], schema=schema)


def _columns(contract: TableContract) -> str:
    return ", ".join(column.name for column in contract.columns)


def _closing(contract: TableContract) -> str:
    current = f"select {_columns(contract)} from reference.{contract.name} where closed_at is null"
    if contract.kind is Kind.TRANSACTION:
        key = ", ".join(contract.key)
        current += f" and ({key}) in (select ({key}) from incoming)"
    return f"{current} except select {_columns(contract)} from incoming"


def _arriving(contract: TableContract) -> str:
    return (
        f"select {_columns(contract)} from incoming"
        f" except select {_columns(contract)} from reference.{contract.name}"
        " where closed_at is null"
    )


def _close(contract: TableContract) -> str:
    same = [f"loaded.{c.name} is not distinct from closing.{c.name}" for c in contract.columns]
    return (
        f"update reference.{contract.name} as loaded set closed_at = ? from closing"
        f" where loaded.closed_at is null and {' and '.join(same)}"
    )


def _insert(contract: TableContract) -> str:
    names = _columns(contract)
    return (
        f"insert into reference.{contract.name} ({names}, load_id, loaded_at, closed_at)"
        f" select {names}, ?, ?, null from arriving"
    )


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    counted = con.execute(f"select count(*) from {table}").fetchone()
    assert counted is not None, "count(*) always gives a row"
    return int(counted[0])
