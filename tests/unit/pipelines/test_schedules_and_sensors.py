"""When things start: once per cause, and never two refreshes at a time."""

import os
import time
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from ingestion import drop_folder
from pipelines.home import run_events
from takt.settings import Settings
from tests.dagster_definitions import Loaded


@pytest.fixture
def home(dagster: Loaded, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, catalog=None)


def drop(settings: Settings, name: str, marked_at: int) -> None:
    folder = drop_folder.path(settings) / name
    folder.mkdir(parents=True)
    (folder / "_ready").touch()
    os.utime(folder / "_ready", (marked_at, marked_at))


def look(settings: Settings, cursor: str | None = None) -> dg.SensorResult | dg.SkipReason:
    from pipelines.defs.reference import drop_folder_sensor

    context = dg.build_sensor_context(cursor=cursor, resources={"installation": settings})
    result = drop_folder_sensor(context)
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    return result


def test_an_empty_drop_folder_starts_nothing(home: Settings) -> None:
    assert isinstance(look(home), dg.SkipReason)


def test_a_folder_that_is_not_ready_starts_nothing(home: Settings) -> None:
    (drop_folder.path(home) / "monday").mkdir(parents=True)

    assert isinstance(look(home), dg.SkipReason)


def test_ready_folders_start_one_run(home: Settings) -> None:
    drop(home, "monday", 1_000)
    drop(home, "tuesday", 2_000)

    result = look(home)

    assert isinstance(result, dg.SensorResult)
    (request,) = result.run_requests or ()
    assert request.run_key is not None
    assert request.run_key.startswith("tuesday@2000")
    assert result.cursor == request.run_key


def test_a_folder_already_asked_for_starts_nothing(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.defs.reference.time.time", lambda: 6_000.0)
    drop(home, "monday", 1_000)
    first = look(home)
    assert isinstance(first, dg.SensorResult)

    assert isinstance(look(home, first.cursor), dg.SkipReason)


def test_a_folder_that_stays_is_asked_for_again_ten_minutes_later(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.defs.reference.time.time", lambda: 6_000.0)
    drop(home, "monday", 1_000)
    first = look(home)
    assert isinstance(first, dg.SensorResult)
    monkeypatch.setattr("pipelines.defs.reference.time.time", lambda: 6_600.0)

    assert isinstance(look(home, first.cursor), dg.SensorResult)


def test_a_refresh_under_way_makes_the_next_wait(dagster: Loaded) -> None:
    from pipelines.defs.transformations import is_under_way

    job = dagster.definitions.resolve_job_def("refresh")
    with dg.DagsterInstance.ephemeral() as instance:
        instance.create_run_for_job(job, status=dg.DagsterRunStatus.SUCCESS)
        assert not is_under_way(instance)

        instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        assert is_under_way(instance)


@pytest.mark.parametrize(
    ("interval", "cron"), [(1, "*/1 * * * *"), (5, "*/5 * * * *"), (60, "0 * * * *")]
)
def test_an_interval_becomes_a_cron_expression(dagster: Loaded, interval: int, cron: str) -> None:
    from pipelines.defs.transformations import every_minutes

    assert every_minutes(interval) == cron


def test_old_runs_are_forgotten_with_their_files_and_young_ones_kept(
    dagster: Loaded, home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.defs import maintenance

    job = dagster.definitions.resolve_job_def("refresh")
    events = run_events(home)
    events.mkdir(parents=True)
    with dg.DagsterInstance.ephemeral() as instance:
        old = instance.create_run_for_job(job, status=dg.DagsterRunStatus.SUCCESS)
        running = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        for run in (old, running):
            (events / f"{run.run_id}.db").touch()
        context = dg.build_op_context(instance=instance, resources={"installation": home})
        maintenance.forget_old_runs(context)
        assert instance.has_run(old.run_id)

        monkeypatch.setattr(maintenance, "_KEEP_RUNS_FOR", timedelta(seconds=-60))
        maintenance.forget_old_runs(context)

        assert [run.run_id for run in instance.get_runs()] == [running.run_id]
    assert [file.stem for file in events.iterdir()] == [running.run_id]


@pytest.mark.parametrize(("later_s", "status"), [(3_600, "FAILURE"), (-3_600, "STARTED")])
def test_runs_of_a_former_code_server_fail_and_others_go_on(
    dagster: Loaded, monkeypatch: pytest.MonkeyPatch, later_s: int, status: str
) -> None:
    from pipelines.defs import lost_runs

    monkeypatch.setattr(lost_runs, "_SERVING_SINCE", time.time() + later_s)
    job = dagster.definitions.resolve_job_def("refresh")
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTING)
        instance.handle_new_event(started_event(run))

        lost_runs.lost_runs_sensor(dg.build_sensor_context(instance=instance))

        found = instance.get_run_by_id(run.run_id)
        assert found is not None
        assert found.status.value == status


def started_event(run: dg.DagsterRun) -> dg.EventLogEntry:
    return dg.EventLogEntry(
        error_info=None,
        level=20,
        user_message="",
        run_id=run.run_id,
        timestamp=time.time(),
        job_name=run.job_name,
        dagster_event=dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, run.job_name),
    )
