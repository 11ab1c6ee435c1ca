"""What a process asks of the kernel, in order: written by strace, read back with all bytes.

Belongs here: running under strace and reading its lines. What a disk would have kept is in
`tests.e2e.disk`.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from tests.conftest import find_program

_FILES = "openat,creat,write,pwrite64,writev,pwritev,ftruncate,fsync,fdatasync,sync_file_range"
_NAMES = "rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,link,linkat"
_SOCKETS = "sendto,sendmsg,recvfrom,recvmsg"
_LINE = re.compile(r"(?P<pid>\d+)\s+(?P<said>.*)", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(?P<rest>.*)", re.DOTALL)
_UNFINISHED = " <unfinished ...>"
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_ON = re.compile(r"\w+\((?:\d+|AT_FDCWD)<(.*?)>(?:,|\))")
_RESULT = re.compile(r"= (-?\d+)(?:<(.*)>)?")


def why_not() -> str:
    """Why system calls cannot be traced here; empty: they can."""
    done = subprocess.run([find_program("strace"), "-f", "true"], capture_output=True, text=True)
    return "" if done.returncode == 0 else f"strace may not trace here: {done.stderr.strip()[:200]}"


def traced(file: Path) -> list[str | Path]:
    """The command that runs the arguments after it and writes what they ask into `file`."""
    strings = ["-xx", "-s", "4000000"]
    wanted = ["-e", f"trace={_FILES},{_NAMES},{_SOCKETS}", "-e", "signal=none"]
    return [
        find_program("strace"),
        "-f",
        "-qq",
        "-yy",
        "--seccomp-bpf",
        *strings,
        *wanted,
        "-o",
        file,
    ]


@dataclass(frozen=True)
class Call:
    """One system call that has ended.

    Attributes:
        text: As strace writes it, all strings in hexadecimal.
    """

    text: str

    @cached_property
    def name(self) -> str:
        """Which."""
        return self.text.partition("(")[0]

    @cached_property
    def on(self) -> str:
        """Path, or the two ends of the socket, that it works on; empty: none is open."""
        found = _ON.match(self.text)
        return "" if found is None else _plain(found[1])

    @cached_property
    def strings(self) -> list[bytes]:
        """Its arguments in quotes: paths, or what is written, sent or received."""
        return [_bytes(each) for each in _STRING.findall(self._arguments)]

    @cached_property
    def numbers(self) -> list[int]:
        """Its arguments that are plain numbers."""
        return [int(each) for each in re.findall(r", (\d+)(?=[,)])", self._arguments)]

    @cached_property
    def result(self) -> int:
        """What the kernel answered; negative: an error, or no answer any more."""
        found = _RESULT.match(self._answer)
        return -1 if found is None else int(found[1])

    @cached_property
    def opened(self) -> str:
        """The path that was opened."""
        found = _RESULT.match(self._answer)
        return "" if found is None or found[2] is None else _plain(found[2])

    @property
    def _arguments(self) -> str:
        return self.text.rpartition(" = ")[0]

    @property
    def _answer(self) -> str:
        return self.text[len(self._arguments) + 1 :]


class Event(NamedTuple):
    """A call begins, or it has ended."""

    call: Call
    is_end: bool


def events(file: Path) -> Iterator[Event]:
    """Begin and end of every call that came back, in the order of time."""
    said: list[tuple[int, str]] = []
    ends: dict[int, str] = {}
    open_at: dict[int, int] = {}
    for number, line in enumerate(file.read_text().splitlines()):
        found = _LINE.match(line)
        assert found is not None, line[:200]
        pid, text = int(found["pid"]), found["said"]
        if text.startswith("<..."):
            rest = _RESUMED.match(text)
            if rest is not None and pid in open_at:
                begun = open_at.pop(pid)
                ends[number] = said[begun][1].removesuffix(_UNFINISHED) + rest["rest"]
                said[begun] = (number, said[begun][1])
            said.append((-1, ""))
        elif text.endswith("<unfinished ...>"):
            open_at[pid] = number
            said.append((-1, text))
        else:
            said.append((number, text))
            ends[number] = text
    calls = {number: Call(text) for number, text in ends.items() if "(" in text}
    for number, (end, _) in enumerate(said):
        if end in calls:
            yield Event(calls[end], is_end=False)
        if number in calls:
            yield Event(calls[number], is_end=True)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _plain(text: str) -> str:
    return re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), text)
