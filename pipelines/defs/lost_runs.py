"""Runs whose process is gone: without this they would count as running, and block all others.

Belongs here: runs that died together with their code server. What dies while the code server
lives, Dagster finds itself.
"""

import time

import dagster as dg

# Sensors are evaluated inside the code server, and run workers are its children.
_SERVING_SINCE = time.time()


@dg.sensor(minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def lost_runs_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Fail what was started by a code server before this one."""
    started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
    lost = [
        record.dagster_run
        for record in context.instance.get_run_records(started)
        if (record.start_time or 0.0) < _SERVING_SINCE
    ]
    for run in lost:
        context.instance.report_run_failed(run, "its process ended with the code server")
    return dg.SkipReason(f"{len(lost)} runs were lost with a former code server")
