"""How large an Arrow stream becomes when it is decompressed, without decompressing it.

A few kilobytes of zstd can hold gigabytes of zeros; decoding such a message would end the
process, so its size is read first: each compressed buffer starts with the length that it
will have. The offsets come from the stream's flatbuffer metadata (Arrow columnar format,
"Message" and "RecordBatch" tables).
"""

import struct

import pyarrow as pa

_RECORD_BATCH = 3
_HEADER_TYPE, _HEADER = 1, 2
_BUFFERS, _COMPRESSION = 2, 3


def inflated_size(payload: bytes) -> int:
    """Bytes of all buffers of the record batches in an Arrow IPC stream.

    Raises:
        pa.ArrowException: It is no such stream.
        ValueError: Its metadata lead outside the message.
    """
    size = 0
    for message in pa.ipc.MessageReader.open_stream(payload):
        size += _message_size(message.metadata.to_pybytes(), message.body)
    return size


def _message_size(metadata: bytes, body: pa.Buffer | None) -> int:
    try:
        root = _at("<I", metadata, 0)
        kind = _field(metadata, root, _HEADER_TYPE)
        header = _field(metadata, root, _HEADER)
        if kind is None or header is None or metadata[kind] != _RECORD_BATCH or body is None:
            return 0
        return _buffers_size(metadata, header + _at("<I", metadata, header), body)
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


def _at(form: str, data: bytes | memoryview, offset: int) -> int:
    return int(struct.unpack_from(form, data, offset)[0])
