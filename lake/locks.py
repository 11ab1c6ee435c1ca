"""Locks that span processes and machines: PostgreSQL advisory locks of the catalog."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg

from lake import catalog
from lake.errors import LakeUnavailable, LockTimeout
from takt.settings import Settings

# Any numbers, as long as nobody else uses them in the catalog's database.
_REFRESH = 0x7A6B_0001
_SCHEMA = 0x7A6B_0002
_MAINTENANCE = 0x7A6B_0003
_IMPORT = 0x7A6B_0004
_MES = 0x7A6B_0005
_MES_LISTENER = 0x7A6B_0006


@contextmanager
def refresh_lock(settings: Settings, wait_s: float = 600.0) -> Iterator[None]:
    """Held by whoever changes tables of dbt or of business data; PostgreSQL frees it at a crash.

    Args:
        settings: Of the installation.
        wait_s: How long to wait for another holder; 0 does not wait.

    Raises:
        LockTimeout: Another process holds it for longer than that.
        LakeUnavailable: The catalog does not answer.
    """
    with _advisory_lock(settings, _REFRESH, "a refresh, close or load", wait_s):
        yield


@contextmanager
def schema_lock(settings: Settings, wait_s: float = 120.0) -> Iterator[None]:
    """Held while tables of the lake are made."""
    with _advisory_lock(settings, _SCHEMA, "making the lake's tables", wait_s):
        yield


@contextmanager
def maintenance_lock(settings: Settings, wait_s: float = 0.0) -> Iterator[None]:
    """Held by the one maintenance that runs."""
    with _advisory_lock(settings, _MAINTENANCE, "maintenance", wait_s):
        yield


@contextmanager
def import_lock(settings: Settings, wait_s: float = 3600.0) -> Iterator[None]:
    """Held by the one import or replay that writes beside ingestion."""
    with _advisory_lock(settings, _IMPORT, "an import or replay", wait_s):
        yield


@contextmanager
def mes_lock(settings: Settings, wait_s: float = 120.0) -> Iterator[None]:
    """Held for a moment by whoever writes messages of an MES or what became of them.

    Who needs `refresh_lock` too takes that one first.
    """
    with _advisory_lock(settings, _MES, "taking in messages of an MES", wait_s):
        yield


@contextmanager
def mes_listener_lock(settings: Settings, wait_s: float) -> Iterator[Callable[[], None]]:
    """Held by the one process that listens to an MES: the broker knows one client of its name.

    Yields:
        What raises `LakeUnavailable` once the lock is lost, because the catalog was.
    """
    with _advisory_lock(settings, _MES_LISTENER, "listening to an MES", wait_s) as connection:

        def check() -> None:
            try:
                connection.execute("select 1")
            except psycopg.OperationalError as error:
                raise LakeUnavailable(f"the catalog was lost: {error}") from error

        yield check


@contextmanager
def _advisory_lock(
    settings: Settings, key: int, what: str, wait_s: float
) -> Iterator[catalog.Connection]:
    with catalog.connect(settings) as connection:
        try:
            # A timeout of 0 would mean for ever.
            connection.execute(f"set lock_timeout = {max(1, round(wait_s * 1000))}")
            connection.execute("select pg_advisory_lock(%s)", [key])
        except psycopg.errors.LockNotAvailable as error:
            raise LockTimeout(
                f"{what} is under way elsewhere, still after {wait_s:.0f} s; try again later"
            ) from error
        except psycopg.OperationalError as error:
            raise LakeUnavailable(f"the catalog was lost: {error}") from error
        try:
            yield connection
        finally:
            # The end of the connection would free it too, but a moment after it is closed here.
            with suppress(psycopg.OperationalError):
                connection.execute("select pg_advisory_unlock(%s)", [key])
