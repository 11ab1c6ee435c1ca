"""Sound messages made unsound, from a seed: what the fuzz tests of every protocol share.

Belongs here: changes of bytes, and JSON that no machine should send. What a protocol makes of
them is in its own tests.
"""

import json
import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

HOSTILE_JSON = (
    "NaN", "-Infinity", "1e999", "-0.0", "9" * 400, "-" + "9" * 5_000, "1" + "0" * 308, "0.1e-400",
    "18446744073709551616", "true", "null", "[]", "{}", '""', '"\\ud800"', '"\\udfff x"',
    '"\\u0000"', '"\u202e\ufffe"', '"' + "x" * 70_000 + '"', '{"a":1,"a":2}', "[1,]", "01", "+1",
    "'x'", "\ufeff1", '"2023-02-30T25:61:61Z"', "1700000000000000000000", "-1", "1.5e3",
    "[" * 500 + "]" * 500, "[" * 50_000, '{"a":' * 20_000, '"\\', '"\x01"',
)  # fmt: skip
"""Values in places where numbers, texts and times are expected."""


@dataclass
class Mutations:
    """Changes of messages by one seed.

    Args:
        seed: The same seed makes the same changes.
    """

    seed: int
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def of_bytes(self, sound: Sequence[bytes]) -> bytes:
        """One of these messages, changed once or several times."""
        content = bytearray(self.chance.choice(sound))
        for _ in range(self.chance.choice([1, 1, 1, 2, 3, 8])):
            content = self._changed(content, sound)
        return bytes(content)

    def of_json(self, sound: Sequence[dict[str, object]]) -> bytes:
        """One of these objects with hostile values or changed bytes."""
        members = dict(self.chance.choice(sound))
        if self.chance.random() < 0.4:
            return self.of_bytes([json.dumps(each).encode() for each in sound])
        said = {name: json.dumps(value) for name, value in members.items()}
        for _ in range(self.chance.choice([1, 1, 2])):
            name = self.chance.choice([*said, "", "$link", "\\ud800", "a.b", "value"])
            said[name] = self.chance.choice(HOSTILE_JSON)
        text = ", ".join(f'"{name}": {value}' for name, value in said.items())
        if self.chance.random() < 0.1:
            text += ", " + text
        encoding = self.chance.choice(["utf-8"] * 8 + ["utf-16", "latin-1"])
        return ("{" + text + "}").encode(encoding, "replace")

    def _changed(self, content: bytearray, sound: Sequence[bytes]) -> bytearray:
        place = self.chance.randrange(len(content) + 1)
        length = self.chance.choice([1, 1, 2, 4, 8, 64])
        match self.chance.randrange(10):
            case 0 | 1 | 2 if content:
                content[place % len(content)] ^= 1 << self.chance.randrange(8)
            case 3:
                del content[place:]
            case 4:
                del content[place : place + length]
            case 5:
                content[place:place] = self.chance.randbytes(length)
            case 6:
                content[place:place] = content[place : place + length] * self.chance.choice([1, 9])
            case 7:
                other = self.chance.choice(sound)
                content[place:] = other[self.chance.randrange(len(other) + 1) :]
            case 8:
                content[place : place + length] = b"\xff" * length
            case _:
                content = content + content if len(content) < 100_000 else content[:1]
        return content


def bombs() -> Iterator[bytes]:
    """A few kilobytes that become a gigabyte, as zstd and as what browsers inflate."""
    zeros = bytes(100_000_000)
    yield pa.compress(zeros, "zstd", asbytes=True)
    yield zlib.compress(zeros)
