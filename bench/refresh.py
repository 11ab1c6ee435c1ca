"""`takt refresh` over the demo's 14 days: full rebuild, then with nothing new (median of five).

Each is the whole command in a process of its own, as a person or a schedule starts it.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import lake
from bench._demo import fill
from takt.settings import Settings

DEFAULT_SECONDS = 0.0


def run(_seconds: float) -> dict[str, float]:
    """Figures: `first_s`, `nothing_new_s` (median of 5), `full_rebuild_s`, `samples`."""
    with tempfile.TemporaryDirectory(prefix="takt-bench-") as folder:
        settings = Settings(home=Path(folder) / "home", catalog=None, data=None)
        samples = fill(settings)
        figures = {
            "samples": float(samples),
            "first_s": _refresh(settings),
            "nothing_new_s": statistics.median(_refresh(settings) for _ in range(5)),
            "full_rebuild_s": _refresh(settings, "--full"),
        }
        lake.catalog.leave(settings)
    return figures


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
