"""What a statement answers: rows of a class, one of them, a frame, or one value.

Belongs here: running a statement and giving its answer a shape, for every module of questions.
"""

from typing import Any, TypeVar

import duckdb
import pandas as pd

Row = TypeVar("Row")


def rows(con: duckdb.DuckDBPyConnection, kind: type[Row], sql: str, **values: object) -> list[Row]:
    """All rows, each as a `kind` whose fields are the columns."""
    cursor = con.execute(sql, values)
    names = [column[0] for column in cursor.description or []]
    return [kind(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def row(con: duckdb.DuckDBPyConnection, kind: type[Row], sql: str, **values: object) -> Row | None:
    """The first row; None where there is none."""
    return next(iter(rows(con, kind, sql, **values)), None)


def frame(con: duckdb.DuckDBPyConnection, sql: str, **values: object) -> pd.DataFrame:
    """All rows as a frame."""
    return con.execute(sql, values).df()


def value(con: duckdb.DuckDBPyConnection, sql: str, **values: object) -> Any:
    """The first column of the first row; None where there is none."""
    found = con.execute(sql, values).fetchone()
    return found[0] if found else None
