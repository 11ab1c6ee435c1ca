"""One cell of a business file turned into the value that its column promises.

Belongs here: what a single value may look like (pure). Files and rows do not.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from takt.contracts import Column, Type

Value = str | int | Decimal | bool | date | datetime | time

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_LOCAL_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_SMALLEST = Decimal("0.000001")
_DECIMAL_BOUND = Decimal(10) ** 12
_BIGINT_BOUND = 2**63


class UnfitValueError(Exception):
    """The value does not fit its column; the message is the cause and what to do."""


def parse(cell: object, column: Column) -> Value | None:
    """The cell's value in the column's type; None when it is empty.

    Timestamps are naive UTC; surrounding blanks do not count.

    Raises:
        UnfitValueError: The value does not fit.
    """
    cell = cell.strip() if isinstance(cell, str) else cell
    if cell is None or cell == "":
        if column.is_required:
            raise UnfitValueError("a value is required; fill it in")
        return None
    value = _PARSERS[column.type](cell)
    _check_limits(value, column)
    return value


def _check_limits(value: Value, column: Column) -> None:
    if column.allowed and value not in column.allowed:
        raise UnfitValueError(f"not allowed; use one of {', '.join(column.allowed)}")
    if not isinstance(value, int | Decimal):
        return
    if column.minimum is not None and value < column.minimum:
        raise UnfitValueError(f"too small; the smallest legal value is {column.minimum}")
    if column.maximum is not None and value > column.maximum:
        raise UnfitValueError(f"too large; the largest legal value is {column.maximum}")
    if column.above is not None and value <= column.above:
        raise UnfitValueError(f"too small; it must be greater than {column.above}")


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if isinstance(cell, bool) or not isinstance(cell, str | int | float | Decimal):
        raise UnfitValueError("not a text; format the column as text")
    text = str(cell)
    if any(ord(character) < 32 for character in text):
        raise UnfitValueError("holds a control character or line break; remove it")
    return text


def _decimal_of(cell: object) -> Decimal:
    if isinstance(cell, bool) or not isinstance(cell, str | int | float | Decimal):
        raise UnfitValueError("not a number; write digits with a decimal point")
    if isinstance(cell, str) and "," in cell:
        raise UnfitValueError("not a number; write a decimal point and no thousands separator")
    try:
        # A binary float is meant as the 15 digits that spreadsheets show and keep.
        number = Decimal(f"{cell:.15g}" if isinstance(cell, float) else cell)
    except InvalidOperation as error:
        raise UnfitValueError("not a number; write digits with a decimal point") from error
    if not number.is_finite():
        raise UnfitValueError("not a finite number; leave it empty when it is unknown")
    return number


def _integer(cell: object) -> int:
    number = _decimal_of(cell)
    if number.adjusted() > 18 or number != number.to_integral_value():
        raise UnfitValueError("not a whole number; write it without decimals")
    if not -_BIGINT_BOUND <= number < _BIGINT_BOUND:
        raise UnfitValueError("more than 64 bits; use a smaller number")
    return int(number)


def _decimal(cell: object) -> Decimal:
    number = _decimal_of(cell)
    if abs(number) >= _DECIMAL_BOUND:
        raise UnfitValueError(
            "more than twelve digits before the decimal point; use a smaller number"
        )
    if number != number.quantize(_SMALLEST):
        raise UnfitValueError("more than six decimals; round it to six")
    return number.quantize(_SMALLEST)


def _boolean(cell: object) -> bool:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    known = _BOOLEANS.get(str(cell).lower())
    if known is None:
        raise UnfitValueError("not a yes or no; use true or false")
    return known


def _date(cell: object) -> date:
    if isinstance(cell, datetime):
        if cell.time() != time(0):
            raise UnfitValueError("holds a time of day; write the date alone as YYYY-MM-DD")
        return cell.date()
    if isinstance(cell, date):
        return cell
    try:
        return date.fromisoformat(str(cell))
    except ValueError as error:
        raise UnfitValueError("not a date; write YYYY-MM-DD") from error


def _timestamp(cell: object) -> datetime:
    try:
        moment = cell if isinstance(cell, datetime) else datetime.fromisoformat(_date_text(cell))
        return (moment.astimezone(UTC) if moment.tzinfo else moment).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise UnfitValueError(
            "not a time; write ISO 8601, e.g. 2026-03-01T06:00:00Z (without an offset it is UTC)"
        ) from error


def _date_text(cell: object) -> str:
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _local_time(cell: object) -> time:
    if isinstance(cell, time) and cell.tzinfo is None:
        return cell
    match = _LOCAL_TIME.fullmatch(str(cell))
    try:
        hour, minute, second = (int(part or 0) for part in match.groups()) if match else (99, 0, 0)
        # The end of a day is written 24:00 and is the next day's start.
        return time(0) if (hour, minute, second) == (24, 0, 0) else time(hour, minute, second)
    except ValueError as error:
        raise UnfitValueError("not a time of day; write HH:MM in the site's time zone") from error


def _time_zone(cell: object) -> str:
    name = _text(cell)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnfitValueError(
            "not a time zone; use an IANA name, e.g. Europe/Copenhagen"
        ) from error
    return name


_PARSERS: dict[Type, Callable[[object], Value]] = {
    Type.TEXT: _text,
    Type.INTEGER: _integer,
    Type.DECIMAL: _decimal,
    Type.BOOLEAN: _boolean,
    Type.DATE: _date,
    Type.TIMESTAMP: _timestamp,
    Type.LOCAL_TIME: _local_time,
    Type.TIME_ZONE: _time_zone,
}
