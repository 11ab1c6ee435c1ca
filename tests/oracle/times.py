"""What happened, as the truth file tells it, and which time element each moment belongs to."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

MINOR_STOP_US = 120_000_000

_EXTERNAL = {"suspended", "suspending", "unsuspending", "idle"}
_WITHOUT_ORDER_DOWN = {"aborted", "aborting", "clearing", "stopped", "stopping", "idle"}


class State(NamedTuple):
    """A work unit in one state, on one order, for a while; times in µs."""

    started_at: int
    ended_at: int
    state: str
    production_order_id: str | None

    @property
    def category(self) -> str:
        """production, setup, delay or down."""
        if self.state in ("execute", "running"):
            return "production"
        if self.state == "setup":
            return "setup"
        if self.state in _WITHOUT_ORDER_DOWN and self.production_order_id is None:
            return "down"
        return "delay"

    @property
    def cause(self) -> str:
        """internal or external; only a delay has one."""
        return "external" if self.state in _EXTERNAL else "internal"


class Piece(NamedTuple):
    """One piece, finished at `produced_at` (µs)."""

    produced_at: int
    result: str
    production_order_id: str | None


@dataclass(frozen=True)
class Record:
    """What one work unit did, in order of time."""

    states: list[State]
    pieces: list[Piece]


class Stop(NamedTuple):
    """An unbroken delay of one cause; times in µs."""

    started_at: int
    ended_at: int
    cause: str

    @property
    def is_minor(self) -> bool:
        """Whether its whole length is under the threshold."""
        return self.ended_at - self.started_at < MINOR_STOP_US


def read(folder: Path) -> dict[str, Record]:
    """The record of each work unit in a truth folder."""
    records: dict[str, Record] = {}
    for unit, *state in _columns(
        folder / "state.parquet",
        ("work_unit_id", "started_at", "ended_at", "state", "production_order_id"),
    ):
        records.setdefault(unit, Record([], [])).states.append(State(*state))
    for unit, *piece in _columns(
        folder / "piece.parquet", ("work_unit_id", "produced_at", "result", "production_order_id")
    ):
        records[unit].pieces.append(Piece(*piece))
    for record in records.values():
        record.states.sort()
        record.pieces.sort(key=lambda piece: piece.produced_at)
    return records


def stops(states: list[State]) -> Iterator[Stop]:
    """The stops in a work unit's states, which are in order of time."""
    current: Stop | None = None
    for each in states:
        delayed = each.category == "delay"
        if current and delayed and current[1:] == (each.started_at, each.cause):
            current = current._replace(ended_at=each.ended_at)
            continue
        if current:
            yield current
        current = Stop(each.started_at, each.ended_at, each.cause) if delayed else None
    if current:
        yield current


def _columns(file: Path, names: tuple[str, ...]) -> Iterator[tuple]:
    table = pq.read_table(file, columns=list(names))
    columns = []
    for name in names:
        column = table[name]
        if pa.types.is_timestamp(column.type):
            column = pc.cast(column.cast(pa.timestamp("us", "UTC")), pa.int64())
        columns.append(column.to_pylist())
    return zip(*columns, strict=True)
