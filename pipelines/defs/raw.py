"""What machines and the MES send: tables that ingestion writes and Dagster only knows of."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import dagster as dg

import lake
from takt.settings import Settings

_GROUP = "raw"
_DESCRIPTIONS = {
    "telemetry": "Every sample of every signal, as it came over the wire.",
    "batch": "The ledger: which batches of which collector are settled, and how.",
    "batch_checkpoint": "The ledger's settled beginnings, folded by maintenance.",
    "quarantine": "What arrived but could not be read, with its bytes and the reason.",
    "quarantine_replay": "What became of quarantined messages that were tried again.",
    "health": "What collectors say of themselves: accepted, in spool, state of sources.",
    "transport_repeat": "Rows that came more than once and were recognised.",
    "import_file": "History files that were imported.",
    "mes_message": "Messages of an MES, as they came.",
    "mes_outcome": "What became of messages of an MES; the last of each counts.",
}
# Collectors send a heartbeat every five seconds, so silence of minutes is never normal.
_FRESH_WITHIN = timedelta(minutes=5)

raw_tables = [
    dg.AssetSpec(
        key=[_GROUP, name], group_name=_GROUP, kinds={"ducklake", "parquet"}, description=text
    )
    for name, text in _DESCRIPTIONS.items()
]


@dg.asset_check(asset=dg.AssetKey([_GROUP, "telemetry"]))
def is_fresh(installation: dg.ResourceParam[Settings]) -> dg.AssetCheckResult:
    """Warns when nothing has been committed for five minutes."""
    with closing(lake.open(installation, read_only=True)) as con:
        found = con.execute("select max(committed_at) from lake.raw.batch").fetchone()
    newest = found[0] if found else None
    now = datetime.now(UTC).replace(tzinfo=None)
    return dg.AssetCheckResult(
        passed=newest is not None and now - newest <= _FRESH_WITHIN,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"newest_commit": "never" if newest is None else f"{newest.isoformat()}Z"},
    )
