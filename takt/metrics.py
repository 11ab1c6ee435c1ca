"""What a running process can be asked: figures for Prometheus, and whether it is well.

`GET /metrics` answers in Prometheus' text format, `GET /health` with 200 and `{"status": "ok"}`, or
with 503 and what is wrong. Belongs here: serving them. Each process names its own figures beside
the work that they count.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

log = logging.getLogger(__name__)

_HOST = "127.0.0.1"

Ailment = Callable[[], str]
"""What is wrong with a process in words; empty when it is well."""


def serve(port: int | None, ailment: Ailment = str) -> "Server | None":
    """Answer on a port of the loopback interface for as long as this process lives.

    A port that is taken costs the figures, never the work: a warning says so.

    Args:
        port: Where; None: nowhere.
        ailment: Asked at each `GET /health`, from any thread.
    """
    if port is None:
        return None
    try:
        server = make_server(_HOST, port, _application(ailment), Server, _QuietHandler)
    except OSError as error:
        log.warning(
            "no metrics: port %d cannot be used (%s); set another one under [metrics] in takt.toml",
            port,
            error.strerror,
        )
        return None
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


class Server(ThreadingMixIn, WSGIServer):
    """Answers each question in a thread of its own."""

    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base's signature
        """Say nothing: a question every few seconds is no event."""


def _application(ailment: Ailment) -> Callable[..., Iterable[bytes]]:
    metrics = make_wsgi_app()

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                found: Iterable[bytes] = metrics(environ, start_response)
                return found
            case "/health":
                wrong = ailment()
                status = "503 Service Unavailable" if wrong else "200 OK"
                body = {"status": wrong or "ok"}
            case path:
                status, body = "404 Not Found", {"status": f"{path}: ask /metrics or /health"}
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(body).encode()]

    return answer
