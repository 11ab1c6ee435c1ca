"""Upkeep: merging the lake's small files, and forgetting Dagster's own old runs."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from lake import maintenance
from pipelines.home import run_events
from takt.settings import Settings

# A refresh every five minutes writes some 0.3 MB of events; two days of them are enough to
# see what went wrong over a weekend's night, and stay below 200 MB.
_KEEP_RUNS_FOR = timedelta(days=2)
_FINISHED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]
_DELETE_AT_ONCE = 500


@dg.op
def maintain_lake(context: dg.OpExecutionContext, installation: dg.ResourceParam[Settings]) -> None:
    """Merge, verify, expire and remove, as `takt maintain` does."""
    context.log.info("%s", maintenance.run(installation))


@dg.op
def forget_old_runs(
    context: dg.OpExecutionContext, installation: dg.ResourceParam[Settings]
) -> None:
    """Delete finished runs after two days."""
    old = dg.RunsFilter(statuses=_FINISHED, updated_before=datetime.now(UTC) - _KEEP_RUNS_FOR)
    for run in context.instance.get_runs(old, limit=_DELETE_AT_ONCE):
        context.instance.delete_run(run.run_id)
        # Dagster empties the file of a run's events and leaves it there.
        for file in run_events(installation).glob(f"{run.run_id}.db*"):
            file.unlink()


@dg.job
def maintain() -> None:
    """Keep the lake and Dagster's own storage small."""
    maintain_lake()
    forget_old_runs()


@dg.schedule(
    job=maintain,
    cron_schedule="7-59/10 * * * *",  # between the refreshes, which fire on multiples of five
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def maintenance_schedule() -> dg.RunRequest:
    """Ingestion makes two small files a second; merge them every ten minutes."""
    return dg.RunRequest()
