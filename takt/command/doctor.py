"""What `takt doctor` looks at: each check says what it found and how to mend it."""

import importlib.util
import shutil
from collections.abc import Callable

from takt.command.late import late
from takt.errors import TaktError
from takt.finding import Finding
from takt.settings import Settings

_LITTLE_SPACE_BYTES = 5_000_000_000


def examine(options: Settings) -> list[Finding]:
    """Every check, in the order in which data flows; a failing one does not stop the next."""
    checks: list[Callable[[Settings], list[Finding]]] = [
        _packages, _space, _sources, _broker, _catalog, _publication, _quarantine,
    ]  # fmt: skip
    findings = []
    for check in checks:
        try:
            findings += check(options)
        except (TaktError, OSError) as error:
            name = check.__name__.strip("_").replace("_", " ")
            findings.append(Finding(name, "failed", str(error)))
    return findings


def _packages(_: Settings) -> list[Finding]:
    wanted = ("duckdb", "psycopg", "paho", "asyncua", "dagster", "dbt", "dash")
    missing = [name for name in wanted if importlib.util.find_spec(name) is None]
    if missing:
        return [Finding("packages", f"missing: {', '.join(missing)}", "pip install 'takt[demo]'")]
    return [Finding("packages", "all extras are installed")]


def _space(options: Settings) -> list[Finding]:
    folder = next(path for path in [options.home, *options.home.parents] if path.exists())
    free = shutil.disk_usage(folder).free
    remedy = "make room: collectors stop reading when their disk is full"
    found = f"{free / 1e9:.0f} GB free below {folder}"
    return [Finding("disk", found, remedy if free < _LITTLE_SPACE_BYTES else "")]


def _sources(options: Settings) -> list[Finding]:
    file = options.home / "edge.toml"
    if not file.exists():
        return [Finding("edge.toml", "none: no collector runs in this home")]
    found: list[Finding] = late("edge.examining:examine")(file, options.home)
    return found


def _broker(options: Settings) -> list[Finding]:
    found: list[Finding] = late("edge.examining:examine_broker")(options.broker)
    return found


def _catalog(options: Settings) -> list[Finding]:
    if not options.catalog and not (options.home / "catalog").exists():
        return [Finding("catalog", "no home here yet", "start with `takt demo` or `takt up`")]
    rows = _query(options, "select count(*) from raw.batch")
    return [Finding("catalog", f"answers; {rows[0][0]} entries in the ledger")]


def _publication(options: Settings) -> list[Finding]:
    rows = _query(options, "select max(published_at) from pipeline.publication")
    if rows[0][0] is None:
        return [Finding("marts", "never published", "run `takt refresh` and read what it says")]
    return [Finding("marts", f"published {rows[0][0]:%Y-%m-%d %H:%M:%S} UTC")]


def _quarantine(options: Settings) -> list[Finding]:
    rows = _query(
        options, "select count(*) from raw.quarantine where quarantined_at > now() - interval 1 day"
    )
    if rows[0][0]:
        return [Finding("quarantine", f"{rows[0][0]} messages in 24 h", "`takt quarantine list`")]
    return [Finding("quarantine", "nothing refused in 24 h")]


def _query(options: Settings, sql: str) -> list[tuple[object, ...]]:
    connection = late("lake:open")(options, read_only=True)
    try:
        return list(connection.execute(sql).fetchall())
    finally:
        connection.close()
