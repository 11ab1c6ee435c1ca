"""The batch: what travels from an edge collector to the lake.

A batch is one Arrow IPC stream, encoded once when it is spooled. Its bytes never
change, so a digest identifies it. The schema's metadata carry the schema version and
the number of the first row in its epoch; (collector, epoch, row number) identifies a
sample for ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import blake2b
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from takt.errors import BatchError

SCHEMA_VERSION = b"1"
MAX_ROWS = 1_000
MAX_BYTES = 256 * 1024
MAX_AGE_S = 0.25
MAX_VALUE_BYTES = 64 * 1024
MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
"""What ingestion decodes at the most; a batch closes long before (`MAX_BYTES`)."""

_TIMESTAMP = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        pa.field("equipment", pa.string(), nullable=False),
        pa.field("signal", pa.string(), nullable=False),
        pa.field("observed_at", _TIMESTAMP, nullable=False),
        pa.field("value", pa.float64()),
        pa.field("text", pa.string()),
        pa.field("quality", pa.int8(), nullable=False),
        pa.field("received_at", _TIMESTAMP, nullable=False),
        pa.field("is_historical", pa.bool_(), nullable=False),
    ]
)
_REQUIRED = [field.name for field in SCHEMA if not field.nullable]
_WRITE_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")


class Quality(IntEnum):
    """OPC UA's three severities, as the wire carries them."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2


class Sample(NamedTuple):
    """One value of one signal, in the column order of the wire; times in µs since 1970 UTC."""

    equipment: str
    signal: str
    observed_at: int
    value: float | None
    text: str | None
    quality: int
    received_at: int
    is_historical: bool = False


@dataclass(frozen=True)
class Batch:
    """A decoded batch.

    Attributes:
        table: Columns of `SCHEMA`; one row a sample.
        first_row: Row number of the first sample in its epoch, counted from 1.
    """

    table: pa.Table
    first_row: int


def encode(samples: Sequence[Sample], first_row: int) -> bytes:
    """The bytes of a batch; equal samples at the same place give equal bytes."""
    columns = zip(*samples, strict=True)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return encode_table(pa.Table.from_arrays(arrays, schema=SCHEMA), first_row)


def encode_table(table: pa.Table, first_row: int) -> bytes:
    """As `encode`, from a table with the columns of `SCHEMA`."""
    schema = SCHEMA.with_metadata(
        {b"takt.schema_version": SCHEMA_VERSION, b"takt.first_row": str(first_row).encode()}
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema, options=_WRITE_OPTIONS) as writer:
        writer.write_table(table.cast(SCHEMA).replace_schema_metadata(schema.metadata))
    return bytes(sink.getvalue().to_pybytes())


def decode(payload: bytes) -> Batch:
    """The batch in `payload`.

    Raises:
        BatchError: It does not decode or breaks the wire contract.
    """
    if not payload:
        raise BatchError("empty", "the payload has no bytes")
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise BatchError("too_large", f"{len(payload)} bytes; at most {MAX_PAYLOAD_BYTES}")
    try:
        with pa.ipc.open_stream(payload) as reader:
            _check_schema(reader.schema)
            table = reader.read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BatchError("not_arrow", str(error).splitlines()[0][:500]) from error
    _check_rows(table)
    return Batch(table, _first_row(table.schema.metadata))


def digest(payload: bytes) -> str:
    """32 hexadecimal digits that identify a batch's bytes."""
    return blake2b(payload, digest_size=16).hexdigest()


def _check_schema(schema: pa.Schema) -> None:
    version = (schema.metadata or {}).get(b"takt.schema_version")
    if version != SCHEMA_VERSION:
        raise BatchError("schema_version", f"{version!r}; this ingestion reads {SCHEMA_VERSION!r}")
    if not schema.equals(SCHEMA, check_metadata=False):
        raise BatchError("wrong_schema", f"columns {', '.join(map(str, schema))[:500]}")


def _check_rows(table: pa.Table) -> None:
    if table.num_rows == 0:
        raise BatchError("no_rows", "the batch holds no sample")
    for name in _REQUIRED:
        if table[name].null_count:
            raise BatchError("null", f"column {name} has {table[name].null_count} empty values")
    low, high = (pc.min(table["quality"]).as_py(), pc.max(table["quality"]).as_py())
    if low < Quality.GOOD or high > Quality.BAD:
        raise BatchError("quality", f"{low} to {high}; known are 0, 1 and 2")


def _first_row(metadata: dict[bytes, bytes]) -> int:
    text = metadata.get(b"takt.first_row", b"")
    # Python refuses to read numbers of thousands of digits with an error of its own.
    if not text.isdigit() or len(text) > 19 or not 1 <= int(text) <= 2**62:
        raise BatchError("first_row", f"{text[:40]!r} is not a row number")
    return int(text)
