"""Arrays: from packed bytes to one value an element.

Belongs here: how the specification packs each datatype: little-endian, booleans as bits after
their count, texts ended by zeros. The third element of `Torque` is the signal `Torque[2]`, as it
is of OPC UA.
"""

import struct
from collections.abc import Callable

from edge.sparkplug.datatype import Converted, MetricError, reading_of
from edge.sparkplug.sparkplug_b_pb2 import DataType

MOST_ELEMENTS = 1_000
"""Of one array; an image is no row of signals."""
_COUNT = struct.Struct("<I")

_CODES: dict[int, tuple[str, int]] = {
    DataType.Int8Array: ("b", DataType.Int64),
    DataType.Int16Array: ("h", DataType.Int64),
    DataType.Int32Array: ("i", DataType.Int64),
    DataType.Int64Array: ("q", DataType.Int64),
    DataType.UInt8Array: ("B", DataType.UInt64),
    DataType.UInt16Array: ("H", DataType.UInt64),
    DataType.UInt32Array: ("I", DataType.UInt64),
    DataType.UInt64Array: ("Q", DataType.UInt64),
    DataType.FloatArray: ("f", DataType.Double),
    DataType.DoubleArray: ("d", DataType.Double),
    DataType.DateTimeArray: ("q", DataType.DateTime),
}
"""How an element is packed, and the datatype as which it is read once it is unpacked."""

Unpack = Callable[[bytes], list[Converted]]


def unpacking_of(datatype: int) -> Unpack | None:
    """How arrays of a datatype are unpacked; None: it is no array.

    What is returned raises MetricError for bytes that are no such array.
    """
    if datatype == DataType.BooleanArray:
        return _booleans
    if datatype == DataType.StringArray:
        return _strings
    if (found := _CODES.get(datatype)) is None:
        return None
    code, element = found
    return _numbers(struct.Struct(f"<{code}"), reading_of(element).convert)


def _numbers(packed: struct.Struct, convert: Callable[[int], Converted]) -> Unpack:
    def unpack(content: bytes) -> list[Converted]:
        _require(len(content) % packed.size == 0, f"{len(content)} bytes of {packed.size} each")
        _require_few(len(content) // packed.size)
        return [convert(element) for (element,) in packed.iter_unpack(content)]

    return unpack


def _booleans(content: bytes) -> list[Converted]:
    _require(len(content) >= _COUNT.size, "no count of its booleans")
    (count,) = _COUNT.unpack_from(content)
    bits = content[_COUNT.size :]
    _require(len(bits) == (count + 7) // 8, f"{len(bits)} bytes for {count} booleans")
    _require_few(count)
    convert = reading_of(DataType.Boolean).convert
    return [convert(bool(bits[place >> 3] >> (7 - (place & 7)) & 1)) for place in range(count)]


def _strings(content: bytes) -> list[Converted]:
    if not content:
        return []
    _require(content.endswith(b"\0"), "its last text does not end")
    texts = content[:-1].split(b"\0")
    _require_few(len(texts))
    convert = reading_of(DataType.String).convert
    try:
        return [convert(text.decode()) for text in texts]
    except UnicodeDecodeError as error:
        raise MetricError("a text of an array is no UTF-8") from error


def _require_few(count: int) -> None:
    _require(count <= MOST_ELEMENTS, f"{count} elements, more than {MOST_ELEMENTS}")


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise MetricError(f"no array: {what}")
