"""What orders cost is the same refresh by refresh as in one full rebuild, whatever comes late."""

import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import lake
from ingestion import reference
from pipelines import dbt
from takt.settings import Settings
from tests.integration.dbt import generated_costs
from tests.integration.dbt.conftest import difference
from tests.integration.dbt.generated_plant import NOW, UNITS, Generated
from tests.parsed_project import share_parsed_project

FIRST = datetime(2026, 4, 1, 9, tzinfo=UTC)
"""When the first refresh ran; after it machines go on, and people change what was."""
LAST = datetime(2026, 4, 2, 8, tzinfo=UTC)
"""When the second one ran: after it nothing changes that any order may be costed by."""
CHARGED_DAY = "2026-03-31T"
MARTS = (
    "standard_cost",
    "cost_warning",
    "order_cost",
    "order_variance",
    "order_variance_shift",
    "material_usage",
    "order_output",
    "loss_cost",
    "wip_rollforward",
    "dim_period",
    "period_check",
    "period_comparison",
    "period_posting",
    "journal",
    "cost_of_quality",
    "equivalent_unit",
    "idle_capacity",
)
STOP = """
select stops.work_unit_id, stops.started_at, stops.ended_at
from marts.stop_event as stops
inner join intermediate.int_order_use as uses
    on stops.work_unit_id = uses.work_unit_id and stops.started_at = uses.started_at
semi join marts.loss_cost as losses
    on
        uses.production_order_id = losses.production_order_id
        and uses.operation_id = losses.operation_id
        and uses.work_unit_id = losses.work_unit_id
        and losses.loss_detail = 'stop'
        and losses.reason_id is null
where not stops.is_minor and stops.reason_id is null and uses.used_s > 60
order by stops.started_at limit 1
"""
ENTRY = """
insert into raw.telemetry values (
    'demo', 'terminal-office', 'entries', 1, $work_unit_id, '$stop_reason', $began, $seconds,
    $text, 0, $at, true, $began::date
)
"""


@pytest.mark.proof
@pytest.mark.timeout(600)  # four builds
def test_costs_after_late_changes_equal_a_full_rebuild(
    lake_settings: Settings, tmp_path: Path
) -> None:
    works = generated_costs.make(11, 40)
    load(lake_settings, works.write(tmp_path / "first"))
    works.tell(lake_settings, until=FIRST)
    share_parsed_project(lake_settings.home)
    build(lake_settings, FIRST)
    before = marts(lake_settings)
    works.tell(lake_settings, since=FIRST, until=LAST)
    change(works)
    load(lake_settings, works.write(tmp_path / "second"))
    build(lake_settings, LAST)
    works.tell(lake_settings, since=LAST)
    stop = classify_a_stop(lake_settings)
    book(works, "later", "worker8")
    book(works, "prevented", "worker7", kind="prevention")
    book(works, "examined", "worker6", kind="inspection")
    load(lake_settings, works.write(tmp_path / "third"))

    build(lake_settings, NOW)
    stepwise = marts(lake_settings)
    costed_anew = count(lake_settings, "intermediate.int_changed_order")
    build(lake_settings, NOW, full=True)

    rebuilt = marts(lake_settings)
    assert 0 < costed_anew < count(lake_settings, "intermediate.int_changed_order")
    for mart, rows in rebuilt.items():
        assert rows, mart
        assert not difference(stepwise[mart], rows), mart
    for mart in ("order_cost", "loss_cost", "cost_of_quality", "wip_rollforward", "dim_period"):
        assert difference(before[mart], rebuilt[mart]), mart
    assert any(row[2] == stop and row[6] == "change" for row in rebuilt["loss_cost"])


def load(settings: Settings, folder: Path) -> None:
    report = reference.load(settings, folder)
    assert report.load_id is not None, str(report)


def build(settings: Settings, now: datetime, *, full: bool = False) -> None:
    dbt.build(settings, variables={"now": now.replace(tzinfo=None).isoformat(" ")}, full=full)


def marts(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    with closing(lake.open(settings, read_only=True)) as con:
        return {mart: con.execute(f"from marts.{mart} order by all").fetchall() for mart in MARTS}


def count(settings: Settings, table: str) -> int:
    with closing(lake.open(settings, read_only=True)) as con:
        found = con.execute(f"select count(*) from {table}").fetchone()
    assert found is not None
    return int(found[0])


def classify_a_stop(settings: Settings) -> str:
    """Somebody says why the first stop was that costs and has no reason; its work unit."""
    with closing(lake.open(settings)) as con:
        found = con.execute(STOP).fetchone()
        assert found is not None
        unit, began, ended = found
        at = NOW.replace(tzinfo=None)
        said = {"reason_id": "change", "by": "Kim", "at": at.isoformat(), "merges": False}
        con.execute(
            ENTRY,
            {
                "work_unit_id": unit,
                "began": began,
                "seconds": (ended - began).total_seconds(),
                "text": json.dumps(said),
                "at": at,
            },
        )
    return str(unit)


def change(works: Generated) -> None:
    """A rate within a day that was charged, a late booking, and other periods."""
    works.files["cost_rate"] += [
        {
            "cost_version_id": "shift",
            "cost_category_id": "machine",
            "work_unit_id": unit,
            "kind": "run",
            "rate": "77.7",
            "valid_from": f"{CHARGED_DAY}10:11:12.131415Z",
        }
        for unit in UNITS[2:]
    ]
    book(works, "late", "worker9")
    second, third = works.files["period"][1:]
    second["ends_at"] = third["starts_at"] = f"{CHARGED_DAY}16:17:18Z"


def book(works: Generated, booking: str, worker: str, kind: str = "run") -> None:
    """A worker was there on a day that was charged."""
    booked = works.files["labour_booking"]
    booked.append(
        booked[0]
        | {
            "booking_id": booking,
            "worker_id": worker,
            "kind": kind,
            "started_at": f"{CHARGED_DAY}05:00:00Z",
            "finished_at": f"{CHARGED_DAY}12:34:56Z",
        }
    )
