"""Dagster's other jobs and checks over a real lake."""

from contextlib import closing
from pathlib import Path

import dagster as dg

import lake
from ingestion import drop_folder, mes
from pipelines.refresh import refresh
from takt import topics
from takt.settings import Settings
from tests.dagster_definitions import Loaded
from tests.parsed_project import share_parsed_project
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


def test_a_missing_row_a_refused_message_and_a_dead_letter_are_warned_of(
    lake_settings: Settings, dagster: Loaded
) -> None:
    from pipelines.defs.pipeline_checks import has_no_dead_letters, has_not_grown, is_balanced

    assert is_balanced(lake_settings).passed
    share_parsed_project(lake_settings.home)
    refresh(lake_settings, select="+balance +quarantine_summary +mes_waiting_order")
    assert is_balanced(lake_settings).passed
    assert has_not_grown(lake_settings).passed
    assert has_no_dead_letters(lake_settings).passed
    mes.receive(lake_settings, [mes.Letter(b"no JSON", topics.mes_topic("demo", "1001"))])
    mes.take_in(lake_settings)
    collector = "'demo' as site, 'collector1' as collector, 'e' as epoch"
    for table, columns in (
        (
            "batch",
            "1 as first_seq, 1 as last_seq, 1 as first_row, 9 as rows, 'committed' as status",
        ),
        (
            "health",
            "10 as accepted_rows, 11 as spool_first_row, 0 as spool_rows, true as online,"
            " timestamp '2026-03-02 05:00:00' as reported_at",
        ),
        (
            "quarantine",
            "'q' as quarantine_id, 'clock_ahead' as reason, 2 as rows,"
            " timezone('UTC', now()) as quarantined_at",
        ),
    ):
        with closing(lake.open(lake_settings)) as con:
            con.execute(f"insert into raw.{table} by name select {collector}, {columns}")

    balanced, grown = is_balanced(lake_settings), has_not_grown(lake_settings)

    assert (balanced.passed, grown.passed) == (False, False)
    assert balanced.metadata["demo/collector1"].value == 1
    assert grown.metadata["demo/collector1: clock_ahead"].value == 1
    dead = has_no_dead_letters(lake_settings)
    assert not dead.passed
    assert [key.partition(":")[0] for key in dead.metadata] == ["order 1001"]
    assert run_job(dagster, "check_pipeline", lake_settings).success
