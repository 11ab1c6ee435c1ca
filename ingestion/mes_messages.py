"""One message of an MES as it came, and what it says (pure).

Belongs here: bytes, JSON and single values. What an order's rows become does not.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ingestion.reference_values import UnfitValueError, Value, parse
from takt.contracts import Column
from takt.contracts.mes import ENVELOPE, LINES, MESSAGES, MessageContract

Values = Mapping[str, Value | None]

_LONGEST_QUOTE = 60
_TIMES = ("started_at", "finished_at", "hours")
"""What tells how long work took: two of them."""
_HOUR_US = 3_600_000_000


class RefusedError(Exception):
    """The message can never be taken in; the message of the error is the cause and what to do."""


@dataclass(frozen=True)
class Told:
    """What a message says, in types.

    Attributes:
        values: Of its envelope and its type; None where it says nothing.
        lines: Of each of its lines.
    """

    values: Values
    lines: Sequence[Values] = ()

    @property
    def id(self) -> str:
        """Its `message_id`."""
        return str(self.values["message_id"])

    @property
    def type(self) -> str:
        """Which of `takt.contracts.mes.MESSAGES` it is."""
        return str(self.values["type"])

    @property
    def order(self) -> str:
        """The production order of which it tells."""
        return str(self.values["production_order_id"])


@dataclass(frozen=True)
class Envelope:
    """By what a message is known and ordered, as far as it can be read.

    Attributes:
        digest: Of its content; equal for a repeat, however it is spaced.
        message_id: None when it has none that can be read; so have the others.
    """

    digest: str
    message_id: str | None = None
    type: str | None = None
    production_order_id: str | None = None
    sequence: int | None = None
    created_at: datetime | None = None


def envelope(payload: bytes, addressed: str | None = None) -> Envelope:
    """What can be read of a message's envelope; never fails.

    Args:
        payload: The message.
        addressed: The order to which it was sent, where its topic says so.
    """
    try:
        found = _decode(payload)
    except RefusedError:
        return Envelope(_digest(payload, addressed), production_order_id=addressed)
    order = _readable(found, "production_order_id")
    # Sent again to the right order it is another message.
    misled = addressed if order != addressed else None
    canonical = json.dumps(found, sort_keys=True, separators=(",", ":"), default=str)
    return Envelope(
        _digest(canonical.encode(), misled),
        message_id=_readable(found, "message_id"),
        type=_readable(found, "type"),
        production_order_id=addressed or order,
        sequence=_readable(found, "sequence"),
        created_at=_readable(found, "created_at"),
    )


def read(payload: bytes, addressed: str | None = None) -> Told:
    """What a message says.

    Args:
        payload: The message.
        addressed: The order to which it was sent, where that is known.

    Raises:
        RefusedError: It breaks its contract.
    """
    found = _decode(payload)
    contract = _contract(found)
    columns = (*ENVELOPE, *contract.columns)
    lines = found.pop(LINES, None) if contract.line_columns else None
    told = Told(_values(found, columns, ""), _lines(lines, contract))
    if addressed not in (None, told.order):
        raise RefusedError(
            f"tells of order {told.order}, but was sent to {addressed}; send it to its own order"
        )
    _check_sense(told)
    return replace(told, lines=[_with_both_times(line) for line in told.lines])


def split(text: str) -> Iterator[bytes]:
    """The messages of a file: one object, a list of objects, or one object a line.

    What cannot be told apart comes as one message, which no contract fits.
    """
    if not text.strip():
        return
    if text.lstrip().startswith("["):
        yield from _elements(text)
    elif _is_json(text.lstrip().partition("\n")[0]):
        yield from (line.encode() for line in text.split("\n") if line.strip())
    else:
        yield text.encode()


def _elements(text: str) -> Iterator[bytes]:
    decoder, found = json.JSONDecoder(), []
    place = _next(text, text.index("[") + 1)
    try:
        while text[place : place + 1] != "]":
            end = decoder.raw_decode(text, place)[1]
            found.append(text[place:end].encode())
            place = _next(text, end)
        if text[place + 1 :].strip():
            found = [text.encode()]
    except (ValueError, RecursionError):
        found = [text.encode()]
    yield from found


def _next(text: str, place: int) -> int:
    """Where the next element begins, or the list ends."""
    while text[place : place + 1] in tuple(" \t\r\n,"):
        place += 1
    return place


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _digest(content: bytes, addressed: str | None) -> str:
    place = b"" if addressed is None else b"\0" + addressed.encode(errors="backslashreplace")
    return hashlib.sha256(content + place).hexdigest()[:32]


def _decode(payload: bytes) -> dict[str, Any]:
    try:
        found = _DECODER.decode(payload.decode("utf-8-sig"))
        # A half of a surrogate pair is legal JSON, but no text.
        json.dumps(found, ensure_ascii=False, default=str).encode()
    except UnicodeError as error:
        raise RefusedError("not UTF-8; send it as UTF-8") from error
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise RefusedError(f"not JSON ({error}); mend it") from error
    if not isinstance(found, dict):
        raise RefusedError("not a JSON object; send one object a message")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=Decimal, parse_constant=_no_number
)


def _readable(found: Mapping[str, Any], name: str) -> Any:
    column = next(column for column in ENVELOPE if column.name == name)
    try:
        return _value(found, column, "")
    except RefusedError:
        return None


def _contract(found: Mapping[str, Any]) -> MessageContract:
    name = found.get("type")
    if not isinstance(name, str) or name not in MESSAGES:
        raise RefusedError(f"type {_quoted(name)}: use one of {', '.join(MESSAGES)}")
    return MESSAGES[name]


def _lines(found: object, contract: MessageContract) -> list[Values]:
    if not contract.line_columns:
        return []
    if not isinstance(found, list) or not found:
        raise RefusedError(f"{LINES}: a {contract.name} needs a list of one line at least")
    told = []
    for number, line in enumerate(found, start=1):
        where = f"line {number}, "
        if not isinstance(line, dict):
            raise RefusedError(f"{where}{_quoted(line)}: not an object; write its keys")
        told.append(_values(line, contract.line_columns, where))
    return told


def _values(found: Mapping[str, Any], columns: Sequence[Column], where: str) -> Values:
    names = [column.name for column in columns]
    for name in found:
        if name not in names:
            raise RefusedError(f"{where}{_quoted(name)}: no such key; known are {', '.join(names)}")
    return {column.name: _value(found, column, where) for column in columns}


def _value(found: Mapping[str, Any], column: Column, where: str) -> Value | None:
    cell = found.get(column.name)
    if isinstance(cell, dict | list):
        raise RefusedError(f"{where}{column.name} {_quoted(cell)}: write one value")
    try:
        return parse(cell, column)
    except UnfitValueError as error:
        raise RefusedError(f"{where}{column.name} {_quoted(cell)}: {error}") from error


def _quoted(found: object) -> str:
    text = repr(str(found)) if isinstance(found, Decimal) else repr(found)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"


def _check_sense(told: Told) -> None:
    """Refuse what contradicts itself, whatever is loaded."""
    if told.type == "order_start":
        given = [told.values[name] is not None for name in ("operation_id", "work_unit_id")]
        if given[0] != given[1]:
            raise RefusedError("operation_id and work_unit_id belong together; give both or none")
    for number, line in enumerate(told.lines, start=1):
        if told.type == "route_card":
            _check_time_spent(line, number)
        elif line["item_id"] == line["replaces_item_id"]:
            raise RefusedError(
                f"line {number}, replaces_item_id: it is the item issued; name the one it replaces"
            )
    _check_once(told, "movement_id" if told.type == "picking_list" else "booking_id")


def _check_time_spent(line: Values, number: int) -> None:
    given = [name for name in _TIMES if line[name] is not None]
    if len(given) != len(_TIMES) - 1:
        told = ", ".join(given) or "none"
        raise RefusedError(f"line {number}: give two of {', '.join(_TIMES)}; it has {told}")
    try:
        whole = _with_both_times(line)
    except OverflowError as error:
        raise RefusedError(f"line {number}, hours: lead out of the calendar") from error
    started_at, finished_at = whole["started_at"], whole["finished_at"]
    assert isinstance(started_at, datetime)
    assert isinstance(finished_at, datetime)
    if started_at >= finished_at:
        raise RefusedError(f"line {number}, finished_at {finished_at}: must lie after started_at")
    if line["worker_id"] is None and line["work_unit_id"] is None:
        raise RefusedError(
            f"line {number}: says neither worker_id nor work_unit_id; say whose time"
        )


def _with_both_times(line: Values) -> Values:
    """The line of a route card with the time that its hours stand for; any other as it is."""
    hours, started_at, finished_at = (line.get(name) for name in ("hours", *_TIMES[:2]))
    if not isinstance(hours, Decimal):
        return line
    spent = timedelta(microseconds=int(hours * _HOUR_US))
    if isinstance(finished_at, datetime):
        return {**line, "started_at": finished_at - spent}
    assert isinstance(started_at, datetime)
    return {**line, "finished_at": started_at + spent}


def _check_once(told: Told, name: str) -> None:
    seen: set[Value] = set()
    for line in told.lines:
        value = line.get(name)
        if value is not None and value in seen:
            raise RefusedError(f"{name} {_quoted(value)}: in several lines; give each its own")
        seen |= set() if value is None else {value}
