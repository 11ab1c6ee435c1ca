"""From a metric's field on the wire to value, text and quality, by the datatype of its birth.

Belongs here: one rule per datatype. Integers travel as unsigned fields; only the datatype,
which births alone carry, makes -12 of 4294967284.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from edge.payload import MAX_EXACT_INTEGER
from edge.sparkplug.sparkplug_b_pb2 import DataType
from takt.batch import Quality
from takt.errors import TaktError

Converted = tuple[float | None, str | None, int]

_GOOD, _UNCERTAIN, _BAD = (int(quality) for quality in Quality)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_QUALITY_GOOD = range(192, 256)
_QUALITY_UNCERTAIN = range(64, 128)
_QUALITY_STALE = 500


class MetricError(TaktError):
    """A metric says nothing that can be read; says why."""


class Reading(NamedTuple):
    """How metrics of one datatype are read.

    Attributes:
        field: Where the specification puts the value.
        convert: From that field to value, text and quality.
        allowed: Other fields in which real devices put it, without loss.
    """

    field: str
    convert: Callable[[Any], Converted]
    allowed: frozenset[str] = frozenset()


def reading_of(datatype: int) -> Reading:
    """How to read a datatype.

    Raises:
        MetricError: It has no place on the wire.
    """
    if (reading := _READINGS.get(datatype)) is None:
        raise MetricError(f"datatype {_name(datatype)} has no place on the wire")
    return reading


def quality_of(code: int) -> int:
    """Sparkplug's quality property, and OPC DA's codes that some devices put there."""
    if code in _QUALITY_GOOD:
        return _GOOD
    return _UNCERTAIN if code == _QUALITY_STALE or code in _QUALITY_UNCERTAIN else _BAD


def signed(raw: int, bits: int) -> int:
    """The number that a two's complement of `bits`, 32 or 64 bits stands for.

    Raises:
        MetricError: No number of the datatype is written so.
    """
    half = 1 << bits - 1
    if raw < half:
        return raw
    for width in (bits, 32, 64):
        if -half <= (number := raw - (1 << width)) < 0:
            return number
    raise MetricError(f"{raw} is no Int{bits}")


def unsigned(raw: int, bits: int) -> int:
    """`raw`, when it is a number of the datatype.

    Raises:
        MetricError: It has more bits.
    """
    if raw >> bits:
        raise MetricError(f"{raw} is no UInt{bits}")
    return raw


def _name(datatype: int) -> str:
    known = datatype in DataType.values()
    return DataType.Name(DataType.ValueType(datatype)) if known else str(datatype)


def _integer(restore: Callable[[int, int], int], bits: int) -> Callable[[int], Converted]:
    def convert(raw: int) -> Converted:
        number = restore(raw, bits)
        text = str(number) if abs(number) > MAX_EXACT_INTEGER else None
        return float(number), text, _GOOD

    return convert


def _real(raw: float) -> Converted:
    return (raw, None, _GOOD) if math.isfinite(raw) else (None, str(raw), _BAD)


def _truth(raw: bool) -> Converted:
    return float(raw), None, _GOOD


def _text(raw: str | bytes) -> Converted:
    # The runtime hands over what is no UTF-8 as bytes.
    if isinstance(raw, bytes):
        raise MetricError("a text is no UTF-8")
    return None, raw, _GOOD


def _moment(raw: int) -> Converted:
    try:
        moment = _EPOCH + timedelta(milliseconds=signed(raw, 64))
    except OverflowError as error:
        raise MetricError(f"DateTime {raw} is beyond any calendar") from error
    return None, moment.isoformat(), _GOOD


def _integers() -> dict[int, Reading]:
    readings = {}
    for place, bits in enumerate((8, 16, 32, 64)):
        field, other = "int_value", "long_value"
        if bits == 64:
            field, other = other, field
        allowed = frozenset({other})
        readings[DataType.Int8 + place] = Reading(field, _integer(signed, bits), allowed)
        readings[DataType.UInt8 + place] = Reading(field, _integer(unsigned, bits), allowed)
    # 32 bits in the field of a 64-bit datatype do not say whether they are negative.
    readings[DataType.Int64] = Reading("long_value", _integer(signed, 64))
    return readings


_READINGS: dict[int, Reading] = {
    **_integers(),
    DataType.Float: Reading("float_value", _real, frozenset({"double_value"})),
    DataType.Double: Reading("double_value", _real, frozenset({"float_value"})),
    DataType.Boolean: Reading("boolean_value", _truth),
    DataType.DateTime: Reading("long_value", _moment),
    **{
        datatype: Reading("string_value", _text)
        for datatype in (DataType.String, DataType.Text, DataType.UUID)
    },
}
