"""Child processes that never outlive their parent.

A child gets its own session, default signal dispositions (a background shell hands down
ignored signals) and a parent-death signal; it is ended by its session, SIGKILL last.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_RESET = [s for s in signal.valid_signals() if s not in (signal.SIGKILL, signal.SIGSTOP)]
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Child:
    """A running child process, the leader of its own session."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]") -> None:
        self.name = name
        self.process = process

    @property
    def is_running(self) -> bool:
        """Whether the child has not ended yet."""
        return self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the child alone; nothing when it has ended."""
        if self.is_running:
            self.process.send_signal(number)

    def end(self, timeout_s: float, ask: signal.Signals = signal.SIGTERM) -> None:
        """Ask the child to end, wait, then kill whatever is left of its session."""
        self.signal(ask)
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            pass
        kill_session(self.process.pid)
        self.process.wait()


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    output: IO[bytes] | int | None = None,
    user: int | None = None,
    group: int | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> Child:
    """Start `command` as a child of this process.

    Args:
        name: What people call it in messages.
        command: Program and arguments.
        env: Its whole environment; by default ours.
        cwd: Its working folder; by default ours.
        output: Where standard output and error go; by default ours.
        user: Run as this user id (needs root); supplementary groups are dropped.
        group: Run as this group id.
        death_signal: What the kernel sends it when this process dies.

    Raises:
        OSError: The program cannot be started.
    """
    parent = os.getpid()

    def prepare() -> None:
        for number in _RESET:
            try:
                signal.signal(number, signal.SIG_DFL)
            except (OSError, ValueError):
                continue
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    process = subprocess.Popen(
        [str(part) for part in command],
        env=None if env is None else dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,
        user=user,
        group=group,
        extra_groups=[] if user is not None else None,
        preexec_fn=prepare,
    )
    return Child(name, process)


def kill_session(session: int) -> None:
    """SIGKILL every process of a session, also those in process groups of their own."""
    for pid in session_members(session):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def session_members(session: int) -> list[int]:
    """Process ids of a session, from `/proc`; empty where there is no `/proc`."""
    members = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            # Field 6 is the session; the command name before it may hold spaces.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z" and int(fields[3]) == session:
            members.append(int(entry.name))
    return members
