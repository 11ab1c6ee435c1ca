"""Each question of the pages of costs over the demo's 14 days, as a page asks for the first time.

A page remembers answers per publication; here nothing is remembered.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb

import lake
from bench._demo import fill
from dashboards.queries import (
    cost_choices,
    costing_sheets,
    equivalent_units,
    machine_losses,
    material_usage,
    order_costs,
    quality_costs,
    revaluations,
    standard_costs,
    work_in_process,
)
from dashboards.queries.machine_losses import LossRow
from dashboards.queries.order_selection import Selection
from pipelines.refresh import refresh
from takt.settings import Settings

DEFAULT_SECONDS = 0.0
_TURNS = 11

Question = Callable[[duckdb.DuckDBPyConnection], object]


def run(_seconds: float) -> dict[str, float]:
    """Figures: the median of each question in ms, `slowest_ms`, and the orders they are about."""
    with tempfile.TemporaryDirectory(prefix="takt-bench-") as folder:
        settings = Settings(home=Path(folder) / "home", catalog=None, data=None)
        fill(settings)
        refresh(settings)
        with closing(lake.open(settings, read_only=True)) as con:
            figures = _measured(con)
        lake.catalog.leave(settings)
    return figures


def _measured(con: duckdb.DuckDBPyConnection) -> dict[str, float]:
    everything = _everything(con)
    medians = {
        f"{name}_ms": _median_ms(con, ask_it) for name, ask_it in _questions(con, everything)
    }
    return {
        **medians,
        "slowest_ms": max(medians.values()),
        "orders": float(order_costs.order_totals(con, selection=everything).orders),
    }


def _everything(con: duckdb.DuckDBPyConnection) -> Selection:
    scope = cost_choices.cost_scopes(con)[0]
    return Selection(site_id=scope.site_id, currency=scope.currency)


def _questions(con: duckdb.DuckDBPyConnection, everything: Selection) -> list[tuple[str, Question]]:
    loss = _dearest_loss(con, everything)
    order_id = loss.production_order_id
    stretch = machine_losses.stretches(con, loss=loss, limit=1)[0]
    since, until = machine_losses.around(stretch.started_at, stretch.ended_at)
    version = cost_choices.cost_versions(con)[0].cost_version_id
    item = standard_costs.made_items(con, cost_version_id=version, limit=1)[0].item_id
    now = datetime.now(UTC).replace(tzinfo=None)
    period = cost_choices.cost_periods(con, until=now)[0].period_id
    of_order = {"order_id": order_id}
    of_item = {"cost_version_id": version, "item_id": item}
    of_place = {"site_id": everything.site_id, "currency": everything.currency}
    where = {**of_order, "work_unit_id": stretch.work_unit_id}
    return [
        ("order_totals", lambda con: order_costs.order_totals(con, selection=everything)),
        ("orders", lambda con: order_costs.orders(con, selection=everything, limit=50)),
        ("variances", lambda con: order_costs.variances(con, selection=everything)),
        (
            "place_variances",
            lambda con: order_costs.place_variances(con, selection=everything),
        ),
        (
            "quality_costs",
            lambda con: quality_costs.quality_costs(
                con, site_id=everything.site_id, currency=everything.currency
            ),
        ),
        ("used_material", lambda con: material_usage.used_material(con, **of_order)),
        (
            "revalued",
            lambda con: revaluations.revalued(con, cost_version_id=version, limit=50),
        ),
        ("loss_sums", lambda con: machine_losses.loss_sums(con, selection=everything)),
        ("cost_lines", lambda con: order_costs.cost_lines(con, **of_order)),
        ("order_losses", lambda con: machine_losses.order_losses(con, **of_order)),
        ("stretches", lambda con: machine_losses.stretches(con, loss=loss, limit=50)),
        (
            "samples",
            lambda con: machine_losses.samples(con, **where, since=since, until=until, limit=300),
        ),
        (
            "work_in_process",
            lambda con: work_in_process.work_in_process(con, **of_place, period_id=period),
        ),
        (
            "equivalent_units",
            lambda con: equivalent_units.equivalent_units(
                con, **of_place, period_id=period, limit=50
            ),
        ),
        (
            "made_items",
            lambda con: standard_costs.made_items(con, cost_version_id=version, limit=200),
        ),
        ("unit_cost_lines", lambda con: costing_sheets.unit_cost_lines(con, **of_item)),
        ("order_cost_lines", lambda con: costing_sheets.order_cost_lines(con, **of_order)),
        ("unit_costs", lambda con: standard_costs.unit_costs(con, **of_item)),
        ("nodes", lambda con: standard_costs.nodes(con, **of_item)),
        (
            "cost_warnings",
            lambda con: standard_costs.cost_warnings(
                con, cost_version_id=version, item_ids=(item,)
            ),
        ),
    ]


def _dearest_loss(con: duckdb.DuckDBPyConnection, everything: Selection) -> LossRow:
    orders = order_costs.orders(con, selection=everything, limit=10)
    losses = [
        loss
        for order in orders
        for loss in machine_losses.order_losses(con, order_id=order.production_order_id)
    ]
    return max(losses, key=lambda loss: loss.amount)


def _median_ms(con: duckdb.DuckDBPyConnection, question: Question) -> float:
    milliseconds = []
    for _ in range(_TURNS):
        started = time.monotonic()
        question(con)
        milliseconds.append((time.monotonic() - started) * 1_000)
    return statistics.median(milliseconds)
