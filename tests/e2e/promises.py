"""What processes promise to others, as their system calls tell it.

Belongs here: what a collector acknowledges to the machines' broker, which files ingestion names
to the catalog, and what it tells collectors. Whether a disk would have kept it is asked of
`tests.e2e.disk`.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.e2e.disk import Disk
from tests.e2e.system_calls import Event

PUBLISH, PUBACK = 0x30, 0x40


@dataclass
class Packets:
    """One direction of an MQTT connection, cut into packets."""

    _rest: bytes = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The kind and the body of each packet that is whole now."""
        self._rest += data
        while (end := self._end()) is not None:
            head, start, stop = end
            body, self._rest = self._rest[start:stop], self._rest[stop:]
            yield head, body

    def _end(self) -> tuple[int, int, int] | None:
        length = 0
        for place, byte in enumerate(self._rest[1:5]):
            length |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                start = place + 2
                is_whole = len(self._rest) >= start + length
                return (self._rest[0], start, start + length) if is_whole else None
        return None


@dataclass
class Promises:
    """Which values a collector has acknowledged to the machines' broker."""

    port: int
    made: set[float] = field(default_factory=set)
    _open: dict[bytes, float] = field(default_factory=dict)
    _received: Packets = field(default_factory=Packets)
    _sent: Packets = field(default_factory=Packets)

    def see(self, event: Event) -> None:
        """A call that may have received a value, or acknowledged one."""
        call = event.call
        if not call.on.endswith(f":{self.port}]") or call.result <= 0:
            return
        data = call.strings[0][: call.result]
        if event.is_end and call.name == "recvfrom":
            for kind, body in self._received.feed(data):
                if kind & 0xF6 == PUBLISH | 2:
                    name_ends = 2 + int.from_bytes(body[:2])
                    value = json.loads(body[name_ends + 2 :])["value"]
                    self._open[body[name_ends : name_ends + 2]] = value
        if not event.is_end and call.name == "sendto":
            for kind, body in self._sent.feed(data):
                if kind == PUBACK:
                    self.made.add(self._open.pop(body))


@dataclass
class NamedFiles:
    """Which files each COMMIT to the catalog names, and whether they were safe when it was sent.

    Attributes:
        safe: Files that were.
        unsafe: Files that a power cut right after the COMMIT could have cost.
        commits: How many COMMITs named any.
        settled: Through which batch the collector was told that all is settled.
        told_early: Answers that did not follow an answer of the catalog.
    """

    disk: Disk
    port: int
    safe: int = 0
    unsafe: list[str] = field(default_factory=list)
    commits: int = 0
    settled: int = 0
    told_early: list[int] = field(default_factory=list)
    _named: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _is_answered: bool = False

    def see(self, event: Event) -> None:
        """A call that may have spoken to the catalog or to the broker."""
        call = event.call
        if call.result <= 0 or not call.strings:
            return
        is_catalog, data = call.on.startswith("UNIX"), call.strings[0]
        if is_catalog and not event.is_end and call.name == "sendto":
            self._hear_query(call.on, data)
        if is_catalog and event.is_end and b"COMMIT\0" in data and call.name == "recvfrom":
            self._is_answered = True
        if not event.is_end and call.on.endswith(f":{self.port}]") and call.name == "sendto":
            for settled in re.findall(rb'"settled_through":(\d+)', data):
                self._hear_answer(int(settled))

    def _hear_query(self, connection: str, data: bytes) -> None:
        named = self._named[connection]
        named |= {name.decode() for name in re.findall(rb"[0-9a-f]{32}\.parquet", data)}
        if b"COMMIT" not in data:
            return
        self.commits += bool(named)
        for name in named:
            [path] = self.disk.files_named(name)
            if self.disk.is_safe(path):
                self.safe += 1
            else:
                self.unsafe.append(name)
        named.clear()

    def _hear_answer(self, settled: int) -> None:
        if settled > self.settled and not self._is_answered:
            self.told_early.append(settled)
        if settled > self.settled:
            self.settled, self._is_answered = settled, False
