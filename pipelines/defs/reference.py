"""Business data: the tables that files state, and the drop folder that takes files in."""

import time

import dagster as dg

from ingestion import drop_folder
from takt.contracts import TABLES
from takt.settings import Settings

_GROUP = "reference"
# A folder that is still there, say because the lake was away, is asked for again so often.
_ASK_AGAIN_S = 600

reference_tables = [
    dg.AssetSpec(
        key=[_GROUP, table.name],
        group_name=_GROUP,
        kinds={"ducklake", "parquet"},
        description=table.description,
    )
    for table in TABLES.values()
]


@dg.op
def take_in_ready_folders(
    context: dg.OpExecutionContext, installation: dg.ResourceParam[Settings]
) -> None:
    """Load every folder that is ready; each is archived or rejected with its report."""
    for folder in drop_folder.ready_folders(installation):
        report = drop_folder.take_in(installation, folder)
        context.log.info("%s", report)
        for change in report.tables if report.load_id else ():
            metadata = {"rows": change.rows, "added": change.added, "closed": change.closed}
            context.log_event(dg.AssetMaterialization([_GROUP, change.table], metadata=metadata))


@dg.job
def take_in_drop_folder() -> None:
    """Load what stands ready in the drop folder."""
    take_in_ready_folders()


@dg.sensor(
    job=take_in_drop_folder,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def drop_folder_sensor(
    context: dg.SensorEvaluationContext, installation: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """Take folders in once a file `_ready` stands in them."""
    ready = drop_folder.ready_folders(installation)
    if not ready:
        return dg.SkipReason("no folder is ready")
    marked_at = (ready[-1] / drop_folder.READY).stat().st_mtime_ns
    request = f"{ready[-1].name}@{marked_at}#{time.time() // _ASK_AGAIN_S:.0f}"
    if request == context.cursor:
        return dg.SkipReason(f"{ready[-1].name} is being taken in")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=request)], cursor=request)
