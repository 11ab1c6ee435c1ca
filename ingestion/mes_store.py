"""Messages of an MES in the lake: what was received, what became of it, what it changed.

Belongs here: SQL and transactions. `raw.mes_message` and `raw.mes_outcome` are only added to;
of a message's outcomes the last one counts. Whoever writes holds `lake.locks.mes_lock`.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

import lake
from ingestion.mes_effects import Cells, Key
from ingestion.mes_line import Outcome, Waiting
from ingestion.mes_messages import Envelope
from ingestion.reference_rows import FileTable
from ingestion.reference_store import store_table
from lake.commit import register, sync, write
from lake.door import data_folder
from lake.errors import OutcomeUnknown
from lake.schema import MES_MESSAGE, MES_OUTCOME, LakeTable
from takt.contracts import TABLES
from takt.settings import Settings

_ENVELOPE = ", ".join(
    ("digest", "message_id", "type", "production_order_id", "sequence", "created_at")
)
_MESSAGE = f"{_ENVELOPE}, received_at, received_from, payload"
_SETTLED = (
    "select digest from raw.mes_outcome"
    f" where outcome in ('{Outcome.APPLIED}', '{Outcome.DROPPED}')"
)
_OF_ORDER = ("production_order", "order_operation")


class Decision(NamedTuple):
    """What became of a message, in the order of the table's columns."""

    digest: str
    outcome: Outcome
    detail: str
    tries: int
    decided_at: datetime
    decided_by: str | None = None
    load_id: str | None = None


def known(con: duckdb.DuckDBPyConnection, digests: Collection[str]) -> set[str]:
    """Which of these messages were received before."""
    found = con.execute(
        "select distinct digest from raw.mes_message where digest in (select unnest(?))",
        [list(digests)],
    ).fetchall()
    return {digest for (digest,) in found}


def add_messages(
    con: duckdb.DuckDBPyConnection, settings: Settings, messages: Sequence[Waiting]
) -> None:
    """Keep messages; durable when it returns.

    Raises:
        OutcomeUnknown: Look for them before adding them again.
    """
    rows = [
        {
            **vars(each.envelope),
            "received_at": each.received_at,
            "received_from": each.received_from,
            "payload": each.payload,
        }
        for each in messages
    ]
    with lake.transaction(con):
        _append(con, settings, MES_MESSAGE, rows)
        try:
            con.commit()
        except duckdb.Error as error:
            raise OutcomeUnknown(f"COMMIT failed: {str(error).splitlines()[0]}") from error


def decide(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    decisions: Sequence[Decision],
    tables: Mapping[str, FileTable] | None = None,
) -> None:
    """Say what became of messages, together with the business rows that they changed.

    Who gives `tables` holds `lake.locks.refresh_lock`.

    Raises:
        OutcomeUnknown: Look what became of them before deciding anew.
        duckdb.TransactionException: Another change was in the way; nothing was written.
    """
    load_id = uuid.uuid4().hex if tables else None
    rows = [
        each._replace(load_id=load_id if each.outcome is Outcome.APPLIED else None)._asdict()
        for each in decisions
    ]
    with lake.transaction(con):
        for table in (tables or {}).values():
            assert load_id is not None
            store_table(con, table, load_id, decisions[0].decided_at)
        _append(con, settings, MES_OUTCOME, rows)
        lake.durable.commit(con, settings, ["reference"] if tables else [])


def _append(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    table: LakeTable,
    rows: Iterable[Mapping[str, object]],
) -> None:
    data = Path(data_folder(settings))
    files = write(table, pa.Table.from_pylist(list(rows), schema=table.arrow_schema), data)
    sync(files, data)
    register(con, files)


def waiting(con: duckdb.DuckDBPyConnection) -> list[Waiting]:
    """Every message that is neither applied nor dropped, as they came."""
    found = con.execute(
        f"with message as (select {_MESSAGE} from raw.mes_message anti join ({_SETTLED})"
        f" using (digest)) {_with_last('message')} order by received_at"
    ).fetchall()
    return [_waiting(row) for row in found]


def _with_last(messages: str) -> str:
    """A query of messages, each with the last of its outcomes; of those the table may hold many."""
    at = "(decided_at, tries)"
    return (
        f"select {_MESSAGE}, outcome, coalesce(detail, ''), coalesce(tries, 0), decided_at"
        f" from {messages} left join (select digest, arg_max(outcome, {at}) as outcome,"
        f" arg_max(detail, {at}) as detail, max(tries) as tries, max(decided_at) as decided_at"
        f" from raw.mes_outcome semi join {messages} using (digest) group by digest)"
        " using (digest)"
    )


def _waiting(row: tuple[Any, ...]) -> Waiting:
    envelope, (received_at, received_from, payload, outcome, *decided) = row[:6], row[6:]
    last = None if outcome is None else Outcome(outcome)
    return Waiting(Envelope(*envelope), received_at, received_from, payload, last, *decided)


def settled_sequences(
    con: duckdb.DuckDBPyConnection, orders: Collection[str]
) -> Mapping[str, set[int]]:
    """Of each order the sequences of its messages that were applied or dropped."""
    found = con.execute(
        "select distinct production_order_id, sequence from raw.mes_message"
        f" semi join ({_SETTLED}) using (digest)"
        " where sequence is not null and production_order_id in (select unnest(?))",
        [list(orders)],
    ).fetchall()
    sequences: defaultdict[str, set[int]] = defaultdict(set)
    for order, sequence in found:
        sequences[order].add(sequence)
    return sequences


def first_of_id(con: duckdb.DuckDBPyConnection, message_ids: Collection[str]) -> Mapping[str, str]:
    """Of each id the message that has it: the first that is neither a dead letter nor dropped."""
    found = con.execute(
        f"with message as (select {_MESSAGE} from raw.mes_message"
        f" where message_id in (select unnest(?))), last as ({_with_last('message')})"
        " select message_id, arg_min(digest, (received_at, digest)) from last"
        f" where coalesce(outcome, '') not in ('{Outcome.DEAD}', '{Outcome.DROPPED}')"
        " group by message_id",
        [list(message_ids)],
    ).fetchall()
    return dict(found)


def business_rows(
    con: duckdb.DuckDBPyConnection, orders: Collection[str], keys: Iterable[Key]
) -> dict[Key, Cells]:
    """The current rows of orders, and those of other tables that have these keys."""
    wanted: defaultdict[str, list[object]] = defaultdict(list)
    for table, (key,) in keys:
        wanted[table].append(key)
    rows: dict[Key, Cells] = {}
    for table in _OF_ORDER:
        rows |= _current(con, table, "production_order_id", list(orders))
    for table, values in wanted.items():
        rows |= _current(con, table, TABLES[table].key[0], values)
    return rows


def _current(
    con: duckdb.DuckDBPyConnection, table: str, column: str, values: Sequence[object]
) -> dict[Key, Cells]:
    names = [each.name for each in TABLES[table].columns]
    found = con.execute(
        f"select {', '.join(names)} from reference.{table}"
        f" where closed_at is null and {column} in (select unnest(?))",
        [values],
    ).fetchall()
    rows: list[Cells] = [dict(zip(names, row, strict=True)) for row in found]
    return {(table, tuple(row[name] for name in TABLES[table].key)): row for row in rows}


def history(
    con: duckdb.DuckDBPyConnection, digest: str
) -> tuple[Waiting | None, list[tuple[datetime, str, str, str | None]]]:
    """A message, settled or not, and all that became of it: when, outcome, detail, by whom."""
    found = con.execute(
        f"with message as (select {_MESSAGE} from raw.mes_message where digest = ?)"
        f" {_with_last('message')}",
        [digest],
    ).fetchone()
    decided = con.execute(
        "select decided_at, outcome, detail, decided_by from raw.mes_outcome"
        " where digest = ? order by decided_at, tries",
        [digest],
    ).fetchall()
    return (None if found is None else _waiting(found)), decided


def named(con: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    """Digests of the messages that have this id, or whose digest begins so; at most two."""
    found = con.execute(
        "select digest from raw.mes_message where message_id = $1"
        " or (length($1) >= 4 and starts_with(digest, lower($1)))"
        " group by digest order by digest limit 2",
        [name],
    ).fetchall()
    return [digest for (digest,) in found]
