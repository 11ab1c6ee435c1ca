"""`takt refresh` over the demo's 14 days: full rebuild, then with nothing new (median of five).

Each is the whole command in a process of its own, as a person or a schedule starts it.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import lake
from edge.simulator.history import prepare
from ingestion.history import import_files
from ingestion.reference import load
from takt.progress import silent
from takt.settings import Settings

DEFAULT_SECONDS = 0.0
_DAYS = 14


def run(_seconds: float) -> dict[str, float]:
    """Figures: `first_s`, `nothing_new_s` (median of 5), `full_rebuild_s`, `samples`."""
    with tempfile.TemporaryDirectory(prefix="takt-bench-") as folder:
        settings = Settings(home=Path(folder) / "home", catalog=None, data=None)
        samples = _prepare(settings)
        figures = {
            "samples": float(samples),
            "first_s": _refresh(settings),
            "nothing_new_s": statistics.median(_refresh(settings) for _ in range(5)),
            "full_rebuild_s": _refresh(settings, "--full"),
        }
        lake.catalog.leave(settings)
    return figures


def _prepare(settings: Settings) -> int:
    lake.schema.create(settings)
    now = datetime.now(UTC)
    folder = settings.home / "plant"
    files = prepare(folder, settings, 1, now - timedelta(days=_DAYS), now)
    load(settings, folder / "business_data")
    import_files(settings, files, silent)
    with lake.open(settings, read_only=True) as connection:
        row = connection.execute("select count(*) from raw.telemetry").fetchone()
    assert row is not None
    return int(row[0])


def _refresh(settings: Settings, *options: str) -> float:
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "takt", "refresh", *options],
        env={**os.environ, "TAKT_HOME": str(settings.home)},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.monotonic() - started
