"""A dashboard with its own server, on a free port of the loopback interface."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from dashboards.app import Dashboard
from dashboards.feed import OpenLake, Reading
from takt.settings import Settings
from tests.conftest import wait_until


@dataclass(frozen=True)
class Served:
    """A dashboard that answers under `address`."""

    dashboard: Dashboard
    address: str


@contextmanager
def served(
    open_lake: OpenLake, *, refresh_s: float = 0.2, port: int = 0, settings: Settings | None = None
) -> Iterator[Served]:
    """Serve a dashboard in a thread until the block ends; `settings` where something is said."""
    options = settings or Settings(home=Path("/nowhere"))
    pages = options.dashboard.model_copy(update={"refresh_s": refresh_s})
    dashboard = Dashboard(open_lake, options.model_copy(update={"dashboard": pages}))
    server = uvicorn.Server(uvicorn.Config(dashboard.server, log_config=None))
    loop = asyncio.new_event_loop()

    def push(reading: Reading) -> None:
        loop.call_soon_threadsafe(dashboard.screen.show, dashboard.screen.encode(reading))

    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        dashboard.feed.listen(push)
        dashboard.feed.start()
        dashboard.terminal.start()
        serving = loop.create_task(server.serve(sockets=[listener]))
        thread = threading.Thread(target=loop.run_until_complete, args=[serving])
        thread.start()
        wait_until(lambda: server.started, "the server to listen")
        yield Served(dashboard, f"http://127.0.0.1:{listener.getsockname()[1]}")
        dashboard.feed.stop()
        dashboard.terminal.stop()
        server.should_exit = True
        thread.join(10)
