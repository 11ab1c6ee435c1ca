"""The dashboard process: serve the pages, read the lake, stop cleanly when told to."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Iterator

import duckdb
import uvicorn

import lake
from dashboards.app import Dashboard
from dashboards.feed import Reading
from takt import metrics
from takt.errors import ConfigurationError
from takt.settings import Settings

log = logging.getLogger(__name__)

_HOST = "127.0.0.1"
_GRACE_S = 2


class _Server(uvicorn.Server):
    """Uvicorn that says when it is ready and leaves signals to us, so that `run` returns."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections and say where."""
        await super().startup(sockets)
        for listener in sockets or []:
            log.info("ready: http://%s:%d", *listener.getsockname())

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signal handling to `run`."""
        yield


def run(settings: Settings) -> None:
    """Serve the pages until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: The port is taken.
    """

    def open_lake(snapshot_id: int | None = None) -> duckdb.DuckDBPyConnection:
        return lake.open(settings, read_only=True, snapshot_id=snapshot_id)

    dashboard = Dashboard(open_lake, settings)
    metrics.serve(settings.metrics.dashboard_port, lambda: dashboard.feed.latest.failure or "")
    with _listening(settings.dashboard.port) as listener:
        asyncio.run(serve(dashboard, listener))


async def serve(dashboard: Dashboard, listener: socket.socket) -> None:
    """Serve `dashboard` on a bound socket until a signal ends it."""
    loop = asyncio.get_running_loop()
    server = _Server(
        uvicorn.Config(
            dashboard.server,
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.handle_exit, number, None)

    def push(reading: Reading) -> None:
        parts = dashboard.screen.encode(reading)
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody is looking
            loop.call_soon_threadsafe(dashboard.screen.show, parts)

    dashboard.feed.listen(push)
    dashboard.feed.start()
    dashboard.terminal.start()
    try:
        await server.serve(sockets=[listener])
    finally:
        dashboard.feed.stop()
        dashboard.terminal.stop()
        dashboard.history.close()


@contextlib.contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, port))
        except OSError as error:
            raise ConfigurationError(
                f"dashboard.port {port} cannot be used ({error.strerror}); end what uses it or"
                " set TAKT_DASHBOARD__PORT"
            ) from error
        yield listener
