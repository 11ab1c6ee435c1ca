"""Bytes into batches, never larger than memory allows.

Belongs here: what a payload holds. Whether its rows are right is decided in `judgement`.
"""

import pyarrow as pa

from ingestion.inflation import inflated_size
from takt import batch
from takt.batch import Batch
from takt.errors import BatchError

MAX_INFLATED_BYTES = 64 * 1024 * 1024
"""Decoded size of a batch; a collector's batches stay a hundred times below it."""
MAX_INFLATED_ROWS = 100 * batch.MAX_ROWS


def decode(payload: bytes) -> Batch:
    """The batch in `payload`, as `takt.batch.decode`, but never larger than memory allows.

    Raises:
        BatchError: It does not decode, breaks the wire contract or inflates beyond reason.
    """
    if 0 < len(payload) <= batch.MAX_PAYLOAD_BYTES:
        try:
            size = inflated_size(payload)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise BatchError("not_arrow", str(error)[:500]) from error
        if size.bytes > MAX_INFLATED_BYTES:
            much = f"{size.bytes} bytes decoded; at most {MAX_INFLATED_BYTES}"
            raise BatchError("too_large", much)
        if size.rows > MAX_INFLATED_ROWS:
            raise BatchError("too_large", f"{size.rows} rows; at most {MAX_INFLATED_ROWS}")
    return batch.decode(payload)


def decoded_size(payload: bytes, added_per_row: int) -> int:
    """Bytes that it becomes with what is added to each row, about; 0 where it is refused unread."""
    if not 0 < len(payload) <= batch.MAX_PAYLOAD_BYTES:
        return 0
    try:
        size = inflated_size(payload)
    except (pa.ArrowException, OSError, ValueError):
        return 0
    if size.bytes > MAX_INFLATED_BYTES or size.rows > MAX_INFLATED_ROWS:
        return 0
    return size.bytes + size.rows * added_per_row


def row_numbers(payload: bytes) -> tuple[int, int] | None:
    """First row and number of rows of a batch, even of one that breaks the contract."""
    try:
        if len(payload) > batch.MAX_PAYLOAD_BYTES:
            return None
        if inflated_size(payload).bytes > MAX_INFLATED_BYTES:
            return None
        with pa.ipc.open_stream(payload) as reader:
            first_row = (reader.schema.metadata or {}).get(b"takt.first_row", b"")
            rows = sum(part.num_rows for part in reader)
    except (pa.ArrowException, OSError, ValueError):
        return None
    is_number = first_row.isdigit() and len(first_row) < 19
    if not is_number or int(first_row) < 1 or rows == 0:
        return None
    return int(first_row), rows
