"""Who tries to own which shard: advisory locks of one catalog session per ingestion process.

The locks only keep processes from taking shards from one another; who may commit is decided
by the fence. PostgreSQL frees them when the session ends: at the process's death, or when
nothing was heard of it for `LEASE_S`, because it is paused or its host is gone.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from lake import catalog
from lake.errors import LakeUnavailable
from takt.settings import Settings

LEASE_S = 5
# Any numbers, as long as nobody else uses them in the catalog's database; see `lake.locks`.
_SHARD = 0x7A6B_0005
_PRESENT = 0x7A6B_0006
_ENTRANCE = 0x7A6B_0007
_SESSION = (
    f"set idle_session_timeout = '{LEASE_S}s'",
    f"set idle_in_transaction_session_timeout = '{LEASE_S}s'",
    f"set lock_timeout = '{LEASE_S}s'",
    # Without effect over a Unix socket; there a dead process is noticed at once.
    "set tcp_keepalives_idle = 2",
    "set tcp_keepalives_interval = 1",
    "set tcp_keepalives_count = 3",
)
_IN_THIS_DATABASE = (
    "from pg_locks where locktype = 'advisory' and granted and objsubid = 2"
    " and database = (select oid from pg_database where datname = current_database())"
)


class ShardLocks:
    """The session of one process; for use by one thread.

    It has to say something every second or so, or the session ends.

    Args:
        settings: Of the installation.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shards = settings.ingestion.shards
        self._connection: catalog.Connection | None = None
        self._held: set[int] = set()

    @property
    def is_open(self) -> bool:
        """Whether there is a session."""
        return self._connection is not None

    @property
    def held(self) -> frozenset[int]:
        """The shards whose lock this session holds."""
        return frozenset(self._held)

    def open(self) -> frozenset[int]:
        """Begin a session as one of the processes that divide collectors alike.

        Returns:
            By how many shards others divide them who are there now; empty: the session is open.

        Raises:
            LakeUnavailable: The catalog does not answer.
        """
        connection = catalog.connect(self._settings)
        try:
            with _available():
                others = self._enter(connection)
        except BaseException:
            connection.close()
            raise
        if others:
            connection.close()
        else:
            self._connection = connection
        return others

    def processes(self) -> int:
        """How many processes are there, this one included.

        Raises:
            LakeUnavailable: The session is lost.
        """
        rows = self._query(
            f"select count(*) {_IN_THIS_DATABASE} and classid = %s and objid = %s",
            _PRESENT, self._shards,
        )  # fmt: skip
        return int(rows[0][0])

    def try_lock(self, shard: int) -> bool:
        """Whether the shard's lock was free and is ours now.

        Raises:
            LakeUnavailable: The session is lost.
        """
        [(is_ours,)] = self._query("select pg_try_advisory_lock(%s, %s)", _SHARD, shard)
        if is_ours:
            self._held.add(shard)
        return bool(is_ours)

    def unlock(self, shard: int) -> None:
        """Let others have the shard.

        Raises:
            LakeUnavailable: The session is lost, and the lock with it.
        """
        if shard in self._held:
            self._held.remove(shard)
            self._query("select pg_advisory_unlock(%s, %s)", _SHARD, shard)

    def close(self) -> None:
        """End the session; every lock is free."""
        self._held.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                # Closing frees the locks as well, but a moment later.
                connection.execute("select pg_advisory_unlock_all()")
            connection.close()

    def _enter(self, connection: catalog.Connection) -> frozenset[int]:
        for statement in _SESSION:
            connection.execute(statement)
        with connection.transaction():
            # One at a time, or two that divide differently would not see each other.
            connection.execute("select pg_advisory_xact_lock(%s, 0)", [_ENTRANCE])
            rows = connection.execute(
                f"select distinct objid {_IN_THIS_DATABASE} and classid = %s and objid <> %s",
                [_PRESENT, self._shards],
            ).fetchall()
            if not rows:
                connection.execute(
                    "select pg_advisory_lock_shared(%s, %s)", [_PRESENT, self._shards]
                )
        return frozenset(int(row[0]) for row in rows)

    def _query(self, sql: str, *arguments: int) -> list[tuple[int | bool, ...]]:
        if self._connection is None:
            raise LakeUnavailable("there is no session of the catalog")
        with _available():
            return self._connection.execute(sql.encode(), arguments).fetchall()


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise LakeUnavailable(f"the catalog was lost: {str(error).splitlines()[0]}") from error
