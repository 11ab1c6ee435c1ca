"""The wire contract: what goes in comes out, and nothing else is let in."""

from contextlib import suppress

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from takt import batch
from takt.batch import Sample
from takt.errors import BatchError

MICROSECONDS = st.integers(min_value=-(2**55), max_value=2**55)
SAMPLES = st.builds(
    Sample,
    equipment=st.text(min_size=1, max_size=20),
    signal=st.text(min_size=1, max_size=20),
    observed_at=MICROSECONDS,
    value=st.none() | st.floats(allow_nan=False),
    text=st.none() | st.text(max_size=20),
    quality=st.integers(0, 2),
    received_at=MICROSECONDS,
    is_historical=st.booleans(),
)


@given(samples=st.lists(SAMPLES, min_size=1, max_size=20), first_row=st.integers(1, 2**62))
def test_a_batch_brings_back_what_was_put_in(samples: list[Sample], first_row: int) -> None:
    decoded = batch.decode(batch.encode(samples, first_row))

    assert decoded.first_row == first_row
    rows = zip(
        *(
            decoded.table[name].cast(pa.int64()) if name.endswith("_at") else decoded.table[name]
            for name in batch.SCHEMA.names
        ),
        strict=True,
    )
    assert [tuple(cell.as_py() for cell in row) for row in rows] == [tuple(s) for s in samples]


@given(samples=st.lists(SAMPLES, min_size=1, max_size=5))
def test_equal_samples_give_equal_bytes(samples: list[Sample]) -> None:
    assert batch.digest(batch.encode(samples, 7)) == batch.digest(batch.encode(samples, 7))


@given(payload=st.binary(max_size=400))
def test_random_bytes_are_a_batch_error_and_nothing_else(payload: bytes) -> None:
    with pytest.raises(BatchError):
        batch.decode(payload)


@given(position=st.integers(min_value=0), flip=st.integers(1, 255))
def test_a_damaged_batch_decodes_or_is_a_batch_error(position: int, flip: int) -> None:
    payload = bytearray(batch.encode([Sample("a", "b", 1, 1.0, None, 0, 1)] * 10, 1))
    payload[position % len(payload)] ^= flip

    with suppress(BatchError):
        assert batch.decode(bytes(payload)).table.num_rows > 0


@pytest.mark.parametrize(
    ("quality", "reason"), [(3, "quality"), (-1, "quality")], ids=["above", "below"]
)
def test_a_quality_nobody_knows_is_refused(quality: int, reason: str) -> None:
    payload = batch.encode([Sample("a", "b", 1, 1.0, None, quality, 1)], 1)

    with pytest.raises(BatchError) as caught:
        batch.decode(payload)

    assert caught.value.reason == reason


def test_another_schema_is_refused_by_name() -> None:
    table = pa.table({"equipment": ["a"]}).replace_schema_metadata({"takt.schema_version": "1"})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)

    with pytest.raises(BatchError, match="wrong_schema"):
        batch.decode(sink.getvalue().to_pybytes())


def test_an_empty_payload_is_refused() -> None:
    with pytest.raises(BatchError, match="empty"):
        batch.decode(b"")
