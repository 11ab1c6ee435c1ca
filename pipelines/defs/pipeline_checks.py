"""Does everything that collectors accepted arrive? Checks over the marts about the pipeline itself.

Belongs here: what warns a person. The figures are defined in dbt.
"""

from contextlib import closing
from typing import Any

import dagster as dg

import lake
from takt.settings import Settings

_UNBALANCED = """
    select site, collector, difference
    from marts.balance
    qualify row_number() over (partition by site, collector order by hour desc) = 1
        and difference <> 0
    order by site, collector
"""
_REFUSED = """
    select
        coalesce(site || '/' || collector, 'unknown'),
        reason,
        cast(sum(messages) as bigint)
    from marts.quarantine_summary
    where hour >= date_trunc('hour', timezone('UTC', now())) - interval 1 hour
    group by all
    order by all
"""
_DEAD = """
    select coalesce('order ' || production_order_id, 'no order') || ': ' || detail, dead_letters
    from marts.mes_waiting_order
    where dead_letters > 0
    order by first_received_at
    limit 20
"""


@dg.asset_check(asset=dg.AssetKey(["marts", "balance"]))
def is_balanced(installation: dg.ResourceParam[Settings]) -> dg.AssetCheckResult:
    """Warns when a collector has accepted other rows than are settled or in its spool."""
    found = _rows(installation, "balance", _UNBALANCED)
    return _warning({f"{site}/{name}": difference for site, name, difference in found})


@dg.asset_check(asset=dg.AssetKey(["raw", "quarantine"]))
def has_not_grown(installation: dg.ResourceParam[Settings]) -> dg.AssetCheckResult:
    """Warns when messages were refused in this hour or the last one."""
    found = _rows(installation, "quarantine_summary", _REFUSED)
    return _warning({f"{who}: {reason}": messages for who, reason, messages in found})


@dg.asset_check(asset=dg.AssetKey(["raw", "mes_message"]))
def has_no_dead_letters(installation: dg.ResourceParam[Settings]) -> dg.AssetCheckResult:
    """Warns when messages of the MES wait for a person: `takt mes list` says which."""
    return _warning(dict(_rows(installation, "mes_waiting_order", _DEAD)))


def _rows(installation: Settings, mart: str, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query on a mart; none before the first refresh has made it."""
    with closing(lake.open(installation, read_only=True)) as con:
        there = con.execute(
            "select count(*) from duckdb_views() where database_name = 'lake'"
            f" and schema_name = 'marts' and view_name = '{mart}'"
        ).fetchone()
        return con.execute(sql).fetchall() if there != (0,) else []


def _warning(wrong: dict[str, int]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=not wrong, severity=dg.AssetCheckSeverity.WARN, metadata=dict(wrong)
    )


check_pipeline = dg.define_asset_job(
    "check_pipeline",
    selection=dg.AssetSelection.checks(is_balanced, has_not_grown, has_no_dead_letters),
    description="Ask whether all that was accepted has arrived, and what was refused.",
)


@dg.schedule(
    job=check_pipeline,
    # Apart from the refresh, whose time must not grow with the ledger, as the balance's does.
    cron_schedule="13-59/15 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def check_pipeline_schedule() -> dg.RunRequest:
    """Four times an hour: a person has to look, not the next process."""
    return dg.RunRequest()
