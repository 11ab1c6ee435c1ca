"""What `takt doctor` looks at: each check says what it found and how to mend it."""

import importlib.util
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass

from takt.command.late import late
from takt.errors import TaktError
from takt.settings import Settings

_LITTLE_SPACE_BYTES = 5_000_000_000


@dataclass(frozen=True)
class Finding:
    """The answer of one check.

    Attributes:
        what: What was looked at.
        found: How it is.
        remedy: What to do; empty when nothing is wrong.
    """

    what: str
    found: str
    remedy: str = ""

    @property
    def is_good(self) -> bool:
        """Whether nothing needs doing."""
        return not self.remedy


def examine(options: Settings) -> list[Finding]:
    """Every check, in the order in which data flows; a failing one does not stop the next."""
    checks: list[Callable[[Settings], Finding]] = [
        _packages, _space, _edge_configuration, _broker, _catalog, _publication, _quarantine,
    ]  # fmt: skip
    findings = []
    for check in checks:
        try:
            findings.append(check(options))
        except (TaktError, OSError) as error:
            name = check.__name__.strip("_").replace("_", " ")
            findings.append(Finding(name, "failed", str(error)))
    return findings


def _packages(_: Settings) -> Finding:
    wanted = ("duckdb", "psycopg", "paho", "asyncua", "dagster", "dbt", "dash")
    missing = [name for name in wanted if importlib.util.find_spec(name) is None]
    if missing:
        return Finding("packages", f"missing: {', '.join(missing)}", "pip install 'takt[demo]'")
    return Finding("packages", "all extras are installed")


def _space(options: Settings) -> Finding:
    folder = next(path for path in [options.home, *options.home.parents] if path.exists())
    free = shutil.disk_usage(folder).free
    remedy = "make room: collectors stop reading when their disk is full"
    found = f"{free / 1e9:.0f} GB free below {folder}"
    return Finding("disk", found, remedy if free < _LITTLE_SPACE_BYTES else "")


def _edge_configuration(options: Settings) -> Finding:
    file = options.home / "edge.toml"
    if not file.exists():
        return Finding("edge.toml", "none: no collector runs in this home")
    configuration = late("edge.configuration:load")(file)
    return Finding("edge.toml", f"{len(configuration.sources)} sources")


def _broker(options: Settings) -> Finding:
    where = f"{options.broker.host}:{options.broker.port}"
    with socket.socket() as probe:
        probe.settimeout(2)
        if probe.connect_ex((options.broker.host, options.broker.port)) == 0:
            return Finding("broker", f"{where} accepts connections")
    return Finding(
        "broker", f"nothing listens at {where}", "start it, or mend [broker] in takt.toml"
    )


def _catalog(options: Settings) -> Finding:
    if not options.catalog and not (options.home / "catalog").exists():
        return Finding("catalog", "no home here yet", "start with `takt demo` or `takt up`")
    rows = _query(options, "select count(*) from raw.batch")
    return Finding("catalog", f"answers; {rows[0][0]} entries in the ledger")


def _publication(options: Settings) -> Finding:
    rows = _query(options, "select max(published_at) from pipeline.publication")
    if rows[0][0] is None:
        return Finding("marts", "never published", "run `takt refresh` and read what it says")
    return Finding("marts", f"published {rows[0][0]:%Y-%m-%d %H:%M:%S} UTC")


def _quarantine(options: Settings) -> Finding:
    rows = _query(
        options, "select count(*) from raw.quarantine where quarantined_at > now() - interval 1 day"
    )
    if rows[0][0]:
        return Finding("quarantine", f"{rows[0][0]} messages in 24 h", "`takt quarantine list`")
    return Finding("quarantine", "nothing refused in 24 h")


def _query(options: Settings, sql: str) -> list[tuple[object, ...]]:
    connection = late("lake:open")(options, read_only=True)
    try:
        return list(connection.execute(sql).fetchall())
    finally:
        connection.close()
