"""What a process spends, and how far a collector has come, while a bench waits for it."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import psutil


def cpu_s(process: psutil.Process) -> float:
    """Seconds of CPU that a process has had so far."""
    times = process.cpu_times()
    return times.user + times.system


def accepted(mark: Path) -> int:
    """Rows that a collector has accepted, by the mark beside its spool."""
    return int(json.loads(mark.read_bytes())["last_row"])


def until_still(count: Callable[[], int], wanted: int, patience_s: float) -> int:
    """The count, once it is all that is wanted or has not moved for a while."""
    seen, moved_at = count(), time.monotonic()
    while seen < wanted and time.monotonic() - moved_at < patience_s:
        time.sleep(0.05)
        if (now := count()) > seen:
            seen, moved_at = now, time.monotonic()
    return seen
