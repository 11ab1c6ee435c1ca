"""Dash prepares itself when its first request comes: here that request is always one for `/`.

Dash (4.4, with FastAPI) prepares itself at requests for `/` and for its own paths, not for those of
pages. A page that was asked for first, by a link that somebody shared, came without its scripts.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class PreparedFirst:
    """ASGI middleware that asks for `/` before it hands on the first request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._is_prepared = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on a request."""
        if scope["type"] == "http" and not self._is_prepared:
            self._is_prepared = True
            start = {"method": "GET", "path": "/", "raw_path": b"/", "query_string": b""}
            await self._app({**scope, **start}, _nothing, _discard)
        await self._app(scope, receive, send)


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _discard(_message: Message) -> None:
    pass
