"""dbt's models as assets, their tests as checks, and the refresh that builds them all.

Belongs here: how a refresh looks in Dagster. What it does, whoever starts it, is in
`pipelines.refresh`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, dbt_assets

from pipelines import dbt
from pipelines.dbt import NodeResult
from pipelines.defs.pipeline_checks import is_balanced
from pipelines.refresh import RefreshError, refresh
from takt import settings
from takt.settings import Settings

_UNIQUE_ID = "dagster_dbt/unique_id"
_OPTIONS = settings.load()


class Translator(DagsterDbtTranslator):  # type: ignore[misc]
    """Models are grouped by their layer: staging, intermediate, marts, live."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The first folder below `models/`."""
        return str(dbt_resource_props["fqn"][1])


class RefreshConfig(dg.Config):
    """What a person may ask for when starting a refresh by hand.

    Attributes:
        full: Rebuild everything from raw.
        from_day: First production date to rebuild, ISO 8601.
        to_day: Last production date to rebuild, ISO 8601.
    """

    full: bool = False
    from_day: str | None = None
    to_day: str | None = None


@dbt_assets(  # type: ignore[untyped-decorator]
    manifest=dbt.manifest(_OPTIONS), dagster_dbt_translator=Translator(), name="transformations"
)
def transformations(
    context: dg.AssetExecutionContext,
    config: RefreshConfig,
    installation: dg.ResourceParam[Settings],
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Pin, transform, test and publish, as `takt refresh` does."""
    try:
        report = refresh(
            installation,
            full=config.full,
            select=_selection(context),
            from_day=_day(config.from_day),
            to_day=_day(config.to_day),
        )
    except RefreshError as error:
        yield from asset_events(context.assets_def, error.results)
        # The same data would break the same test again; the next refresh has newer data.
        raise dg.Failure(str(error), allow_retries=False) from error
    context.log.info("%s", report)
    yield from asset_events(context.assets_def, report.results)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _selection(context: dg.AssetExecutionContext) -> str | None:
    """The chosen models by name; None when all are."""
    if not context.is_subset:
        return None
    specs = context.assets_def.specs_by_key
    chosen = [specs[key].metadata[_UNIQUE_ID] for key in context.selected_asset_keys]
    checks = [
        spec.metadata[_UNIQUE_ID]
        for spec in context.assets_def.check_specs
        if spec.key in context.selected_asset_check_keys
        and spec.asset_key not in context.selected_asset_keys
    ]
    return " ".join(sorted(unique_id.split(".")[2] for unique_id in chosen + checks))


def asset_events(
    assets: dg.AssetsDefinition, results: Sequence[NodeResult]
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """What dbt did, as Dagster records it; what was skipped is left out.

    Args:
        assets: The dbt assets with their checks.
        results: How each model and test went.
    """
    models = {spec.metadata[_UNIQUE_ID]: spec.key for spec in assets.specs}
    tests = {spec.metadata[_UNIQUE_ID]: spec for spec in assets.check_specs}
    for result in results:
        metadata: dict[str, float | str] = {
            "execution_s": result.execution_s,
            "message": result.message or "",
        }
        if result.unique_id in models and result.has_passed:
            yield dg.MaterializeResult(asset_key=models[result.unique_id], metadata=metadata)
        elif result.unique_id in tests and result.status != "skipped":
            check = tests[result.unique_id]
            yield dg.AssetCheckResult(
                check_name=check.name,
                asset_key=check.asset_key,
                passed=result.status in ("pass", "success"),
                severity=_severity(result),
                metadata=metadata | {"failures": result.failures or 0},
            )


def _severity(result: NodeResult) -> dg.AssetCheckSeverity:
    return dg.AssetCheckSeverity.WARN if result.status == "warn" else dg.AssetCheckSeverity.ERROR


refresh_job = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.assets(transformations) - dg.AssetSelection.checks(is_balanced)
    | dg.AssetSelection.checks_for_assets(dg.AssetKey(["raw", "telemetry"])),
    description="Transform what has arrived, test it, publish it.",
)

_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def is_under_way(instance: dg.DagsterInstance) -> bool:
    """Whether a refresh is waiting or running."""
    return instance.get_runs_count(dg.RunsFilter(job_name="refresh", statuses=_UNDER_WAY)) > 0


def every_minutes(interval: int) -> str:
    """A cron expression that fires every `interval` minutes, 1 to 60."""
    return "0 * * * *" if interval == 60 else f"*/{interval} * * * *"


@dg.schedule(
    job=refresh_job,
    cron_schedule=every_minutes(_OPTIONS.pipelines.refresh_interval_minutes),
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def refresh_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One refresh at a time: a long one makes the next ticks wait, not queue."""
    if is_under_way(context.instance):
        return dg.SkipReason("the refresh before is still under way")
    return dg.RunRequest()
