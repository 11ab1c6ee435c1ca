"""The `edge` process: start, run, stop."""

import asyncio
import logging
import signal
from pathlib import Path

from edge import configuration
from edge.collector import Collector
from edge.configuration import EdgeConfiguration
from edge.delivering import delivering
from takt import metrics
from takt.settings import Settings
from takt.topics import Collector as Identity


def run(config: Path, settings: Settings) -> None:
    """Collect and forward until SIGTERM or SIGINT.

    Args:
        config: The collector's `edge.toml`.
        settings: The installation; gives the broker unless the file names one.

    Raises:
        ConfigurationError: The file is wrong, or another collector has the spool. A wrong
            source among right ones is no such error: it is said, and the others go on.
    """
    # What goes wrong with a server is said once, by its link; asyncua adds only tracebacks.
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    asyncio.run(_run(*configuration.load_sound(config), settings))


async def _run(edge: EdgeConfiguration, wrong: dict[str, list[str]], settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    identity = Identity(edge.site, edge.collector)
    path = edge.spool_path(settings.home)
    async with delivering(identity, edge.spool, path, edge.broker or settings.broker) as parts:
        metrics.serve(settings.metrics.edge_port, lambda: parts.ailment)
        await Collector(edge, parts, path.parent, wrong).run(stop)
