"""A simulated plant in a lake, and the transformations over it."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

import lake
from edge.simulator import history
from ingestion import reference
from pipelines import dbt
from takt.settings import Settings
from tests.oracle.figures import Figures
from tests.parsed_project import share_parsed_project

MARTS = (
    "work_unit_shift",
    "work_unit_shift_order",
    "work_unit_hour",
    "work_unit_day",
    "work_unit_usage_day",
    "failure_event",
    "work_unit_failure_day",
    "work_unit_failure_trend",
    "changeover",
    "setup_matrix",
    "standard_drift",
    "maintenance_due",
    "signal_anomaly",
    "equipment_shift",
    "equipment_day",
    "equipment_week",
    "line_bottleneck_shift",
    "state_interval",
    "stop_event",
    "stop_classification",
    "count_correction",
    "stop_cost",
    "unclassified_stop",
    "standard_cost",
    "cost_warning",
    "cost_rollup",
    "order_cost",
    "order_variance",
    "order_variance_shift",
    "order_product_cost",
    "material_usage",
    "order_output",
    "loss_cost",
    "wip_rollforward",
    "period_check",
    "period_comparison",
    "period_posting",
    "journal",
    "cost_of_quality",
    "idle_capacity",
    "loss_time",
    "yield_operation",
    "yield_reason",
    "yield_route",
    "data_quality",
)
ELEMENTS = tuple(Figures.__dataclass_fields__)
COUNTER_ONLY = "machining/line2/mill01"
"""A work unit whose state no signal tells: its pulses do."""
KPIS = (
    "availability",
    "effectiveness",
    "quality_ratio",
    "oee_index",
    "nee_index",
    "teep_index",
)
FIGURES = ", ".join([*(name.replace("_us", "_s") for name in ELEMENTS), *KPIS])
_SHIFTS = f"""
select work_unit_id, production_date, shift_id, shift_started_at, shift_ended_at, {FIGURES}
from marts.{{mart}}
where definition_id = 'iso22400' and shift_id is not null
"""


@dataclass(frozen=True)
class Plant:
    """A lake with the business data of a simulated plant, and the files of its history."""

    settings: Settings
    folder: Path
    files: list[Path]

    def build(self, now: datetime, *, full: bool = False, select: str | None = None) -> None:
        """Run the transformations as if it were `now`."""
        moment = now.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
        dbt.build(self.settings, variables={"now": moment}, full=full, select=select)

    def publish(self) -> None:
        """Make the marts as they are now what people see."""
        self.change(
            "insert into pipeline.publication by name select max(snapshot_id) as snapshot_id,"
            " max(snapshot_id) as pinned_snapshot_id, 'test' as run_id,"
            " now()::timestamp as published_at from ducklake_snapshots('lake')"
        )

    def query(self, sql: str, **values: object) -> list[tuple[object, ...]]:
        """Rows at the head of the lake."""
        with closing(lake.open(self.settings, read_only=True)) as con:
            return con.execute(sql, values).fetchall()

    def change(self, *statements: str) -> None:
        """Execute statements, each in a transaction of its own."""
        with closing(lake.open(self.settings)) as con:
            for statement in statements:
                con.execute(statement)

    def shifts(self, mart: str = "work_unit_shift") -> list[tuple[object, ...]]:
        """The shifts of a mart, in the columns that live and historic ones share."""
        return self.query(_SHIFTS.format(mart=mart))

    def live(self, now: datetime) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
        """The running shifts and the intervals of the running day, as if it were `now`."""
        with closing(lake.open(self.settings, read_only=True)) as con:
            con.execute(f"set variable takt_now = '{now.astimezone(UTC).replace(tzinfo=None)}'")
            shifts = con.execute(_SHIFTS.format(mart="live_work_unit")).fetchall()
            return shifts, con.execute("from marts.live_state_interval").fetchall()

    def rows_of_marts(self) -> dict[str, list[tuple[object, ...]]]:
        """Every row of every mart, in one order."""
        return {mart: self.query(f"from marts.{mart} order by all") for mart in MARTS}


@pytest.fixture
def plant(built_settings: Settings, tmp_path: Path) -> Callable[[datetime, datetime], Plant]:
    def prepare(start: datetime, end: datetime) -> Plant:
        folder = tmp_path / "plant"
        files = history.prepare(folder, built_settings, 7, start, end)
        map_no_state(folder / "business_data" / "signal_map.csv", COUNTER_ONLY)
        report = reference.load(built_settings, folder / "business_data")
        assert report.load_id is not None, str(report)
        share_parsed_project(built_settings.home)
        return Plant(built_settings, folder, files)

    return prepare


def map_no_state(file: Path, work_unit_id: str) -> None:
    """Take the state signal of a work unit from a signal map."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not (f",{work_unit_id}," in line and ",state," in line)]
    assert len(kept) == len(lines) - 1
    file.write_text("".join(kept), encoding="utf-8")


def difference(
    one: list[tuple[object, ...]], other: list[tuple[object, ...]]
) -> list[tuple[object, ...]]:
    """Rows that stand in one list only."""
    return sorted(set(one) ^ set(other), key=str)[:6]
