"""A works of 100 work units with 30 days: full rebuild, refreshes with 5 new minutes, live view.

One state or count a second and a heartbeat every five seconds of each work unit; each command is
a process of its own. The refresh is compared, in turns, with that of the same works with one day
of history. `--seconds N` makes it N days long instead.
"""

import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import lake
from bench._processes import PeakMemory
from bench._works import Works
from dashboards.queries import live

DEFAULT_SECONDS = 30.0
"""Days of history."""
_UNITS = 100
_NEW = timedelta(minutes=5)
_TURNS = 5


def run(seconds: float) -> dict[str, float]:
    """Figures of the works with all its days, and of the one with a single day."""
    with tempfile.TemporaryDirectory(prefix="takt-bench-") as folder:
        long = Works.until_yesterday(Path(folder) / "long", _UNITS, int(seconds))
        short = Works.until_yesterday(Path(folder) / "short", _UNITS, 1)
        started = time.monotonic()
        figures = {"samples": float(long.run_all_days()), "filled_s": time.monotonic() - started}
        short.run_all_days()
        figures |= _rebuilt(long)
        _refresh(short)
        figures |= _refreshed(long, short)
        figures |= _live(long)
        for works in (long, short):
            lake.catalog.leave(works.settings)
    return figures


def _rebuilt(works: Works) -> dict[str, float]:
    process = works.refresh("--full")
    peak, started = PeakMemory(process.pid, with_children=True), time.monotonic()
    _ended(process)
    return {"full_rebuild_s": time.monotonic() - started, "rss_mb": peak.stop() / 1e6}


def _refreshed(*all_works: Works) -> dict[str, float]:
    """Medians of refreshes with five new minutes each, one after the other in turns."""
    seconds: dict[int, list[float]] = {works.days: [] for works in all_works}
    for turn in range(_TURNS):
        for works in all_works:
            begin = works.end + turn * _NEW
            works.run(begin, begin + _NEW)
            seconds[works.days].append(_refresh(works))
    medians = {days: statistics.median(each) for days, each in seconds.items()}
    long, short = (medians[works.days] for works in all_works)
    return {"refresh_s": long, "refresh_of_one_day_s": short, "refresh_ratio": long / short}


def _live(works: Works) -> dict[str, float]:
    """Medians of what the dashboards ask once a second; the running day has data up to now."""
    refreshed_at = _now()
    works.run(works.end + _TURNS * _NEW, refreshed_at)
    _refresh(works)
    now = _now()
    works.run(refreshed_at, now)
    overview_ms, live_ms = [], []
    with closing(lake.open(works.settings, read_only=True)) as con:
        con.execute(f"set variable takt_now = '{now:%Y-%m-%d %H:%M:%S}'")
        for _ in range(2 * _TURNS):
            overview_ms.append(_milliseconds(lambda: live.freeze_equipment(con)))
            live_ms.append(
                _milliseconds(lambda: con.execute("from marts.live_work_unit").fetchall())
            )
        units = con.execute("select count(shift_id) from marts.live_work_unit").fetchone()
    assert units == (_UNITS,), units
    return {
        "live_ms": statistics.median(live_ms),
        "live_overview_ms": statistics.median(overview_ms),
    }


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return (time.monotonic() - started) * 1_000


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _refresh(works: Works) -> float:
    started = time.monotonic()
    _ended(works.refresh())
    return time.monotonic() - started


def _ended(process: subprocess.Popen[bytes]) -> None:
    if process.wait() != 0:
        raise RuntimeError("takt refresh failed; its reason is above")
