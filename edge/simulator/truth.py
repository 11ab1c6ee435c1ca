"""What really happened, for those who check Takt's figures: no signal, no mapping, no shift.

`state.parquet`: site_id, work_unit_id, started_at, ended_at, state, reason_id (the real one),
reported_reason_id (what the machine told), production_order_id, operation_id, item_id; the
intervals of a work unit cover the period without gap or overlap.
`piece.parquet`: site_id, work_unit_id, produced_at, result (good, scrap, rework),
production_order_id, operation_id, item_id; one row a piece.
`material.parquet`, `labour.parquet`, `subcontract.parquet`, `output.parquet`, `cost.parquet`: what
orders took, made beside their item, and cost, see `cost_truth`.
Times are UTC in microseconds.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from edge.simulator import cost_truth
from edge.simulator.machine import Change, Result
from edge.simulator.production import LineWeek, Plant, UnitWeek
from edge.simulator.signals import MACHINE_REASONS, SIGNALS

_US = pa.timestamp("us", tz="UTC")
_RESULTS = pa.array([result.name.lower() for result in Result])


class _Interval(NamedTuple):
    started_at: int
    ended_at: int
    change: Change


def write_truth(folder: Path, site: str, plant: Plant, begin: int, end: int) -> None:
    """Write what happened in [begin, end), in ms, cut at its two ends."""
    folder.mkdir(parents=True, exist_ok=True)
    states, pieces = [], []
    for line_week in plant.line_weeks(begin, max(end, begin + 1)):
        for week in line_week.units:
            intervals = _intervals(week, begin, end)
            states.append(_states(site, line_week, week, intervals))
            pieces.append(_pieces(site, line_week, week, begin, end))
    tables = {"state": pa.concat_tables(states), "piece": pa.concat_tables(pieces)}
    for name, table in (tables | cost_truth.tables(site, plant, begin, end)).items():
        _replace(table, folder / f"{name}.parquet")


def _replace(table: pa.Table, file: Path) -> None:
    aside = file.with_suffix(".new")
    pq.write_table(table, aside, compression="zstd")
    aside.replace(file)


def _intervals(week: UnitWeek, begin: int, end: int) -> list[_Interval]:
    ends = [*(each.at for each in week.changes[1:]), week.end]
    cut = (
        _Interval(max(change.at, begin), min(until, end), change)
        for change, until in zip(week.changes, ends, strict=True)
    )
    return [each for each in cut if each.started_at < each.ended_at]


def _states(site: str, line_week: LineWeek, week: UnitWeek, intervals: list[_Interval]) -> pa.Table:
    changes = [each.change for each in intervals]
    tells = any(signal.role == "reason" for signal in SIGNALS[week.unit.equipment_id])
    told = [
        each.reason_id if tells and each.reason_id in MACHINE_REASONS else None for each in changes
    ]
    columns = {
        "started_at": _times([each.started_at for each in intervals]),
        "ended_at": _times([each.ended_at for each in intervals]),
        "state": _texts([each.state for each in changes]),
        "reason_id": _texts([each.reason_id for each in changes]),
        "reported_reason_id": _texts(told),
        **_order_columns(line_week, week, [each.production_order_id for each in changes]),
    }
    return _of_unit(site, week, columns, len(intervals))


def _pieces(site: str, line_week: LineWeek, week: UnitWeek, begin: int, end: int) -> pa.Table:
    first, last = np.searchsorted(week.piece_at, (begin, end))
    at = week.piece_at[first:last]
    starts = [each.at for each in week.changes]
    places = np.searchsorted(starts, at, side="right") - 1
    orders = [week.changes[place].production_order_id for place in places]
    columns = {
        "produced_at": _times(at),
        "result": _RESULTS.take(pa.array(week.piece_result[first:last])),
        **_order_columns(line_week, week, orders),
    }
    return _of_unit(site, week, columns, len(at))


def _order_columns(
    line_week: LineWeek, week: UnitWeek, orders: list[str | None]
) -> dict[str, pa.Array]:
    items = line_week.items
    return {
        "production_order_id": _texts(orders),
        "operation_id": _texts([week.unit.operation_id if order else None for order in orders]),
        "item_id": _texts([items[order].item_id if order else None for order in orders]),
    }


def _of_unit(site: str, week: UnitWeek, columns: dict[str, pa.Array], rows: int) -> pa.Table:
    ids = {
        "site_id": _texts([site] * rows),
        "work_unit_id": _texts([week.unit.equipment_id] * rows),
    }
    return pa.table({**ids, **columns})


def _times(ms: list[int] | np.ndarray) -> pa.Array:
    return pa.array(np.asarray(ms, dtype=np.int64) * 1_000).cast(_US)


def _texts(texts: list[str | None] | list[str]) -> pa.Array:
    return pa.array(texts, pa.string())
