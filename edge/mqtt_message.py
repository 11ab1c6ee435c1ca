"""From an MQTT message to samples, as the source's configuration says.

Belongs here: which parts of topic and payload are equipment, signals and samples; pure
reading. What single JSON values mean is `edge.payload`; UMH's own convention is `edge.umh`.
"""

import re
from collections.abc import Callable, Iterator

from edge.configuration import MqttSource, TopicPart, parse_pattern
from edge.payload import (
    MAX_SAMPLES,
    PayloadError,
    Reading,
    as_quality,
    as_signal,
    as_text,
    as_value,
    members,
    parse,
    path,
    time_reader,
)
from edge.umh import UmhReader
from takt.batch import Quality, Sample
from takt.equipment import is_path

_KNOWN_TOPICS = 100_000
_UNCERTAIN = int(Quality.UNCERTAIN)

Skip = Callable[[str], None]
"""Told why a field is left out."""


def reader_of(source: MqttSource) -> "MessageReader | UmhReader":
    """The reader for the format of `source`."""
    return UmhReader(source) if source.format == "umh" else MessageReader(source)


class MessageReader:
    """Reads the messages of one source whose topics and payloads its configuration describes.

    Attributes:
        topic_filter: What to subscribe to.
        has_time: Whether messages carry their time, so that repeats can be told.
    """

    def __init__(self, source: MqttSource) -> None:
        parts = parse_pattern(source.topic)
        self.topic_filter = "/".join(_filter(part) for part in parts)
        self.has_time = source.timestamp is not None
        self._source = source
        self._topic = re.compile("/".join(_expression(part) for part in parts))
        self._names: dict[str, tuple[str, str]] = {}
        self._fields = _Fields(source)
        self._name = path(source.name or "")
        self._several = path(source.samples or source.signals or "")

    def read(self, topic: str, payload: bytes, received_at: int) -> Reading:
        """The samples in a message.

        A field that cannot be read takes no other with it: a wrong text is left out, a wrong
        quality counts as uncertain, of several samples only the one without a value or time
        is left out; each is named in what is unread.

        Args:
            topic: Where it was published.
            payload: JSON.
            received_at: When it came, in µs.

        Raises:
            PayloadError: Nothing of it can be read; says why.
        """
        names = self._names.get(topic) or self._learn(topic)
        content = parse(payload)
        unread: list[str] = []
        if self._source.is_single:
            sample = self._fields.read(content, content, names, received_at, unread.append)
            return Reading([sample], unread)
        samples = []
        for place, (name, item) in enumerate(self._items(content)):
            try:
                named = names if name is None else (names[0], as_signal(name))
                samples.append(self._fields.read(item, content, named, received_at, unread.append))
            except PayloadError as error:
                unread.append(f"{place if name is None else name}: {error}")
        if unread and not samples:
            raise PayloadError(unread[0])
        return Reading(samples, unread)

    def _items(self, content: object) -> Iterator[tuple[object, object]]:
        """Each sample's name, None where the topic gives it, and what is said of it."""
        found = self._several(content)
        if self._source.signals is not None:
            skipped = self._fields.skipped if found is content else frozenset()
            yield from members(found, skipped, self._fields.is_sample)
            return
        if not isinstance(found, list) or len(found) > MAX_SAMPLES:
            raise PayloadError(f"{self._source.samples} is no list of at most {MAX_SAMPLES}")
        for item in found:
            yield (None if self._source.name is None else self._named(item)), item

    def _named(self, item: object) -> object:
        try:
            return self._name(item)
        except PayloadError:
            return ""

    def _learn(self, topic: str) -> tuple[str, str]:
        if (match := self._topic.fullmatch(topic)) is None:
            raise PayloadError(f"topic {topic} does not fit {self._source.topic}")
        found = match.groupdict()
        equipment = self._source.equipment or found["equipment"]
        if not is_path(equipment):
            raise PayloadError(f"{equipment!r} is not an equipment path")
        signal = self._source.signal or found.get("signal")
        names = equipment, "" if signal is None else as_signal(signal)
        if len(self._names) >= _KNOWN_TOPICS:
            self._names.clear()
        self._names[topic] = names
        return names


class _Fields:
    """Where a sample's value, text, quality and time stand."""

    def __init__(self, source: MqttSource) -> None:
        self._value = path(source.value)
        self._text = None if source.text is None else path(source.text)
        self._quality = None if source.quality is None else path(source.quality)
        self._timestamp = None if source.timestamp is None else path(source.timestamp)
        self._time = time_reader(source.timestamp_unit)
        self._takes_plain = source.signals is not None
        shared = (source.timestamp, source.quality)
        self.skipped = frozenset(place.split(".")[0] for place in shared if place)

    def is_sample(self, item: dict[str, object]) -> bool:
        """Whether an object is one sample rather than a group of them."""
        try:
            self._value(item)
        except PayloadError:
            return False
        return True

    def read(
        self, item: object, message: object, names: tuple[str, str], received_at: int, skip: Skip
    ) -> Sample:
        """The sample that `item` says; time and quality may stand in the whole message."""
        is_plain = self._takes_plain and type(item) is not dict
        value, text, quality = as_value(item if is_plain else self._value(item))
        observed_at = received_at
        if self._timestamp is not None:
            observed_at = self._time(_either(self._timestamp, item, message))
        if self._text is not None and not is_plain:
            text = self._read_text(item, text, names[1], skip)
        if self._quality is not None:
            quality = max(quality, self._read_quality(item, message, names[1], skip))
        return Sample(*names, observed_at, value, text, quality, received_at)

    def _read_text(
        self, item: object, otherwise: str | None, signal: str, skip: Skip
    ) -> str | None:
        assert self._text is not None
        try:
            return as_text(self._text(item))
        except PayloadError as error:
            skip(f"{signal}: {error}")
            return otherwise

    def _read_quality(self, item: object, message: object, signal: str, skip: Skip) -> int:
        assert self._quality is not None
        try:
            return as_quality(_either(self._quality, item, message))
        except PayloadError as error:
            skip(f"{signal}: {error}")
            return _UNCERTAIN


def _either(at: Callable[[object], object], item: object, message: object) -> object:
    """What stands in the item, else what stands in the whole message."""
    if item is message:
        return at(message)
    try:
        return at(item)
    except PayloadError:
        return at(message)


def _filter(part: TopicPart) -> str:
    return part.literal or "/".join("+" * part.levels)


def _expression(part: TopicPart) -> str:
    if part.literal is not None:
        return re.escape(part.literal)
    levels = "/".join(["[^/]+"] * part.levels)
    return f"(?P<{part.field}>{levels})" if part.field else levels
