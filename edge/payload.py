"""What the parts of a JSON payload mean: values, texts, qualities, times and paths to them.

Belongs here: pure reading. Whatever cannot be read is a `PayloadError`, never a guess.
"""

import json
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from pydantic import TypeAdapter

from edge.clock import EARLIEST, LATEST
from takt.batch import Quality, Sample
from takt.errors import TaktError

MAX_EXACT_INTEGER = 2**53
MAX_SAMPLES = 10_000
"""More in one message are a mistake or an attack."""
_MAX_DEPTH = 16
_JSON: TypeAdapter[object] = TypeAdapter(object)
_GOOD, _BAD = int(Quality.GOOD), int(Quality.BAD)
_FACTORS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_QUALITIES: dict[str | int, int] = {
    **{quality.name.lower(): int(quality) for quality in Quality},
    **{int(quality): int(quality) for quality in Quality},
}


Getter = Callable[[object], object]


class Reading(NamedTuple):
    """What a message says, and of each part that says nothing why."""

    samples: list[Sample]
    unread: Sequence[str] = ()


class PayloadError(TaktError):
    """A message says nothing that can be read."""


def as_value(value: object) -> tuple[float | None, str | None, int]:
    """Value, text and quality on the wire of a JSON or OPC UA value.

    Numbers are values, booleans 0 or 1, strings text however numeric they look; an integer
    that a double cannot hold keeps its exact form as text beside the value.

    Raises:
        PayloadError: It is none of these.
    """
    if type(value) is int and -MAX_EXACT_INTEGER <= value <= MAX_EXACT_INTEGER:
        return float(value), None, _GOOD
    match value:
        case None:
            return None, None, _BAD
        case str():
            return None, _sound(value), _GOOD
        case float() if not math.isfinite(value):
            return None, str(value), _BAD
        case int() if abs(value) > MAX_EXACT_INTEGER:
            return _nearest(value), str(value), _GOOD
        case bool() | int() | float():
            return float(value), None, _GOOD
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


def parse(payload: bytes) -> object:
    """The JSON in `payload`.

    Raises:
        PayloadError: It is none.
    """
    try:
        return _JSON.validate_json(payload)
    except ValueError:
        # Python's own reader takes more time and says what is wrong; and it takes half a
        # surrogate pair, which then costs one text instead of the message.
        return _parse_slowly(payload)


def _parse_slowly(payload: bytes) -> object:
    try:
        return json.loads(payload.decode())
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"no JSON: {error}") from error


def path(text: str) -> Getter:
    """What finds the place `text` in parsed JSON: names and list positions joined by dots."""
    steps = tuple((step, _position(step)) for step in text.split(".")) if text else ()

    def at(content: object) -> object:
        try:
            for name, position in steps:
                # A text has no names and a number nothing at all: a TypeError says so.
                content = content[position if type(content) is list else name]  # type: ignore[index]
        except (KeyError, IndexError, TypeError) as error:
            raise PayloadError(f"no {text}") from error
        return content

    return at


def members(
    content: object, skipped: Collection[str], is_whole: Callable[[dict[str, object]], bool]
) -> Iterator[tuple[str, object]]:
    """Each member of an object with its name; groups and lists are joined by dots (`axis.x`).

    Args:
        content: The object.
        skipped: Names at its top that are no members.
        is_whole: Whether an object within is a member rather than a group.

    Raises:
        PayloadError: It is no object, or has too many or too deeply nested members.
    """
    if not isinstance(content, dict):
        raise PayloadError("no object whose keys are signals")
    waiting: list[tuple[tuple[str, ...], object]] = [
        ((name,), item) for name, item in content.items() if name not in skipped
    ]
    waiting.reverse()
    count = 0
    while waiting:
        names, item = waiting.pop()
        group = _group(item, is_whole)
        count += 1
        if count > MAX_SAMPLES or len(names) > _MAX_DEPTH:
            raise PayloadError(f"over {MAX_SAMPLES} members, or {_MAX_DEPTH} groups in each other")
        if group is None:
            yield ".".join(names), item
        else:
            waiting += reversed([((*names, name), inner) for name, inner in group])


def _group(
    item: object, is_whole: Callable[[dict[str, object]], bool]
) -> list[tuple[str, object]] | None:
    match item:
        case dict() if not is_whole(item):
            return list(item.items())
        case list():
            return [(str(place), inner) for place, inner in enumerate(item)]
    return None


def as_signal(name: object) -> str:
    """A signal's name; a number that names one is written out.

    Raises:
        PayloadError: It is none, or reserved for the collector's own events.
    """
    if type(name) is int:
        name = str(name)
    if not isinstance(name, str) or not name:
        raise PayloadError("no name of a signal")
    if name.startswith("$"):
        raise PayloadError(f"signal {name!r} is reserved for the collector")
    return _sound(name)


def as_text(value: object) -> str | None:
    """The text that stands beside a value.

    Raises:
        PayloadError: It is an object or a list.
    """
    match value:
        case None:
            return None
        case str():
            return _sound(value)
        case bool() | int() | float():
            return json.dumps(value)
    raise PayloadError(f"a text of type {type(value).__name__}")


def as_quality(value: object) -> int:
    """Quality on the wire of 0, 1, 2 or good, uncertain, bad.

    Raises:
        PayloadError: It is none of these.
    """
    name = value.lower() if isinstance(value, str) else value
    if isinstance(name, str | int) and not isinstance(name, bool) and name in _QUALITIES:
        return _QUALITIES[name]
    raise PayloadError(f"quality {value!r} is none of 0, 1, 2, good, uncertain, bad")


def time_reader(unit: str) -> Callable[[object], int]:
    """What reads a time in `unit` (iso, s, ms, us or ns) to µs since 1970.

    It raises `PayloadError` for what is no time between 1970 and 2100.
    """
    to_microseconds = _READERS[unit]

    def read(value: object) -> int:
        try:
            microseconds = to_microseconds(value)
        except (ValueError, TypeError, OverflowError) as error:
            raise PayloadError(f"time {value!r} is not in {unit}") from error
        if not EARLIEST < microseconds < LATEST:
            raise PayloadError(f"time {value!r} in {unit} lies outside 1970 to 2100")
        return microseconds

    return read


def _position(step: str) -> int | str:
    try:
        return int(step)
    except ValueError:
        return step


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
