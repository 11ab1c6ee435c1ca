"""The one way into the lake: a DuckDB connection with the lake attached."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

import duckdb
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lake import catalog
from lake.errors import LakeUnavailable
from takt.errors import ConfigurationError
from takt.settings import Settings, load

SPILL_PREFIX = "spill-"
_EXTENSIONS = ("ducklake", "postgres_scanner")


def open(  # noqa: A001 -- callers write lake.open
    settings: Settings | None = None, *, read_only: bool = False, snapshot_id: int | None = None
) -> duckdb.DuckDBPyConnection:
    """A connection of its own to the lake; `USE lake` is done, times are UTC.

    After an error of the catalog close it and open another one.

    Args:
        settings: Of the installation; by default this process's.
        read_only: Refuse every change, and never make a home.
        snapshot_id: See the lake as it was at this snapshot, read-only.

    Raises:
        ConfigurationError: There is no lake, or its files are elsewhere.
        LakeUnavailable: The catalog does not answer.
    """
    con = new_connection()
    try:
        attach(con, settings, read_only=read_only, snapshot_id=snapshot_id)
        con.execute("USE lake")
    except BaseException:
        con.close()
        raise
    return con


def attach(
    con: duckdb.DuckDBPyConnection,
    settings: Settings | None = None,
    *,
    name: str = "lake",
    read_only: bool = False,
    snapshot_id: int | None = None,
) -> None:
    """Attach the lake to a given connection, as `open` does.

    Args:
        con: Gets the extensions and the time zone UTC.
        settings: Of the installation; by default this process's.
        name: Of the attached database.
        read_only: Refuse every change, and never make a home.
        snapshot_id: See the lake as it was at this snapshot, read-only.

    Raises:
        ConfigurationError: There is no lake, or its files are elsewhere.
        LakeUnavailable: The catalog does not answer.
    """
    settings = settings or load()
    conninfo = catalog.join(settings, create=not (read_only or snapshot_id is not None))
    options = [] if snapshot_id is None else [f"SNAPSHOT_VERSION {snapshot_id:d}"]
    if read_only or snapshot_id is not None:
        options.append("READ_ONLY")
        conninfo = _reading(conninfo)
    _spill_into_home(con, settings)
    attach_catalog(
        con, settings, conninfo, name=name, options=["CREATE_IF_NOT_EXISTS false", *options]
    )


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """A transaction of the lake; what the block has not committed at its end is rolled back.

    Closing a connection inside a transaction ends the whole process when the catalog is gone:
    DuckDB rolls back in a destructor then, where its error cannot be caught.
    """
    con.begin()
    try:
        yield
    finally:
        # Committed, rolled back already, or the catalog is away and has forgotten it.
        with suppress(duckdb.Error):
            con.rollback()


def attach_catalog(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    conninfo: str,
    *,
    name: str,
    options: list[str],
) -> None:
    """Attach a catalog that answers; `options` are DuckLake's own."""
    load_extensions(con)
    if settings.lake.threads:
        con.execute(f"SET GLOBAL threads = {settings.lake.threads:d}")
    if settings.catalog is None and settings.data is None:
        # A home may be moved: its files lie where it is now.
        options = ["OVERRIDE_DATA_PATH true", *options]
    given = conninfo_to_dict(conninfo)
    if (password := given.pop("password", None)) is not None:
        # DuckDB quotes the address in its errors, also those of a query; a secret it never tells.
        con.execute(
            f'CREATE OR REPLACE SECRET "{name}" (TYPE postgres, PASSWORD {quoted(str(password))})'
        )
        options = [f"META_SECRET {quoted(name)}", *options]
    clauses = [f"DATA_PATH {quoted(data_folder(settings))}", "DATA_INLINING_ROW_LIMIT 0", *options]
    address = quoted(f"ducklake:postgres:{make_conninfo('', **given)}")
    try:
        con.execute(f'ATTACH {address} AS "{name}" ({", ".join(clauses)})')
    except duckdb.Error as error:
        raise _explained(error, settings) from error


def _reading(conninfo: str) -> str:
    """READ_ONLY does not stop DuckLake's own functions from writing; PostgreSQL does."""
    given = conninfo_to_dict(conninfo).get("options") or ""
    return make_conninfo(conninfo, options=f"{given} -c default_transaction_read_only=on".strip())


def load_extensions(con: duckdb.DuckDBPyConnection) -> None:
    """Load what the lake needs from the installed packages; nothing is downloaded."""
    con.execute("SET autoinstall_known_extensions = false")
    con.execute("SET GLOBAL TimeZone = 'UTC'")
    # Where it expects few rows DuckDB compares each with each; its guess may be millions low.
    con.execute("SET GLOBAL asof_loop_join_threshold = 0")
    for extension in _EXTENSIONS:
        con.execute(f"LOAD {quoted(_extension_file(extension))}")


def _spill_into_home(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """What does not fit into memory goes to the home, not to the current folder.

    A folder for each connection: DuckDB makes it when it needs it and removes it at the end.
    """
    if settings.home.is_dir():
        folder = settings.home.absolute() / f"{SPILL_PREFIX}{uuid.uuid4().hex[:12]}"
        with suppress(duckdb.Error):  # it is in use already, so it was chosen before
            con.execute(f"SET temp_directory = {quoted(folder)}")


def new_connection() -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own; this process checks the extensions' signatures only once.

    DuckDB does it whenever it loads one, which takes longer than all else that opens a lake.
    """
    files = tuple((file, file.stat()) for file in map(_extension_file, _EXTENSIONS))
    state = tuple((file, found.st_ino, found.st_size, found.st_mtime_ns) for file, found in files)
    _check_signatures(state)
    return duckdb.connect(config={"allow_unsigned_extensions": "true"})


@lru_cache(maxsize=1)
def _check_signatures(_state: tuple[tuple[Path, int, int, int], ...]) -> None:
    """Load the extensions where only signed ones may be; again when the files have changed."""
    with duckdb.connect() as con:
        load_extensions(con)


def data_folder(settings: Settings) -> str:
    """Where the lake's files lie, with a slash at the end.

    Raises:
        ConfigurationError: It is not a folder of this machine.
    """
    if "://" in settings.data_path:
        raise ConfigurationError(f"TAKT_DATA {settings.data_path}: only folders are supported")
    return settings.data_path.rstrip("/") + "/"


def quoted(text: str | Path) -> str:
    """`text` as a string literal of SQL, for places where no parameter may stand."""
    return "'" + str(text).replace("'", "''") + "'"


@cache
def _extension_file(name: str) -> Path:
    spec = find_spec(f"duckdb_extension_{name}")
    if spec is None or spec.origin is None:
        raise ConfigurationError(f"DuckDB's extension {name} is not installed; install takt[lake]")
    folder = Path(spec.origin).parent / "extensions" / f"v{duckdb.__version__}"
    file = folder / f"{name}.duckdb_extension"
    if not file.exists():
        raise ConfigurationError(
            f"{file} is missing, the extension {name} for this DuckDB; install takt[lake] again"
        )
    return file


def _explained(error: duckdb.Error, settings: Settings) -> Exception:
    line = str(error).splitlines()[0]
    if "does not exist" in line:
        return ConfigurationError(f"the catalog holds no lake yet; start Takt once ({line})")
    if "DATA_PATH" in str(error):
        return ConfigurationError(
            f"the lake's files are not in {settings.data_path}; set TAKT_DATA to where they are"
            f" ({line})"
        )
    return LakeUnavailable(f"the lake cannot be attached: {line}")
