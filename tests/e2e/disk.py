"""What a disk has kept when its power is cut: only what was synced, and of the rest anything.

Belongs here: files and folders below one root, by the rules of POSIX: bytes are safe once their
file is synced, a name once its folder is. Which program wrote them does not matter.
"""

import random
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.system_calls import Call, Event

_SYNCS = ("fsync", "fdatasync")


@dataclass
class File:
    """Bytes that are safe, and what has happened since, in order."""

    safe: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self, count: int) -> None:
        """The first so many of the pending changes are safe."""
        for change in self.pending[:count]:
            _apply(self.safe, change)
        del self.pending[:count]

    def kept(self, chance: random.Random | None) -> bytes:
        """What a power cut leaves: nothing of the pending changes, or any of them."""
        found = bytearray(self.safe)
        for change in self.pending if chance is not None else ():
            if chance is not None and chance.random() < 0.5:
                _apply(found, change)
        return bytes(found)


def _apply(content: bytearray, change: tuple[int, bytes | None]) -> None:
    at, data = change
    if data is None:
        del content[at:]
    if len(content) < at:
        content.extend(bytes(at - len(content)))
    if data is not None:
        content[at : at + len(data)] = data


class Disk:
    """A root that existed, with what was in it, and what calls have done below it since."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names: dict[Path, File | None] = {}
        for path in root.rglob("*"):
            self._names[path] = File(bytearray(path.read_bytes())) if path.is_file() else None
        self._safe = dict(self._names)
        self._ends: dict[Path, int] = {}
        self._syncing: dict[int, object] = {}

    def see(self, event: Event) -> None:
        """A call begins or ends."""
        call = event.call
        if call.result < 0:
            return
        if call.name in _SYNCS and self._is_below(f"{call.on}/"):
            self._sync(call, Path(call.on), is_end=event.is_end)
        elif event.is_end:
            self._change(call)

    def is_safe(self, path: Path) -> bool:
        """Whether this file and every folder on the way to it would be there whole."""
        file = self._names.get(path)
        return (
            file is not None
            and not file.pending
            and all(
                part in self._safe and self._safe[part] is self._names[part]
                for part in (path, *path.parents)
                if self._is_below(str(part))
            )
        )

    def files_named(self, name: str) -> list[Path]:
        """Files of that name, wherever they lie."""
        return [path for path in self._names if path.name == name]

    def write_image(self, folder: Path, chance: random.Random | None) -> None:
        """Write below `folder` what a power cut would leave; by chance some of what is pending."""
        folder.mkdir()
        for path in sorted({*self._safe, *self._names}):
            names = self._safe if chance is None or chance.random() < 0.5 else self._names
            place = folder / path.relative_to(self._root)
            if path not in names or not place.parent.is_dir():
                continue
            if (file := names[path]) is None:
                place.mkdir()
            else:
                place.write_bytes(file.kept(chance))

    def _sync(self, call: Call, path: Path, *, is_end: bool) -> None:
        file = self._names.get(path)
        if not is_end:
            entries = {each: of for each, of in self._names.items() if each.parent == path}
            self._syncing[id(call)] = entries if file is None else len(file.pending)
            return
        known = self._syncing.pop(id(call))
        if file is not None and isinstance(known, int):
            file.sync(known)
        elif isinstance(known, dict):
            self._safe = {
                each: of for each, of in self._safe.items() if each.parent != path
            } | known

    def _change(self, call: Call) -> None:
        match call.name:
            case "openat" | "creat":
                self._open(call)
            case "mkdir" | "mkdirat":
                self._name(_path(call.strings[0]), None)
            case "write" | "pwrite64" if self._is_below(call.on):
                self._write(call, Path(call.on))
            case "ftruncate" if self._is_below(call.on):
                self._file(Path(call.on)).pending.append((call.numbers[0], None))
            case "unlink" | "unlinkat":
                self._names.pop(_path(call.strings[0]), None)
            case "rename" | "renameat" | "renameat2":
                before, after = map(_path, call.strings[:2])
                if before in self._names:
                    self._name(after, self._names.pop(before))

    def _open(self, call: Call) -> None:
        path = Path(call.opened)
        if (
            self._is_below(call.opened)
            and "O_DIRECTORY" not in call.text
            and path not in self._names
        ):
            assert "O_CREAT" in call.text, call.text[:300]
            self._name(path, File())
        if "O_TRUNC" in call.text and self._is_below(call.opened):
            self._file(path).pending.append((0, None))
        self._ends[path] = 0

    def _write(self, call: Call, path: Path) -> None:
        """A `write` goes on where the last one ended: nobody here seeks."""
        data = call.strings[0][: call.result]
        at = call.numbers[-1] if call.name == "pwrite64" else self._ends.get(path, 0)
        self._file(path).pending.append((at, data))
        if call.name == "write":
            self._ends[path] = at + len(data)

    def _file(self, path: Path) -> File:
        file = self._names[path]
        assert file is not None, path
        return file

    def _name(self, path: Path, file: File | None) -> None:
        if self._is_below(str(path)):
            self._names[path] = file

    def _is_below(self, path: str) -> bool:
        return path.startswith(f"{self._root}/")


def _path(name: bytes) -> Path:
    return Path(name.decode())
