"""One-value JSON messages per second through one, two and three collectors at one Mosquitto.

Each collector is a process with a spool and machines of its own, as topics are shared out over
several collectors. All of them, their machines and the broker share this machine's cores.
"""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench._ports import free_port
from bench._processes import dropped, mosquitto
from bench.mqtt import collected

DEFAULT_SECONDS = 90.0
_MOST = 3


def run(seconds: float) -> dict[str, float]:
    """Publish for a third of `seconds` each; messages/s of all collectors together."""
    figures: dict[str, float] = {}
    for collectors in range(1, _MOST + 1):
        figures |= _together(collectors, seconds / _MOST)
    return figures


def _together(collectors: int, seconds: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="takt-bench-") as folder:
        port = free_port()
        with mosquitto(Path(folder), port), ThreadPoolExecutor(collectors) as pool:
            numbers = range(1, collectors + 1)
            each = list(
                pool.map(lambda number: collected(Path(folder), port, seconds, number), numbers)
            )
            lost_by_broker = dropped(port)
    return {
        f"messages_per_s_{collectors}": sum(one["messages_per_s"] for one in each),
        f"cpu_us_per_message_{collectors}": sum(one["cpu_us_per_message"] for one in each)
        / collectors,
        f"lost_{collectors}": sum(one["lost"] for one in each),
        f"doubled_{collectors}": sum(one["doubled"] for one in each),
        f"dropped_by_broker_{collectors}": lost_by_broker,
    }
