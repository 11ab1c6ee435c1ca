"""Dagster's other jobs and checks over a real lake."""

from contextlib import closing
from pathlib import Path

import dagster as dg

import lake
from ingestion import drop_folder
from takt.settings import Settings
from tests.dagster_definitions import Loaded
from tests.plant_files import write_plant


def run_job(dagster: Loaded, name: str, settings: Settings) -> dg.ExecuteInProcessResult:
    job = dagster.definitions.resolve_job_def(name)
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(instance=instance, resources={"installation": settings})


def test_the_drop_folder_job_takes_in_what_is_ready_and_shows_what_changed(
    lake_settings: Settings, dagster: Loaded
) -> None:
    drop = drop_folder.path(lake_settings)
    for name in ("monday", "wrong"):
        write_plant(drop / name, **({"item": "item_id\n"} if name == "wrong" else {}))
        (drop / name / "_ready").touch()
    write_plant(drop / "unfinished")

    result = run_job(dagster, "take_in_drop_folder", lake_settings)

    assert [path.name for path in drop.iterdir()] == ["unfinished"]
    events = [event for event in result.all_events if event.is_step_materialization]
    shown = {event.asset_key.to_user_string() for event in events if event.asset_key}
    assert "reference/equipment" in shown
    assert len(list((lake_settings.home / "archive").iterdir())) == 1
    assert len(list((lake_settings.home / "rejected").iterdir())) == 1


def test_maintenance_runs_as_a_job(lake_settings: Settings, dagster: Loaded) -> None:
    assert run_job(dagster, "maintain", lake_settings).success


def test_telemetry_is_fresh_while_commits_come(
    lake_settings: Settings, dagster: Loaded, tmp_path: Path
) -> None:
    from pipelines.defs.raw import is_fresh

    assert not is_fresh(lake_settings).passed
    with closing(lake.open(lake_settings)) as con:
        con.execute("insert into raw.batch by name select current_localtimestamp() as committed_at")

    assert is_fresh(lake_settings).passed
