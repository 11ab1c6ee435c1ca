"""A folder of files with messages of an MES, taken in.

Belongs here: which files there are. What is in them is read in `mes_messages`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import lake
from ingestion import mes
from ingestion.mes_messages import split
from takt.errors import ConfigurationError
from takt.settings import Settings

_SUFFIXES = (".json", ".jsonl", ".ndjson")


@dataclass(frozen=True)
class Loaded:
    """What a load brought.

    Attributes:
        messages: How many there are in the files.
        new: How many of these had not come before.
        taken_in: What became of these and of all that waited.
    """

    messages: int
    new: int
    taken_in: mes.TakenIn

    def __str__(self) -> str:
        return f"{self.messages} messages, {self.new} of them new; {self.taken_in}"


def load(settings: Settings, place: Path) -> Loaded:
    """Take in the messages of a file, or of a folder's `.json`, `.jsonl` and `.ndjson` files.

    Files stay where they are; a message that came before changes nothing. What waited is tried
    again.

    Raises:
        ConfigurationError: There is no such file.
        LockTimeout: A refresh holds the lake; messages are kept, and taken in the next time.
    """
    letters = [letter for file in _files(place) for letter in _letters(file)]
    lake.schema.create(settings)
    new = mes.receive(settings, letters) if letters else 0
    return Loaded(len(letters), new, mes.take_in(settings))


def _files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    found = [file for file in sorted(place.glob("*")) if file.suffix.lower() in _SUFFIXES]
    if not found:
        raise ConfigurationError(f"{place}: no {', '.join(_SUFFIXES)} file there")
    return found


def _letters(file: Path) -> Iterator[mes.Letter]:
    content = file.read_bytes()
    try:
        messages = list(split(content.decode("utf-8-sig")))
    except UnicodeDecodeError:
        messages = [content]
    for number, message in enumerate(messages, start=1):
        yield mes.Letter(message, f"{file.name}:{number}")
