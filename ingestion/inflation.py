"""How large an Arrow stream becomes when it is decompressed, without decompressing it.

A few kilobytes of zstd can hold gigabytes of zeros; decoding such a message would end the
process, so its size is read first: each compressed buffer starts with the length that it
will have. The offsets come from the stream's flatbuffer metadata (Arrow columnar format,
"Message", "DictionaryBatch" and "RecordBatch" tables).
"""

import struct
from typing import NamedTuple

import pyarrow as pa

_DICTIONARY, _RECORD_BATCH = 2, 3
_HEADER_TYPE, _HEADER = 1, 2
_DICTIONARY_DATA = 1
_LENGTH, _BUFFERS, _COMPRESSION = 0, 2, 3


class Size(NamedTuple):
    """What a stream becomes.

    Attributes:
        bytes: Of all buffers of its record batches and dictionaries.
        rows: Of its record batches.
    """

    bytes: int
    rows: int


def inflated_size(payload: bytes) -> Size:
    """How large an Arrow IPC stream becomes.

    Raises:
        pa.ArrowException: It is no such stream.
        ValueError: Its metadata lead outside the message.
    """
    size, rows = 0, 0
    for message in pa.ipc.MessageReader.open_stream(payload):
        found = _message_size(message.metadata.to_pybytes(), message.body)
        size += found.bytes
        rows += found.rows
    return Size(size, rows)


def _message_size(metadata: bytes, body: pa.Buffer | None) -> Size:
    rows = 0
    try:
        root = _at("<I", metadata, 0)
        kind = _field(metadata, root, _HEADER_TYPE)
        batch = _table(metadata, root, _HEADER)
        if kind is not None and batch is not None and metadata[kind] == _DICTIONARY:
            batch = _table(metadata, batch, _DICTIONARY_DATA)
        elif kind is None or metadata[kind] != _RECORD_BATCH:
            return Size(0, 0)
        elif batch is not None and (length := _field(metadata, batch, _LENGTH)) is not None:
            rows = _at("<Q", metadata, length)
        size = 0 if batch is None or body is None else _buffers_size(metadata, batch, body)
        return Size(size, rows)
    except (struct.error, IndexError) as error:
        raise ValueError("the stream's metadata lead outside the message") from error


def _buffers_size(metadata: bytes, batch: int, body: pa.Buffer) -> int:
    buffers = _field(metadata, batch, _BUFFERS)
    if buffers is None or _field(metadata, batch, _COMPRESSION) is None:
        return int(body.size)
    vector = buffers + _at("<I", metadata, buffers)
    count = _at("<I", metadata, vector)
    view = memoryview(body)
    size = 0
    for offset, length in struct.iter_unpack("<qq", metadata[vector + 4 : vector + 4 + 16 * count]):
        if length >= 8 and offset >= 0:
            # -1: this buffer did not become smaller and is stored as it is.
            inflated = _at("<q", view, offset)
            size += length if inflated < 0 else inflated
    return size


def _field(metadata: bytes, table: int, index: int) -> int | None:
    """Where a flatbuffer table has a field; None when it is not set."""
    vtable = table - _at("<i", metadata, table)
    place = 4 + 2 * index
    if place >= _at("<H", metadata, vtable):
        return None
    offset = _at("<H", metadata, vtable + place)
    return table + offset if offset else None


def _table(metadata: bytes, table: int, index: int) -> int | None:
    """Where the table begins that a field refers to; None when it is not set."""
    field = _field(metadata, table, index)
    return None if field is None else field + _at("<I", metadata, field)


def _at(form: str, data: bytes | memoryview, offset: int) -> int:
    return int(struct.unpack_from(form, data, offset)[0])
