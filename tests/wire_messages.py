"""Sound messages of Takt's own wire, and bombs, for the fuzz tests of both its ends."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pyarrow as pa

from takt import batch
from takt.messages import Ack, Health, Loss

START = 1_700_000_000_000_000


def batches() -> list[bytes]:
    """Small ones of each sort of value; their first row is row 1."""
    one = batch.Sample("line1/press01", "Count", START, 1.0, None, 0, START)
    kinds = [
        [one],
        [one._replace(value=float(n), observed_at=START + n) for n in range(50)],
        [one._replace(value=None, text=f"é{n}", quality=n % 3) for n in range(20)],
        [one._replace(value=float("nan"), text="nan", is_historical=True)],
        [one._replace(text="x" * 60_000)],
    ]
    return [batch.encode(kind, 1) for kind in kinds]


def bombs() -> Iterator[bytes]:
    """Some kilobytes that become 70 megabytes: as rows, and as another schema's words."""
    text = "0" * 1_000_000
    sample = batch.Sample("line1/press01", "Name", START, None, text, 0, START)
    yield batch.encode([sample] * 70, 1)
    words = pa.DictionaryArray.from_arrays(pa.array([0, 0]), pa.array(["0" * 70_000_000]))
    table = pa.table({"equipment": pa.chunked_array([words])})
    sink = pa.BufferOutputStream()
    metadata = {b"takt.schema_version": batch.SCHEMA_VERSION, b"takt.first_row": b"1"}
    schema = table.schema.with_metadata(metadata)
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, schema, options=options) as writer:
        writer.write_table(table.replace_schema_metadata(metadata))
    yield sink.getvalue().to_pybytes()


def losses() -> list[bytes]:
    """Declared losses, as collectors say them."""
    loss = Loss.model_validate({"first_row": 1, "rows": 5, "cause": "overflow"})
    timed = {"first_observed_at": datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)}
    return [each.model_dump_json().encode() for each in (loss, loss.model_copy(update=timed))]


def healths() -> list[bytes]:
    """Health of a collector with and without sources."""
    health = Health.model_validate(
        {
            "online": True, "epoch": str(uuid.UUID(int=7)), "accepted_rows": 7,
            "spool_first_row": 8, "spool_rows": 0, "spool_bytes": 0,
            "sources": {"line1": {"link": "up", "reason": "connected"}},
            "reported_at": "2026-01-01T00:00:00Z",
        }
    )  # fmt: skip
    bare = health.model_copy(update={"sources": {}, "online": False})
    return [each.model_dump_json().encode() for each in (health, bare)]


def acks() -> list[bytes]:
    """Acknowledgements of an epoch that no collector has."""
    ack = Ack(
        epoch=str(uuid.UUID(int=9)), settled_through=7, missing=((9, 12), (20, 20)),
        ingestor_id="ingestor1", credit_batches=5, credit_bytes=100_000,
    )  # fmt: skip
    ordered = ack.model_copy(update={"new_epoch": True, "missing": ()})
    return [each.model_dump_json().encode() for each in (ack, ordered)]
