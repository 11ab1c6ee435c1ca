import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given

from ingestion.inflation import inflated_size
from takt import batch

PAYLOAD = batch.encode(
    [batch.Sample("line1", "Count", n, float(n), "text", 0, n) for n in range(100)], 1
)


def test_the_size_is_that_of_the_decoded_batch() -> None:
    decoded = batch.decode(PAYLOAD).table

    assert inflated_size(PAYLOAD) == (pytest.approx(decoded.nbytes, rel=0.1), 100)


@given(st.data())
def test_damaged_bytes_raise_nothing_unforeseen(data: st.DataObject) -> None:
    damaged = bytearray(PAYLOAD)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        inflated_size(bytes(damaged))
    except (pa.ArrowException, OSError, ValueError):
        return


def test_a_dictionary_counts_as_well() -> None:
    words = pa.array(["x" * 1_000_000, "y"]).dictionary_encode()
    table = pa.table({"equipment": pa.chunked_array([words])})
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    payload = sink.getvalue().to_pybytes()

    assert len(payload) < 10_000
    assert inflated_size(payload).bytes > 1_000_000
