"""Child processes that never outlive their parent.

A child gets its own session, default signal dispositions (a background shell hands down
ignored signals) and a parent-death signal; it is ended by its session, SIGKILL last.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

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

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the child alone; nothing when it has ended."""
        if self.is_running:
            self.process.send_signal(number)

    def end(self, timeout_s: float, ask: signal.Signals = signal.SIGTERM) -> None:
        """Ask the child to end, wait, then kill whatever is left below it."""
        end_all([self], timeout_s, ask)


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
            with suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_DFL)
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
        preexec_fn=prepare,  # noqa: PLW1509 -- Python holds its own locks over the fork
    )
    return Child(name, process)


def end_all(
    children: Sequence[Child], timeout_s: float, ask: signal.Signals = signal.SIGTERM
) -> None:
    """Ask all children to end at once, wait together, then kill whatever is left below them."""
    below = [pid for child in children for pid in descendants(child.process.pid)]
    for child in children:
        child.send(ask)
    deadline = time.monotonic() + timeout_s
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.process.wait(max(0.0, deadline - time.monotonic()))
    for child in children:
        kill_session(child.process.pid)
        child.process.wait()
    for identity in below:
        identity.kill()


class ProcessIdentity(NamedTuple):
    """A process that cannot be taken for a later one with the same id."""

    pid: int
    started: int

    def kill(self) -> None:
        """SIGKILL, if it is still that process."""
        if (now := _stat(self.pid)) is not None and now.started == self.started:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def descendants(pid: int) -> list[ProcessIdentity]:
    """Every process below `pid`, also those in sessions of their own."""
    by_parent: dict[int, list[ProcessIdentity]] = {}
    for other in _process_ids():
        if (stat := _stat(other)) is not None:
            by_parent.setdefault(stat.parent, []).append(ProcessIdentity(other, stat.started))
    found: list[ProcessIdentity] = []
    parents = [pid]
    while parents:
        below = by_parent.get(parents.pop(), [])
        found += below
        parents += [identity.pid for identity in below]
    return found


def kill_session(session: int) -> None:
    """SIGKILL every process of a session, also those in process groups of their own."""
    for pid in session_members(session):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def session_members(session: int) -> list[int]:
    """Living processes of a session, from `/proc`; empty where there is no `/proc`."""
    stats = ((pid, _stat(pid)) for pid in _process_ids())
    return [pid for pid, stat in stats if stat is not None and stat.session == session]


class _Stat(NamedTuple):
    parent: int
    session: int
    started: int


def _process_ids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def _stat(pid: int) -> _Stat | None:
    """What `/proc` says of a living process; None for zombies and the departed."""
    try:
        # The command name, in parentheses, may hold spaces: fields count from behind it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    if fields[0] == "Z":
        return None
    return _Stat(parent=int(fields[1]), session=int(fields[3]), started=int(fields[19]))
