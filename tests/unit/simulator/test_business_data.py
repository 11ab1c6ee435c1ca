"""The plant's business files keep the contracts and agree with the truth."""

import csv
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from edge.simulator.business_data import drop_orders, write_business_data
from edge.simulator.production import Plant
from edge.simulator.shifts import to_ms
from ingestion.reference_folder import NothingLoaded, examine
from ingestion.reference_report import Findings
from tests.reference_examining import Loaded, problems
from tests.unit.simulator.conftest import END, START

FILES = (
    "equipment",
    "shift_pattern",
    "calendar_exception",
    "signal_map",
    "value_map",
    "reason_code",
    "maintenance_rule",
    "item",
    "routing_operation",
    "production_order",
    "order_operation",
    "material_movement",
    "labour_booking",
    "subcontract_receipt",
    "customer_return",
    "cost_version",
    "cost_rate",
    "bom_line",
    "item_cost",
    "overhead_formula",
    "stock",
    "costing_sheet",
    "exchange_rate",
    "period",
)


def rows(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / f"{table}.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_files_keep_the_contracts(business_folder: Path) -> None:
    findings = Findings()

    tables = examine(business_folder, NothingLoaded(), findings)

    assert list(map(str, findings.problems)) == []
    assert {name: len(table.rows) > 0 for name, table in tables.items()} == dict.fromkeys(
        FILES, True
    )


def test_what_an_erp_tells_later_fits_what_is_loaded(
    plant: Plant, business_folder: Path, tmp_path: Path
) -> None:
    tables = examine(business_folder, NothingLoaded(), Findings())
    loaded = Loaded(**{name: [dict(row.values) for row in t.rows] for name, t in tables.items()})
    for days in (1, 8):
        write_business_data(tmp_path / f"{days}", "demo", plant, to_ms(END + timedelta(days=days)))
    drop_orders(tmp_path / "drop", "demo", plant, to_ms(END + timedelta(hours=1)))

    for folder in sorted(tmp_path.iterdir()):
        assert problems(folder, loaded) == []


def test_an_erp_knows_nothing_of_the_future(business_folder: Path) -> None:
    orders = rows(business_folder, "production_order")
    operations = rows(business_folder, "order_operation")

    past = [row["ended_at"] for row in orders] + [row["started_at"] for row in operations]
    past += [row["finished_at"] for row in operations]
    assert all(datetime.fromisoformat(text) <= END for text in past if text)
    statuses = Counter(row["status"] for row in orders)
    assert statuses.keys() == {"ended", "started", "released", "created"}


def test_reported_quantities_are_those_that_were_made(
    business_folder: Path, truth_folder: Path
) -> None:
    table = pq.read_table(truth_folder / "piece.parquet")
    names = ("production_order_id", "operation_id", "result")
    made = Counter(zip(*(table[name].to_pylist() for name in names), strict=True))
    finished = [
        row
        for row in rows(business_folder, "order_operation")
        if row["finished_at"] and datetime.fromisoformat(row["started_at"]) >= START
    ]

    assert len(finished) > 100
    for row in finished:
        for result in ("good", "scrap", "rework"):
            key = row["production_order_id"], row["operation_id"], result
            assert int(row[f"{result}_quantity"]) == made[key]


def test_each_work_unit_has_one_state_signal_and_a_way_to_count(business_folder: Path) -> None:
    roles = Counter(
        (row["equipment_id"], row["role"]) for row in rows(business_folder, "signal_map")
    )
    units = [
        row["equipment_id"]
        for row in rows(business_folder, "equipment")
        if row["level"] == "work_unit"
    ]

    for unit in units:
        assert roles[unit, "state"] == roles[unit, "order"] == roles[unit, "reject_count"] == 1
        assert roles[unit, "total_count"] + roles[unit, "good_count"] == 1


def test_a_planned_run_time_changes_in_the_second_week(business_folder: Path) -> None:
    changed = [row for row in rows(business_folder, "routing_operation") if row["valid_from"]]

    assert {row["item_id"] for row in changed} == {"BR-140", "SH-32"}
    assert all(START < datetime.fromisoformat(row["valid_from"]) < END for row in changed)
