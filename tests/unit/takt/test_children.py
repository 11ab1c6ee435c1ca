"""A child never outlives the process that started it."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

from takt import children
from tests.conftest import wait_until


def is_alive(pid: int) -> bool:
    return children._stat(pid) is not None


def test_a_child_dies_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    program = textwrap.dedent(
        f"""
        import pathlib, sys, time
        from takt import children
        child = children.start("sleeper", ["sleep", "600"])
        pathlib.Path({str(pid_file)!r}).write_text(str(child.process.pid))
        time.sleep(600)
        """
    )
    parent = subprocess.Popen([sys.executable, "-c", program])
    wait_until(lambda: pid_file.exists() and pid_file.read_text(), "the child to start")

    parent.kill()
    parent.wait()

    wait_until(lambda: not is_alive(int(pid_file.read_text())), "the child to end")


def test_a_child_starts_with_default_signals_though_its_parent_ignores_them() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = children.start("sleeper", ["sleep", "600"])
    finally:
        signal.signal(signal.SIGINT, before)

    child.send(signal.SIGINT)

    assert child.process.wait(10) == -signal.SIGINT


def test_ending_a_child_ends_what_it_started_in_sessions_of_their_own(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = f"trap '' TERM; setsid sleep 600 & echo $! > {pid_file}; wait"
    child = children.start("stubborn", ["sh", "-c", script])
    wait_until(lambda: pid_file.exists() and pid_file.read_text().strip(), "the grandchild")
    grandchild = int(pid_file.read_text())

    child.end(timeout_s=0.2)

    wait_until(lambda: not is_alive(grandchild), "the grandchild to end")
    assert not child.is_running


def test_a_child_leads_its_own_session() -> None:
    child = children.start("sleeper", ["sleep", "600"])

    session = os.getsid(child.process.pid)
    child.end(timeout_s=5)

    assert session == child.process.pid
