"""What `takt doctor` looks at: each check says what it found and how to mend it."""

import importlib.util
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any

from takt.command.late import late
from takt.errors import TaktError
from takt.finding import Finding
from takt.settings import Settings

_LITTLE_SPACE_BYTES = 5_000_000_000


def examine(options: Settings) -> Iterator[Finding]:
    """Each finding as it comes, in the order in which data flows.

    A check that fails does not stop the next.
    """
    checks: list[Callable[[Settings], Iterable[Finding]]] = [
        _packages, _space, _sources, _broker, _lake,
    ]  # fmt: skip
    for check in checks:
        try:
            yield from check(options)
        except (TaktError, OSError) as error:
            yield Finding(check.__name__.strip("_"), "failed", str(error))


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
    file = options.home / "edge.toml"
    if not _has_lake(options) and late("edge.examining:names_broker")(file):
        return []  # it was looked at with the sources
    found: list[Finding] = late("edge.examining:examine_broker")(options.broker)
    return found


def _lake(options: Settings) -> Iterator[Finding]:
    if not _has_lake(options):
        if (options.home / "edge.toml").exists():
            yield Finding("lake", "none here: it only collects, or `takt up` never ran")
        else:
            yield Finding("lake", "no home here yet", "start with `takt demo` or `takt up`")
        return
    with closing(late("lake:open")(options, read_only=True)) as con:
        yield _ledger(con)
        yield _publication(con)
        yield _quarantine(con)


def _has_lake(options: Settings) -> bool:
    return bool(options.catalog) or (options.home / "catalog").exists()


def _ledger(con: Any) -> Finding:
    (entries,) = con.execute("select count(*) from raw.batch").fetchone()
    return Finding("catalog", f"answers; {entries} entries in the ledger")


def _publication(con: Any) -> Finding:
    (last,) = con.execute("select max(published_at) from pipeline.publication").fetchone()
    if last is None:
        return Finding("marts", "never published", "run `takt refresh` and read what it says")
    return Finding("marts", f"published {last:%Y-%m-%d %H:%M:%S} UTC")


def _quarantine(con: Any) -> Finding:
    (refused,) = con.execute(
        "select count(*) from raw.quarantine where quarantined_at > now() - interval 1 day"
    ).fetchone()
    if refused:
        return Finding("quarantine", f"{refused} messages in 24 h", "`takt quarantine list`")
    return Finding("quarantine", "nothing refused in 24 h")
