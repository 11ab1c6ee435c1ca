"""From an MQTT message to a sample, as the source's configuration says.

Belongs here: pure reading. Whatever cannot be read is a `PayloadError`, never a guess.
"""

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime

from edge.clock import EARLIEST, LATEST
from edge.configuration import MqttSource, TopicPart, parse_pattern
from takt.batch import Quality, Sample
from takt.equipment import is_path
from takt.errors import TaktError

MAX_EXACT_INTEGER = 2**53
_FACTORS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_QUALITIES: dict[str | int, int] = {
    **{quality.name.lower(): int(quality) for quality in Quality},
    **{int(quality): int(quality) for quality in Quality},
}


class PayloadError(TaktError):
    """A message says nothing that can be read."""


class PayloadReader:
    """Reads the messages of one source."""

    def __init__(self, source: MqttSource) -> None:
        parts = parse_pattern(source.topic)
        self.topic_filter = "/".join(_filter(part) for part in parts)
        self._topic = re.compile("/".join(_expression(part) for part in parts))
        self._source = source
        self._value = _path(source.value)
        self._text = None if source.text is None else _path(source.text)
        self._quality = None if source.quality is None else _path(source.quality)
        self._timestamp = None if source.timestamp is None else _path(source.timestamp)

    @property
    def has_time(self) -> bool:
        """Whether messages carry their time, so that repeats can be told."""
        return self._timestamp is not None

    def read(self, topic: str, payload: bytes, received_at: int) -> Sample:
        """The sample in a message.

        Args:
            topic: Where it was published.
            payload: JSON.
            received_at: When it came, in µs.

        Raises:
            PayloadError: It cannot be read; says why.
        """
        equipment, signal = self._names(topic)
        content = _json(payload)
        value, text, quality = as_value(_at(content, self._value))
        if self._text is not None:
            text = _text(_at(content, self._text))
        if self._quality is not None:
            quality = max(quality, _quality(_at(content, self._quality)))
        observed_at = received_at
        if self._timestamp is not None:
            observed_at = _time(_at(content, self._timestamp), self._source.timestamp_unit)
        return Sample(equipment, signal, observed_at, value, text, quality, received_at)

    def _names(self, topic: str) -> tuple[str, str]:
        if (match := self._topic.fullmatch(topic)) is None:
            raise PayloadError(f"topic {topic} does not fit {self._source.topic}")
        found = match.groupdict()
        equipment = self._source.equipment or found["equipment"]
        signal = self._source.signal or found["signal"]
        if not is_path(equipment):
            raise PayloadError(f"{equipment!r} is not an equipment path")
        if signal.startswith("$"):
            raise PayloadError(f"signal {signal!r} is reserved for the collector")
        return equipment, signal


def as_value(value: object) -> tuple[float | None, str | None, int]:
    """Value, text and quality on the wire of a JSON or OPC UA value.

    Numbers are values, booleans 0 or 1, strings text however numeric they look; an integer
    that a double cannot hold keeps its exact form as text beside the value.

    Raises:
        PayloadError: It is none of these.
    """
    good, bad = int(Quality.GOOD), int(Quality.BAD)
    match value:
        case None:
            return None, None, bad
        case str():
            return None, _sound(value), good
        case float() if not math.isfinite(value):
            return None, str(value), bad
        case int() if abs(value) > MAX_EXACT_INTEGER:
            return _nearest(value), str(value), good
        case bool() | int() | float():
            return float(value), None, good
    raise PayloadError(f"a value of type {type(value).__name__} is no number, truth or text")


def _nearest(value: int) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


def _sound(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PayloadError("a text with half a surrogate pair is no Unicode") from error
    return text


def _json(payload: bytes) -> object:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"no JSON: {error}") from error


def _path(path: str) -> tuple[str, ...]:
    return tuple(path.split(".")) if path else ()


def _at(content: object, path: tuple[str, ...]) -> object:
    for step in path:
        try:
            match content:
                case dict():
                    content = content[step]
                case list():
                    content = content[int(step)]
                case _:
                    raise PayloadError(f"no {'.'.join(path)}")
        except (KeyError, IndexError, ValueError) as error:
            raise PayloadError(f"no {'.'.join(path)}") from error
    return content


def _text(value: object) -> str | None:
    match value:
        case None:
            return None
        case str():
            return _sound(value)
        case bool() | int() | float():
            return json.dumps(value)
    raise PayloadError(f"a text of type {type(value).__name__}")


def _quality(value: object) -> int:
    name = value.lower() if isinstance(value, str) else value
    if isinstance(name, str | int) and name in _QUALITIES:
        return _QUALITIES[name]
    raise PayloadError(f"quality {value!r} is none of 0, 1, 2, good, uncertain, bad")


def _time(value: object, unit: str) -> int:
    try:
        microseconds = _READERS[unit](value)
    except (ValueError, TypeError, OverflowError) as error:
        raise PayloadError(f"time {value!r} is not in {unit}") from error
    if not EARLIEST < microseconds < LATEST:
        raise PayloadError(f"time {value!r} in {unit} lies outside 1970 to 2100")
    return microseconds


def _iso(value: object) -> int:
    if not isinstance(value, str):
        raise TypeError
    moment = datetime.fromisoformat(value)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    past = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (past.days * 86_400 + past.seconds) * 1_000_000 + past.microseconds


def _since_1970(unit: str) -> Callable[[object], int]:
    factor = _FACTORS.get(unit, 1)

    def read(value: object) -> int:
        if isinstance(value, str):
            value = float(value) if "." in value else int(value)
        match value:
            case bool():
                raise TypeError
            case int():
                return value // 1_000 if unit == "ns" else value * factor
            case float():
                return round(value / 1_000 if unit == "ns" else value * factor)
        raise TypeError

    return read


_READERS: dict[str, Callable[[object], int]] = {
    "iso": _iso,
    **{unit: _since_1970(unit) for unit in ("s", "ms", "us", "ns")},
}


def _filter(part: TopicPart) -> str:
    return part.literal or "/".join("+" * part.levels)


def _expression(part: TopicPart) -> str:
    if part.literal is not None:
        return re.escape(part.literal)
    levels = "/".join(["[^/]+"] * part.levels)
    return f"(?P<{part.field}>{levels})" if part.field else levels
