"""The embedded catalog lives as long as somebody of its home needs it, and not longer."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest

import lake
from lake.catalog_supervisor import CatalogHome
from lake.errors import OutcomeUnknown
from lake.shard import ShardWriter
from takt.settings import Settings
from tests.conftest import wait_until
from tests.integration.lake.conftest import EPOCH, CatalogWire, commit_of

is_root = os.geteuid() == 0
_MEMBER = """
import sys
from pathlib import Path
from lake import catalog, schema
from takt.settings import Settings
settings = Settings(home=Path(sys.argv[1]), catalog=None)
if "with-tables" in sys.argv:
    schema.create(settings)
catalog.join(settings)
for _ in sys.stdin:
    with catalog.connect(settings) as connection:
        print(connection.execute("select 'here'").fetchone()[0], flush=True)
"""


class Member:
    """A process that uses a home's catalog, one question a line."""

    def __init__(self, home: Path, *prefix: str, arguments: tuple[str, ...] = ()) -> None:
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-c", _MEMBER, str(home), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            cwd="/",
        )

    def answer(self) -> str:
        """`here` when the catalog answers the process; '' when that has ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.communicate()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def member(tmp_path: Path) -> Iterator[Callable[..., Member]]:
    """Starts members of one fresh home; all are gone after the test, and so is the catalog."""
    members: list[Member] = []

    def start(
        home: Path = tmp_path / "home", *prefix: str, arguments: tuple[str, ...] = ()
    ) -> Member:
        members.append(Member(home, *prefix, arguments=arguments))
        return members[-1]

    yield start
    for each in members:
        each.kill()
    wait_until(lambda: not processes_of(tmp_path), "the catalog to be gone")


def processes_of(home: Path, name: str = "") -> list[psutil.Process]:
    """Every process that runs and names the home, with `name` in its first three words."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "ppid", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE
        and any(str(home) in part for part in process.info["cmdline"] or ())
        and any(name in part for part in process.info["cmdline"][:3])
        and process.pid != os.getpid()
    ]


def catalog_process(home: Path, name: str) -> psutil.Process:
    """The supervisor (`catalog_supervisor`) or the server (`bin/postgres`) of a home."""
    found = {process.pid: process for process in processes_of(home, name)}
    # A server's child has the server's command until it has set one of its own.
    (process,) = [each for each in found.values() if each.info["ppid"] not in found]
    return process


def test_the_catalog_lives_until_its_last_member_ends(member, tmp_path: Path):
    first, second = member(), member()
    assert (first.answer(), second.answer()) == ("here", "here")

    first.end()
    assert second.answer() == "here"
    second.end()

    wait_until(lambda: not processes_of(tmp_path), "the catalog to stop")
    assert not CatalogHome(tmp_path / "home").socket_folder.exists()


def test_the_catalog_survives_the_killed_command_that_started_it(member):
    first = member()
    first.answer()
    second = member()
    second.answer()

    first.kill()

    assert second.answer() == "here"


def test_nothing_is_left_when_the_only_command_is_killed(member, tmp_path: Path):
    only = member()
    only.answer()
    assert len(processes_of(tmp_path)) >= 3

    only.kill()

    wait_until(lambda: not processes_of(tmp_path), "the catalog to stop")
    assert not CatalogHome(tmp_path / "home").socket_folder.exists()


def test_a_killed_postgresql_is_started_again(member, tmp_path: Path):
    one = member()
    one.answer()

    catalog_process(tmp_path, "bin/postgres").kill()

    assert one.answer() == "here"


def test_a_killed_supervisor_takes_postgresql_along_and_the_next_join_starts_both(
    member, tmp_path: Path
):
    one = member()
    one.answer()
    server = catalog_process(tmp_path, "bin/postgres")

    catalog_process(tmp_path, "catalog_supervisor").kill()
    wait_until(lambda: server not in processes_of(tmp_path), "PostgreSQL to end")

    assert one.answer() == "here"


def test_many_commands_that_start_at_once_share_one_catalog(member, tmp_path: Path):
    members = [member(arguments=("with-tables",)) for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(Member.answer, members))

    assert answers == ["here"] * 4
    catalog_process(tmp_path, "catalog_supervisor")
    catalog_process(tmp_path, "bin/postgres")


def test_what_was_written_is_there_after_stop_and_start(tmp_path: Path):
    settings = Settings(home=tmp_path / "home", catalog=None)
    lake.schema.create(settings)
    writer = ShardWriter(settings, "me")
    writer.take_over()
    writer.commit(commit_of(1))
    writer.close()
    lake.catalog.leave(settings)
    assert processes_of(tmp_path) == []

    with lake.open(settings, read_only=True) as con:
        assert con.table("raw.telemetry").count("*").fetchall() == [(10,)]
    lake.catalog.leave(settings)


@pytest.mark.parametrize("put_elsewhere", [Path.rename, shutil.copytree])
def test_a_home_that_was_moved_or_copied_keeps_its_lake(
    tmp_path: Path, put_elsewhere: Callable[[Path, Path], object]
):
    # A copy that root makes belongs to root, as whom PostgreSQL does not run.
    settings = Settings(home=tmp_path / "home", catalog=None)
    lake.schema.create(settings)
    writer = ShardWriter(settings, "me")
    writer.take_over()
    writer.commit(commit_of(1))
    writer.close()
    lake.catalog.leave(settings)
    put_elsewhere(settings.home, tmp_path / "elsewhere")

    elsewhere = Settings(home=tmp_path / "elsewhere", catalog=None)
    with lake.open(elsewhere, read_only=True) as con:
        assert con.table("raw.telemetry").count("*").fetchall() == [(10,)]
    lake.catalog.leave(elsewhere)


def test_postgresql_killed_between_a_durable_commit_and_its_answer(
    embedded_settings: Settings, tmp_path_factory: pytest.TempPathFactory
):
    home = embedded_settings.home
    wire = CatalogWire(tmp_path_factory.mktemp("w"), lake.catalog.join(embedded_settings))
    wired = Settings(home=home, catalog=wire.conninfo)
    writer = ShardWriter(wired, "me")
    writer.take_over()
    server = catalog_process(home, "bin/postgres")
    wire.at_next_commit(lambda: True, then=server.kill)

    with pytest.raises(OutcomeUnknown):
        writer.commit(commit_of(1, days=2))

    lake.catalog.join(embedded_settings)
    assert writer.epoch_state("demo", "collector1", EPOCH).settled_through == 1
    with lake.open(embedded_settings) as con:
        assert con.table("raw.telemetry").count("*").fetchall() == [(10,)]
    writer.close()
    wire.close()


def test_no_folders_mode_or_owner_changes(member, tmp_path: Path):
    home = tmp_path / "home"
    home.mkdir(mode=0o711)
    before = {folder: folder.stat() for folder in (home, *home.parents)}

    one = member()
    one.answer()
    one.end()

    for folder, was in before.items():
        now = folder.stat()
        assert (now.st_mode, now.st_uid, now.st_gid) == (was.st_mode, was.st_uid, was.st_gid)


def test_only_the_server_may_enter_its_folders(member, tmp_path: Path):
    member().answer()

    where = CatalogHome(tmp_path / "home")
    server = catalog_process(tmp_path, "bin/postgres")
    for folder in (where.data, where.socket_folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.stat().st_uid == server.uids().real


@pytest.mark.skipif(not is_root, reason="needs to become another user")
def test_root_runs_postgresql_as_somebody_else(member, tmp_path: Path):
    member().answer()

    uids = catalog_process(tmp_path, "bin/postgres").uids()

    assert 0 not in (uids.real, uids.effective, uids.saved)


@pytest.mark.skipif(not is_root, reason="needs to become another user")
def test_a_home_inside_a_folder_that_is_closed_to_others_works(member, tmp_path: Path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    assert member(closed / "home").answer() == "here"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that belongs to `nobody` and that every user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="takt-test-"))
    folder.chmod(0o755)
    if is_root:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    yield folder
    shutil.rmtree(folder)


# Python itself may lie in a folder that other users cannot enter.
_READ_ANYWHERE = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
_AS_NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *_READ_ANYWHERE)


@pytest.mark.skipif(not is_root, reason="needs to become another user")
def test_a_user_without_rights_has_a_catalog_and_root_may_join_it(member, open_folder: Path):
    home = open_folder / "home"
    user = member(home, *_AS_NOBODY)
    assert user.answer() == "here"

    assert member(home).answer() == "here"

    assert catalog_process(home, "bin/postgres").uids().real == pwd.getpwnam("nobody").pw_uid
    user.end()


@pytest.mark.skipif(not is_root, reason="needs to become another user")
def test_a_stranger_cannot_connect(member, tmp_path: Path):
    member().answer()
    conninfo = CatalogHome(tmp_path / "home").conninfo

    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(1)
        os.setuid(1)
        try:
            psycopg.connect(conninfo)
        except psycopg.OperationalError:
            os._exit(0)
        os._exit(1)

    assert os.waitpid(pid, 0)[1] == 0


def test_a_stopped_supervisor_leaves_a_clean_database(member, tmp_path: Path):
    one = member()
    one.answer()
    supervisor = catalog_process(tmp_path, "catalog_supervisor")

    supervisor.send_signal(signal.SIGTERM)
    wait_until(lambda: supervisor not in processes_of(tmp_path), "the supervisor to end")

    log = CatalogHome(tmp_path / "home").log.read_text()
    assert "database system is shut down" in log
    assert one.answer() == "here"
