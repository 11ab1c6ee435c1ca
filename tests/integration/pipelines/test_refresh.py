"""A refresh over a real lake and the real dbt project."""

import threading
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest

import lake
from ingestion import reference
from lake import query
from pipelines.dbt import origin
from pipelines.figures import RefreshFigures
from pipelines.refresh import RefreshError, RefreshReport, refresh
from takt.settings import Settings
from tests.conftest import wait_until
from tests.dagster_definitions import Loaded
from tests.parsed_project import share_parsed_project
from tests.plant_files import write_plant

pytestmark = pytest.mark.timeout(300)

ENDED_ORDER = """production_order_id,site_id,item_id,route_version,order_quantity,ended_at
1001,demo,cup,1,500,2026-03-02T09:00:00+01:00
"""


@pytest.fixture
def plant(lake_settings: Settings, tmp_path: Path) -> Settings:
    """A lake with the business data of a small plant and no machine data."""
    load_plant(lake_settings, tmp_path)
    return lake_settings


def load_plant(settings: Settings, folder: Path) -> None:
    share_parsed_project(settings.home)
    files = write_plant(folder / "plant", production_order=ENDED_ORDER)
    assert reference.load(settings, files).is_accepted


def execute(settings: Settings, statement: str) -> list[tuple[object, ...]]:
    with closing(lake.open(settings)) as con:
        return con.execute(statement).fetchall()


def publications(settings: Settings) -> list[tuple[object, ...]]:
    columns = "run_id, pinned_snapshot_id, snapshot_id"
    return execute(settings, f"select {columns} from pipeline.publication order by published_at")


def told_figures(settings: Settings) -> dict[tuple[str, ...], float]:
    """Each figure by its name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in RefreshFigures(settings).collect()
        for sample in family.samples
    }


def test_without_a_lake_there_are_no_figures(tmp_path: Path) -> None:
    assert told_figures(Settings(home=tmp_path / "none")) == {}


def outcomes(settings: Settings) -> list[tuple[object, ...]]:
    return execute(settings, "select kind, outcome from pipeline.run order by started_at")


def test_what_breaks_a_law_is_not_published(plant: Settings) -> None:
    pin = execute(plant, "select max(snapshot_id) from ducklake_snapshots('lake')")[0][0]
    told: list[tuple[int, int | None]] = []

    report = refresh(plant, progress=lambda _what, done, total: told.append((done, total)))

    assert report.pinned_snapshot_id == pin
    published = publications(plant)
    assert published == [(report.run_id, pin, report.snapshot_id)]
    figures = told_figures(plant)
    assert figures["takt_pipelines_refreshes_total", "refresh", "published"] == 1
    seconds = figures["takt_pipelines_last_refresh_seconds", "refresh", "published"]
    assert report.duration_s / 2 < seconds < report.duration_s * 2
    assert 0 < figures["takt_pipelines_publication_age_seconds",] < 300
    assert told[-1] == (len(report.results), len(report.results))
    assert query.run_query(plant, "select item_id from marts.dim_item order by 1", None, "csv") == (
        "item_id\ncup\nlid\n"
    )

    execute(plant, "insert into marts.stop_event (stop_id) values ('twice'), ('twice')")
    with pytest.raises(RefreshError, match=r"nothing published; .*keys_are_unique") as refused:
        refresh(plant)

    # The one order has ended, so what is computed by orders is left alone.
    untouched = {each.name for each in refused.value.results if each.message == "UNCHANGED"}
    assert "order_cost" in untouched
    assert publications(plant) == published
    assert (
        query.run_query(plant, "select count(*) n from marts.stop_event", None, "csv") == "n\n0\n"
    )
    assert outcomes(plant) == [("refresh", "published"), ("refresh", "failed")]


def test_a_refresh_waits_for_whoever_holds_the_lock(plant: Settings) -> None:
    reports: list[RefreshReport] = []
    second = threading.Thread(target=lambda: reports.append(refresh(plant, select="stg_item")))

    with lake.locks.refresh_lock(plant):
        second.start()
        wait_until(lambda: waits_for_the_lock(plant), "the refresh to wait")
        assert outcomes(plant) == []
    second.join()

    assert [report.snapshot_id for report in reports] == [None]
    assert outcomes(plant) == [("selection", "built")]
    assert publications(plant) == []


def waits_for_the_lock(settings: Settings) -> bool:
    asked = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    with lake.catalog.connect(settings) as connection:
        found = connection.execute(asked).fetchone()
    return found is not None and found[0] != 0


def test_a_refresh_in_dagster_rebuilds_what_is_outdated_and_shows_each_model_and_law(
    built_settings: Settings, dagster: Loaded, tmp_path: Path
) -> None:
    plant = built_settings
    load_plant(plant, tmp_path)
    # Published by these transformations, and then others made something and were killed.
    execute(
        plant,
        "insert into pipeline.run by name select 'before' as run_id, 'refresh' as kind,"
        f" 'published' as outcome, '{origin(plant)}' as project,"
        " timestamp '2026-03-02' as started_at, timestamp '2026-03-02' as finished_at"
        " union all by name select 'killed' as run_id, 'refresh' as kind, 'other' as project,"
        " timestamp '2026-03-03' as started_at",
    )
    job = dagster.definitions.resolve_job_def("refresh")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, resources={"installation": plant})

    assert result.success
    built = {event.asset_key for event in result.get_asset_materialization_events()}
    graph = dagster.definitions.resolve_asset_graph()
    assert built == set(graph.executable_asset_keys)
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert checks.pop("is_fresh") is False
    apart = {"is_fresh", "is_balanced", "has_not_grown", "has_no_dead_letters"}
    assert set(checks) == {key.name for key in graph.asset_check_keys} - apart
    assert all(checks.values())
    assert outcomes(plant) == [
        ("refresh", "published"),
        ("refresh", None),
        ("full", "published"),
    ]
    assert len(publications(plant)) == 1
