"""Standard costs of 20,000 items, 200,000 lines of bills of material, 10 levels deep.

The files are loaded as a person loads them; then `takt refresh`, whole command, of a lake without
samples: after the load, and again with nothing new. `--seconds N` makes it N thousand items.
"""

import random
import statistics
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import lake
from bench._works import COST_VERSION, Rows, Works, costing

DEFAULT_SECONDS = 20.0
"""Thousands of items."""
_LEVELS = 10
_COMPONENTS = 11
_SEED = 5
_TURNS = 3


def run(seconds: float) -> dict[str, float]:
    """Figures: `load_s`, `refresh_s` after it, median `refresh_again_s`, and what was costed."""
    with tempfile.TemporaryDirectory(prefix="takt-bench-") as folder:
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        works = Works.in_home(Path(folder) / "home", units=10, days=1, end=today)
        _refresh(works)
        figures = {"load_s": works.load(_files(works, int(seconds * 1_000)))}
        figures["refresh_s"] = _refresh(works)
        figures["refresh_again_s"] = statistics.median(_refresh(works) for _ in range(_TURNS))
        figures |= _costed(works)
        lake.catalog.leave(works.settings)
    return figures


def _costed(works: Works) -> dict[str, float]:
    with closing(lake.open(works.settings, read_only=True)) as con:
        row = con.execute(
            "select count(distinct item_id), (select count(*) from reference.bom_line),"
            " (select max(low_level) + 2 from intermediate.int_made_item)"
            " from marts.standard_cost where level = 'rolled_up'"
        ).fetchone()
    assert row is not None
    return {"items": row[0], "bom_lines": row[1], "levels": row[2]}


def _files(works: Works, items: int) -> dict[str, Rows]:
    """Items in levels of equal size: those of the lowest are bought, others made of the next."""
    chance = random.Random(_SEED)
    size = items // _LEVELS
    levels = [[f"L{level}-{number:05d}" for number in range(size)] for level in range(_LEVELS)]
    made = [item for level in levels[1:] for item in level]
    return costing() | {
        "item": [
            {"item_id": item, "name": item, "unit": "pcs"}
            for item in [*works.items, *levels[0], *made]
        ],
        "bom_line": [
            {
                "item_id": item,
                "bom_version": "1",
                "line_id": line,
                "component_item_id": component,
                "operation_id": "10",
                "quantity_per": f"0.{chance.randint(5, 15):02d}",
                "scrap_ratio": "0.02",
            }
            for below, level in pairwise(levels)
            for item in level
            for line, component in enumerate(chance.sample(below, _COMPONENTS), start=1)
        ],
        "routing_operation": [
            {
                "item_id": item,
                "route_version": "1",
                "operation_id": operation,
                "sequence": operation,
                "work_unit_id": chance.choice(works.names),
                "planned_run_s_per_unit": chance.randint(1, 90),
                "planned_setup_s": 900,
                "scrap_ratio": "0.01",
            }
            for item in [*works.items, *made]
            for operation in (10, 20)
        ],
        "item_cost": [
            {
                "cost_version_id": COST_VERSION,
                "item_id": item,
                "unit_cost": f"0.{chance.randint(1, 99):02d}",
            }
            for item in levels[0]
        ],
    }


def _refresh(works: Works) -> float:
    started = time.monotonic()
    if works.refresh().wait() != 0:
        raise RuntimeError("takt refresh failed; its reason is above")
    return time.monotonic() - started
