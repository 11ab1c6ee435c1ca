"""Dagster's part of the home: its configuration and where it stores what it did."""

import json
from pathlib import Path

from takt.settings import Settings


def path(settings: Settings) -> Path:
    """`DAGSTER_HOME`."""
    return settings.home / "dagster"


def run_events(settings: Settings) -> Path:
    """Where each run's events have a file of their own."""
    return _storage(settings) / "history" / "runs"


def write(settings: Settings, code_server: Path) -> None:
    """Write Dagster's configuration into the home; what it stored stays.

    Args:
        settings: Of the installation.
        code_server: Unix socket on which the code server will listen.
    """
    home = path(settings)
    home.mkdir(parents=True, exist_ok=True)
    server = {"socket": str(code_server), "location_name": "takt"}
    # JSON is YAML.
    (home / "dagster.yaml").write_text(json.dumps(_instance(settings), indent=2))
    (home / "workspace.yaml").write_text(json.dumps({"load_from": [{"grpc_server": server}]}))


def _storage(settings: Settings) -> Path:
    return path(settings) / "storage"


def _instance(settings: Settings) -> dict[str, object]:
    return {
        "telemetry": {"enabled": False},
        "storage": {"sqlite": {"base_dir": str(_storage(settings))}},
        "compute_logs": {
            "module": "dagster._core.storage.noop_compute_log_manager",
            "class": "NoOpComputeLogManager",
        },
        # Everything that writes waits for one lock: more at once would only hold memory.
        "concurrency": {"runs": {"max_concurrent_runs": 1}},
        # A failed test fails again on the same data; only crashed runs are worth repeating.
        "run_retries": {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False},
        "run_monitoring": {"enabled": True, "poll_interval_seconds": 30},
        "retention": {
            "schedule": {"purge_after_days": 2},
            "sensor": {"purge_after_days": {"skipped": 1, "success": 7, "failure": 7}},
        },
    }
