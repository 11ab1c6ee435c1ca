"""Pushing: what every open page shows now, kept once and sent to all over WebSockets.

Pages get parts (the props of a component, by its id). A part is encoded once when it changes;
a page that connects gets all parts, later only those that changed since, in one message a
reading. A slow viewer skips messages, never states, and holds nobody up.

Dash's own WebSocket callbacks are not used for this: they need a SharedWorker (absent on phones;
the fallback is a request that never ends), give up after ten attempts (a wall display must
survive a night), and encode every update once per viewer. Parts are applied in the browser with
Dash's documented `dash_clientside.set_props` (`assets/live.js`).
"""

import asyncio
import contextlib
import json
import uuid
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from dash.development.base_component import Component
from plotly.io.json import to_json_plotly
from prometheus_client import Gauge
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboards.feed import Reading

Parts = Mapping[str | tuple[tuple[str, str], ...], Mapping[str, Component | object]]
"""Props by component id; an id with fields is the sorted tuple of its items."""

Render = Callable[[Reading], Parts]

_FOREIGN_PAGE = 4003
_PAGES = Gauge("takt_dashboard_pages", "Open pages that follow the present.")


class Screen:
    """The parts as they are now; lives in the event loop of the server."""

    def __init__(self, render: Render) -> None:
        self._render = render
        self._run_id = uuid.uuid4().hex
        self._version = 0
        self._parts: dict[str, tuple[int, str]] = {}
        self._messages: dict[int, str] = {}
        self._changed = asyncio.Event()

    def show(self, parts: dict[str, str]) -> None:
        """Take over encoded parts; wakes every page that waits, changed or not."""
        self._version += 1
        for key, props in parts.items():
            if key not in self._parts or self._parts[key][1] != props:
                self._parts[key] = (self._version, props)
        for gone in self._parts.keys() - parts.keys():
            del self._parts[gone]
        self._messages.clear()
        self._changed.set()
        self._changed = asyncio.Event()

    def encode(self, reading: Reading) -> dict[str, str]:
        """A reading as encoded parts, in the order in which a page applies them."""
        return {
            to_json_plotly(dict(key) if isinstance(key, tuple) else key): to_json_plotly(props)
            for key, props in self._render(reading).items()
        }

    async def newer(self, version: int) -> tuple[int, str]:
        """Wait for a reading after `version` and return it with what changed since."""
        while self._version <= version:
            await self._changed.wait()
        if version not in self._messages:
            self._messages[version] = self._message(version)
        return self._version, self._messages[version]

    def _message(self, since: int) -> str:
        changed = (
            f"[{key},{props}]" for key, (version, props) in self._parts.items() if version > since
        )
        told = f'"run":{json.dumps(self._run_id)},"version":{self._version}'
        return f'{{{told},"parts":[{",".join(changed)}]}}'


async def follow(websocket: WebSocket, screen: Screen) -> None:
    """Serve one page until it leaves."""
    if not _is_own_page(websocket):
        await websocket.close(_FOREIGN_PAGE, "this page is not ours")
        return
    await websocket.accept()
    leaving = asyncio.create_task(_until_closed(websocket), name="page leaves")
    sending = asyncio.create_task(_send_forever(websocket, screen), name="page follows")
    try:
        with _PAGES.track_inprogress():
            await asyncio.wait({leaving, sending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (leaving, sending):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect):
                await task


async def _send_forever(websocket: WebSocket, screen: Screen) -> None:
    version = 0
    while True:
        version, message = await screen.newer(version)
        await websocket.send_text(message)


async def _until_closed(websocket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await websocket.receive_text()


def _is_own_page(websocket: WebSocket) -> bool:
    # Any page may open a WebSocket to a loopback address; only ours names our own host.
    origin = urlsplit(websocket.headers.get("origin", ""))
    return origin.netloc != "" and origin.netloc == websocket.headers.get("host")
