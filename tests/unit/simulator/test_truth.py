"""The truth covers the whole period, once."""

from itertools import pairwise
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from edge.simulator.plant import WORK_UNITS
from tests.unit.simulator.conftest import END, START


def test_intervals_cover_the_period_without_gap_or_overlap(truth_folder: Path) -> None:
    table = pq.read_table(truth_folder / "state.parquet")

    for unit in WORK_UNITS:
        own = table.filter(pc.equal(table["work_unit_id"], unit.equipment_id))
        starts, ends = own["started_at"].to_pylist(), own["ended_at"].to_pylist()
        assert starts[0] == START
        assert ends[-1] == END
        assert all(end == start for end, (_, start) in zip(ends, pairwise(starts), strict=False))


def test_every_piece_lies_in_the_period_and_names_its_order(truth_folder: Path) -> None:
    table = pq.read_table(truth_folder / "piece.parquet")

    bounds = pc.min_max(table["produced_at"]).as_py()
    assert START <= bounds["min"] < bounds["max"] < END
    assert table["production_order_id"].null_count == 0
    assert table["item_id"].null_count == 0
