"""The JSON messages beside the batches: acknowledgement, declared loss, health."""

from typing import Annotated, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
)

MAX_MISSING_RANGES = 100


class _Message(BaseModel):
    # A newer peer may say more; what it says beyond this version is ignored.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Ack(_Message):
    """What the lake has of a collector's epoch (ingestion → collector, retained).

    Attributes:
        settled_through: Every batch up to this seq is committed, quarantined or declared lost.
        missing: Ranges (first, last), inclusive, in order, above it that have not arrived while
            later did.
        ingestor_id: Changes when another ingestion takes over: the collector re-sends.
        connection: Changes when this ingestion has connected to the broker again: what was said
            meanwhile and is not acknowledged may not have been heard.
        credit_batches: Batches the collector may have in flight.
        credit_bytes: Bytes the collector may have in flight.
        new_epoch: The lake has other bytes under a seq of this epoch: the collector opens
            a new epoch and re-sends under it what it holds.
    """

    epoch: str
    settled_through: NonNegativeInt
    missing: Annotated[tuple[tuple[int, int], ...], Field(max_length=MAX_MISSING_RANGES)] = ()
    ingestor_id: str
    connection: NonNegativeInt = 0
    credit_batches: PositiveInt
    credit_bytes: PositiveInt
    new_epoch: bool = False


class Loss(_Message):
    """What a collector no longer has (collector → ingestion); the seqs stand in the topic.

    Attributes:
        first_row: Row number of the first lost row.
        rows: How many rows were in the batches.
        cause: `overflow`, `damaged_spool`, …
        first_observed_at: Earliest time that was lost, where known.
        last_observed_at: Latest time that was lost, where known.
    """

    first_row: PositiveInt
    rows: NonNegativeInt
    cause: Annotated[str, Field(max_length=200)]
    first_observed_at: AwareDatetime | None = None
    last_observed_at: AwareDatetime | None = None


class SourceHealth(_Message):
    """One source of a collector: its link and when it last gave a sample."""

    link: Literal["up", "down", "stalled"]
    reason: str = ""
    last_sample_at: AwareDatetime | None = None


class Health(_Message):
    """How a collector is (collector → ingestion and people, retained, also its last will).

    Attributes:
        accepted_rows: Rows accepted in this epoch so far = the last row number given.
        spool_first_row: Row number of the oldest row still in the spool (accepted_rows + 1
            when it is empty).
        spool_rows: Rows still in the spool.
        spool_bytes: Bytes of the batches still in the spool.
        spool_capacity_bytes: How many may wait there; 0: not said.
        spool_warning_percent: The highest of 50, 80 and 95 % that is reached; 0: none.
        spool_full_in_s: When it is full if it fills as in the last minutes; None: it does not.
        spool_refuses: Why samples are not accepted at present; empty: they are.
    """

    online: bool
    epoch: str
    accepted_rows: NonNegativeInt
    spool_first_row: PositiveInt
    spool_rows: NonNegativeInt
    spool_bytes: NonNegativeInt
    spool_capacity_bytes: NonNegativeInt = 0
    spool_warning_percent: NonNegativeInt = 0
    spool_full_in_s: NonNegativeFloat | None = None
    spool_refuses: str = ""
    sources: dict[str, SourceHealth] = {}
    reported_at: AwareDatetime
