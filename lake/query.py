"""SQL for people: read-only, the marts as last published, everything else as it is now.

Belongs here: what `takt sql` sees and how it answers. How answers are printed is in
`lake.answers`.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime

import duckdb

from lake.answers import Answer, render
from lake.door import attach, new_connection
from lake.errors import LakeUnavailable
from takt.errors import ConfigurationError, TaktError
from takt.settings import Settings

_PUBLISHED = "published"
_PUBLISHED_SCHEMAS = ("marts", "intermediate", "accounting")
_SCHEMAS = ("marts", "raw", "reference", "staging", "intermediate", "accounting", "pipeline")
_READING = {
    duckdb.StatementType.SELECT,
    duckdb.StatementType.EXPLAIN,
    duckdb.StatementType.SET,
    duckdb.StatementType.CALL,
}
# Functions that change or delete files; what would change the catalog PostgreSQL refuses.
_CHANGING = re.compile(
    r"\b(?:ducklake_)?(?:add_data_files|cleanup_old_files|delete_orphaned_files|expire_snapshots|"
    r"flush_inlined_data|merge_adjacent_files|rewrite_data_files|set_commit_message|set_option)"
    r"\"?\s*\(|\bpostgres_\w+\"?\s*\(",
    re.IGNORECASE,
)


def run_query(settings: Settings, query: str, as_of: str | None, output: str) -> str | bytes:
    """Answer SQL; of several statements the last one's rows.

    Args:
        settings: Of the installation, which must exist.
        query: SQL of DuckDB.
        as_of: ISO 8601 time: the marts as published then, the rest as it was then.
        output: `table`, `csv`, `json` or `xlsx`.

    Returns:
        Text; bytes for `xlsx`.

    Raises:
        ConfigurationError: The query is wrong or would write, or `as_of` is outside what is kept.
        LakeUnavailable: The catalog or the files cannot be reached.
    """
    with closing(open_published(settings, as_of)) as con:
        return render(_answer(con, query), output)


def run_shell(settings: Settings, as_of: str | None = None) -> None:
    """Answer statements that end with `;` from standard input until it ends; Ctrl-C drops one."""
    with suppress(ImportError):
        import readline  # noqa: F401 - importing it gives `input` a history

    with closing(open_published(settings, as_of)) as con:
        for statement in _statements(is_person=sys.stdin.isatty()):
            try:
                print(render(_answer(con, statement), "table"))  # noqa: T201 - a shell prints
            except TaktError as error:
                print(error, file=sys.stderr)  # noqa: T201 - a shell prints


def open_published(settings: Settings, as_of: str | None = None) -> duckdb.DuckDBPyConnection:
    """A read-only connection where `marts.…` is as last published and all else as it is now.

    Live marts, and those about the pipeline, are views over what is now. Without any publication
    the marts are as they are now.

    Args:
        settings: Of the installation, which must exist; it is never made.
        as_of: ISO 8601 time to go back to.

    Raises:
        ConfigurationError: There is no lake, or `as_of` is outside what is kept.
        LakeUnavailable: The catalog does not answer.
    """
    con = new_connection()
    try:
        attach(con, settings, read_only=True)
        if as_of is not None:
            snapshot_id = _snapshot_at(con, _moment(as_of))
            con.execute("DETACH lake")
            attach(con, settings, snapshot_id=snapshot_id)
        published = _publication(con)
        if published is not None:
            attach(con, settings, name=_PUBLISHED, snapshot_id=published)
            _show_live_marts(con)
        con.execute(f"SET search_path = '{','.join(_search_path(con))}'")
    except BaseException:
        con.close()
        raise
    return con


def _answer(con: duckdb.DuckDBPyConnection, query: str) -> Answer:
    try:
        statements = con.extract_statements(query)
        if not statements:
            raise ConfigurationError("the query is empty; write one, e.g. show all tables")
        for statement in statements:
            _check_reads(statement)
            result = con.execute(statement)
        columns = [(column[0], str(column[1])) for column in result.description or []]
        return Answer(columns, result.fetchall())
    except (duckdb.IOException, duckdb.TransactionException) as error:
        raise LakeUnavailable(_one_line(error)) from error
    except duckdb.CatalogException as error:
        hint = "" if _publication(con) else "; marts are there after the first `takt refresh`"
        raise ConfigurationError(_one_line(error) + hint) from error
    except duckdb.Error as error:
        raise ConfigurationError(_one_line(error)) from error


def _check_reads(statement: duckdb.Statement) -> None:
    # PIVOT makes a temporary type first, in a statement without text of its own.
    is_pivot = statement.type == duckdb.StatementType.CREATE and not statement.query
    if statement.type not in _READING and not is_pivot:
        what = statement.type.name
    elif found := _CHANGING.search(statement.query):
        what = found.group().rstrip("( ")
    else:
        return
    raise ConfigurationError(f"{what} is refused: this is read-only; --format writes files")


def _one_line(error: duckdb.Error) -> str:
    told = str(error).partition("\n\nLINE ")[0]
    return " ".join(told.split())


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(
            f"--as-of {text} is no time; write ISO 8601, e.g. 2026-03-01T06:00:00Z"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _snapshot_at(con: duckdb.DuckDBPyConnection, moment: datetime) -> int:
    found = con.execute(
        "select max(snapshot_id) filter (snapshot_time <= $moment),"
        " min(snapshot_time)::timestamp, max(snapshot_time)::timestamp"
        " from ducklake_snapshots('lake')",
        {"moment": moment},
    ).fetchone()
    assert found is not None, "an aggregate gives a row"
    snapshot_id, first, last = found
    if snapshot_id is None or moment > datetime.now(UTC):
        raise ConfigurationError(
            f"--as-of {moment.isoformat()} is outside what is kept:"
            f" {first.isoformat()}Z to {last.isoformat()}Z"
        )
    return int(snapshot_id)


def _publication(con: duckdb.DuckDBPyConnection) -> int | None:
    """The newest publication that the attached lake knows and whose snapshot is kept."""
    found = con.execute(
        "select publication.snapshot_id from lake.pipeline.publication"
        " semi join ducklake_snapshots('lake') as kept using (snapshot_id)"
        " order by published_at desc limit 1"
    ).fetchone()
    return None if found is None else int(found[0])


def _show_live_marts(con: duckdb.DuckDBPyConnection) -> None:
    """Live views, and views over raw alone, go before those as of the publication."""
    con.execute("CREATE SCHEMA memory.marts")
    views = con.execute(
        "select view_name from duckdb_views() where database_name = 'lake'"
        " and schema_name = 'marts'"
        " and (starts_with(view_name, 'live_')"
        " or not regexp_matches(sql, 'lake.(marts|intermediate|accounting)[.]'))"
    ).fetchall()
    for (name,) in views:
        con.execute(f'CREATE VIEW memory.marts."{name}" AS FROM lake.marts."{name}"')


def _search_path(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Where unqualified schemas are looked up, first come first."""
    wanted = ["memory.marts", *(f"{_PUBLISHED}.{schema}" for schema in _PUBLISHED_SCHEMAS)]
    wanted += [f"lake.{schema}" for schema in _SCHEMAS]
    rows = con.execute("select database_name || '.' || schema_name from duckdb_schemas()")
    found = {name for (name,) in rows.fetchall()}
    return [name for name in wanted if name in found]


def _statements(*, is_person: bool) -> Iterator[str]:
    lines: list[str] = []
    while True:
        try:
            lines.append(input(("takt> ", " ...> ")[bool(lines)] if is_person else ""))
        except EOFError:
            break
        except KeyboardInterrupt:
            lines = []
            continue
        if lines[-1].rstrip().endswith(";"):
            yield "\n".join(lines)
            lines = []
    if "".join(lines).strip():
        yield "\n".join(lines)
