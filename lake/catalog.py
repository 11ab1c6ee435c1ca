"""Where the lake's catalog is: a PostgreSQL server of the plant, or one embedded in the home.

A process that joins is a member of its home's catalog until it ends, however it ends. The first
member starts the embedded server, and it stops after the last one; see docs/adr/0003.
"""

import fcntl
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lake import catalog_supervisor
from lake.catalog_supervisor import CatalogHome
from lake.errors import LakeUnavailable
from takt import children
from takt.errors import ConfigurationError
from takt.settings import Settings

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"
OLDEST_VERSION = 14
"""Of PostgreSQL: older ones cannot end a session that says nothing, so a paused process kept its
locks."""
START_TIMEOUT_S = 60.0
_CONNECT_TIMEOUT_S = 10
_members: dict[Path, int] = {}
_joining = threading.Lock()


def join(settings: Settings, *, create: bool = True) -> str:
    """The connection string of the catalog, which answers at this moment.

    Starts the embedded catalog or joins the running one; this process is then a member until it
    ends. May be called again at any time, for instance after the catalog was lost.

    Args:
        settings: Of the installation.
        create: Whether to make a home that has no catalog yet.

    Raises:
        ConfigurationError: `TAKT_CATALOG` is no PostgreSQL address, or there is no catalog and
            `create` is false.
        LakeUnavailable: The catalog does not answer.
    """
    if settings.catalog is not None:
        return _named_server(settings.catalog)
    where = CatalogHome(settings.home.resolve())
    if not create and not where.data.exists():
        raise ConfigurationError(
            f"there is no lake in {settings.home}; start Takt there first or set TAKT_HOME"
        )
    with _joining:
        _become_member(where)
        return _answering(where)


def leave(settings: Settings, timeout_s: float = 10.0) -> None:
    """Be a member no longer; when nobody else is one, wait until the embedded catalog is gone.

    A process that ends leaves by itself; this is for one that must not end before.
    """
    if settings.catalog is not None:
        return
    where = CatalogHome(settings.home.resolve())
    with _joining:
        if (descriptor := _members.pop(where.home, None)) is not None:
            os.close(descriptor)
    deadline = time.monotonic() + timeout_s
    while _is_supervised(where) and not _others_are_members(where) and time.monotonic() < deadline:
        time.sleep(0.02)


def connect(settings: Settings) -> Connection:
    """A connection to the catalog's PostgreSQL itself, in autocommit.

    Raises:
        ConfigurationError: It is too old.
        LakeUnavailable: The catalog does not answer.
    """
    try:
        connection = psycopg.connect(join(settings), autocommit=True)
    except psycopg.OperationalError as error:
        raise LakeUnavailable(f"the catalog does not answer: {_first_line(error)}") from error
    if (version := connection.info.server_version // 10_000) < OLDEST_VERSION:
        connection.close()
        raise ConfigurationError(
            f"the catalog is PostgreSQL {version}, Takt needs {OLDEST_VERSION} or newer: upgrade"
            " that server, or let TAKT_CATALOG name a newer one"
        )
    return connection


def _named_server(address: str) -> str:
    try:
        given = conninfo_to_dict(address)
    except psycopg.ProgrammingError:
        # Its own words may quote the password.
        raise ConfigurationError(
            "TAKT_CATALOG is no PostgreSQL address; write postgresql://USER:PASSWORD@HOST/DATABASE,"
            " with % and two hexadecimal digits for special characters"
        ) from None
    timeout_s = given.pop("connect_timeout", None) or _CONNECT_TIMEOUT_S
    return make_conninfo("", connect_timeout=timeout_s, **given)


def _become_member(where: CatalogHome) -> None:
    """Hold the members' lock; blocks for the moment that a stopping catalog needs."""
    if where.home in _members:
        return
    where.folder.mkdir(parents=True, exist_ok=True)
    for lock in (where.members_lock, where.supervisor_lock):
        lock.touch()
    descriptor = os.open(where.members_lock, os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    _members[where.home] = descriptor


def _answering(where: CatalogHome) -> str:
    """The connection string once the server answers, started if need be."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while (problem := _problem(where)) is not None:
        if not _is_supervised(where):
            _start_supervisor(where)
        if time.monotonic() > deadline:
            raise LakeUnavailable(
                f"the embedded catalog does not answer after {START_TIMEOUT_S:.0f} s: {problem};"
                f" see {where.log}"
            )
        time.sleep(0.02)
    return where.conninfo


def _problem(where: CatalogHome) -> str | None:
    """Why the server does not answer; None when it does."""
    try:
        psycopg.connect(where.conninfo, connect_timeout=_CONNECT_TIMEOUT_S).close()
    except psycopg.OperationalError as error:
        return _first_line(error)
    return None


def _start_supervisor(where: CatalogHome) -> None:
    with where.log.open("ab") as output:
        starter = children.start(
            "catalog",
            [sys.executable, "-P", catalog_supervisor.__file__, where.home],
            cwd=where.folder,
            output=output,
        )
    starter.process.wait()
    # It takes its lock a moment after it has left its starter.
    deadline = time.monotonic() + 1.0
    while not _is_supervised(where) and time.monotonic() < deadline:
        time.sleep(0.01)


def _is_supervised(where: CatalogHome) -> bool:
    return not _could_lock(where.supervisor_lock, fcntl.LOCK_SH)


def _others_are_members(where: CatalogHome) -> bool:
    """Whether the members' lock is shared; a supervisor that stops holds it alone."""
    shared = _could_lock(where.members_lock, fcntl.LOCK_SH)
    return shared and not _could_lock(where.members_lock, fcntl.LOCK_EX)


def _could_lock(path: Path, mode: int) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
