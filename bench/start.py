"""From `takt demo` to a page that shows live data: warm, with 14 days already there.

The first start prepares the home and is reported as `cold_s` (all packages installed); the
second is the warm one. Live data is shown when the overview's live view has a value that was
observed after the start.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import lake
from bench._ports import free_port
from takt.settings import Settings

DEFAULT_SECONDS = 0.0
_GIVE_UP_S = 900.0


def run(_seconds: float) -> dict[str, float]:
    """Figures: `cold_s`, `warm_s`, `stop_s`."""
    with tempfile.TemporaryDirectory(prefix="takt-bench-") as folder:
        home = Path(folder) / "home"
        env = {
            **os.environ,
            "TAKT_HOME": str(home),
            "TAKT_BROKER__PORT": str(free_port()),
            "TAKT_PLANT__PORT": str(free_port()),
            "TAKT_DASHBOARD__PORT": str(free_port()),
            "TAKT_PIPELINES__PORT": str(free_port()),
        }
        cold_s, _ = _start_until_live(env, home)
        warm_s, stop_s = _start_until_live(env, home)
    return {"cold_s": cold_s, "warm_s": warm_s, "stop_s": stop_s}


def _start_until_live(env: dict[str, str], home: Path) -> tuple[float, float]:
    """Seconds until live data is shown, and seconds that stopping took."""
    started = time.monotonic()
    since = datetime.now(UTC).replace(tzinfo=None)
    demo = subprocess.Popen([sys.executable, "-m", "takt", "demo"], env=env, start_new_session=True)
    url = f"http://127.0.0.1:{env['TAKT_DASHBOARD__PORT']}/"
    while not (_answers(url) and _is_live(home, since)):
        if demo.poll() is not None or time.monotonic() - started > _GIVE_UP_S:
            raise RuntimeError(f"the demo was not live after {time.monotonic() - started:.0f} s")
        time.sleep(0.2)
    live_s = time.monotonic() - started
    stopped = time.monotonic()
    demo.send_signal(signal.SIGINT)
    demo.wait(60)
    return live_s, time.monotonic() - stopped


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 -- loopback
            return bool(answer.status == 200)
    except OSError:
        return False


def _is_live(home: Path, since: datetime) -> bool:
    """Whether the live view has seen anything later than `since` of every work unit."""
    with lake.open(Settings(home=home), read_only=True) as connection:
        rows = connection.execute(
            "select count(*), count(*) filter (where computed_through_at > ?)"
            " from marts.live_work_unit",
            [since],
        ).fetchone()
    return rows is not None and rows[0] > 0 and rows[0] == rows[1]
