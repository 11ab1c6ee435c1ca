"""Variances of 50,000 orders: a rebuild of all, and a refresh after a day of new ones.

A hundred work units make twenty orders a day each; machines tell something once a minute, each
order has its materials issued. Told is what the models of orders' costs take of `takt refresh`,
and the whole command. `--seconds N` makes it N days long instead.
"""

import json
import random
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import lake
from bench._works import COST_VERSION, Rows, Works, costing, iso
from pipelines import dbt

DEFAULT_SECONDS = 25.0
"""Days of history."""
_UNITS = 100
_ORDERS_A_DAY = 20
_EVERY_S = 60
_SEED = 5
_MATERIALS = ("resin", "lid", "label", "carton")
_OF_ORDERS = ("/costs/order/", "/costs/period/", "/marts/costs/")


def run(seconds: float) -> dict[str, float]:
    """Figures: `full_s`, `day_s` of the models of orders' costs, and of the whole commands."""
    with tempfile.TemporaryDirectory(prefix="takt-bench-") as folder:
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        yesterday = today - timedelta(days=1)
        works = Works.in_home(
            Path(folder) / "home",
            units=_UNITS,
            days=int(seconds),
            end=yesterday,
            every_s=_EVERY_S,
            orders_a_day=_ORDERS_A_DAY,
        )
        works.load(_files(works))
        works.run_all_days()
        figures = {"full_command_s": _refresh(works, "--full"), "full_s": _spent(works)}
        works.run(yesterday, today)
        figures |= {"day_command_s": _refresh(works), "day_s": _spent(works)}
        figures |= {"nothing_new_command_s": _refresh(works), "nothing_new_s": _spent(works)}
        figures |= _costed(works)
        lake.catalog.leave(works.settings)
    return figures


def _refresh(works: Works, *options: str) -> float:
    started = time.monotonic()
    if works.refresh(*options).wait() != 0:
        raise RuntimeError("takt refresh failed; its reason is above")
    return time.monotonic() - started


def _spent(works: Works) -> float:
    """Seconds that the models of orders' costs took in the last refresh, one after the other."""
    results = json.loads((dbt.target_path(works.settings) / "run_results.json").read_text())
    manifest = json.loads(dbt.manifest(works.settings).read_text())
    files = {name: f"/{node['original_file_path']}" for name, node in manifest["nodes"].items()}
    return sum(
        float(result["execution_time"])
        for result in results["results"]
        if any(part in files.get(result["unique_id"], "") for part in _OF_ORDERS)
    )


def _costed(works: Works) -> dict[str, float]:
    with closing(lake.open(works.settings, read_only=True)) as con:
        row = con.execute(
            "select count(distinct production_order_id), count(*),"
            " (select count(*) from marts.loss_cost) from marts.order_variance"
        ).fetchone()
    assert row is not None
    return {"orders": row[0], "variances": row[1], "losses": row[2]}


def _files(works: Works) -> dict[str, Rows]:
    chance = random.Random(_SEED)
    return costing() | {
        "item": [
            {"item_id": item, "name": item, "unit": "pcs"} for item in (*works.items, *_MATERIALS)
        ],
        "bom_line": [
            {
                "item_id": made,
                "bom_version": "1",
                "line_id": line,
                "component_item_id": item,
                "quantity_per": "0.03",
                "scrap_ratio": "0.02",
            }
            for made in works.items
            for line, item in enumerate(_MATERIALS, start=1)
        ],
        "item_cost": [
            {"cost_version_id": COST_VERSION, "item_id": item, "unit_cost": "0.37"}
            for item in _MATERIALS
        ],
        "material_movement": [
            {
                "movement_id": f"{order.order_id}-{item}",
                "production_order_id": order.order_id,
                "item_id": item,
                "quantity": chance.randint(90, 130),
                "moved_at": iso(order.began_at),
            }
            for order in works.orders
            for item in _MATERIALS
        ],
    }
