"""The Dash application: one frame around all pages, one feed, one place for history."""

import contextlib
import logging
from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, dcc, html
from dash.development.base_component import Component
from fastapi import FastAPI
from starlette.websockets import WebSocket

from dashboards import live
from dashboards.costs import frame
from dashboards.feed import Feed, OpenLake, Reading
from dashboards.first_request import PreparedFirst
from dashboards.history import History, NothingPublished
from dashboards.overview import board
from dashboards.queries.live import Equipment
from dashboards.stops import said
from dashboards.stops.remarks import Remarks
from edge.terminal import Terminal
from takt.settings import Settings

_log = logging.getLogger(__name__)

_FOLDER = Path(str(resources.files("dashboards")))


class Dashboard:
    """The application with what it reads from.

    Attributes:
        settings: Of the installation.
        options: Those of the pages.
        server: The ASGI application to serve.
        feed: What is happening now; `start` and `stop` are the caller's.
        history: What has happened, as last published.
        terminal: Delivers what people say; `start` and `stop` are the caller's.
        remarks: What people said on the pages.
    """

    def __init__(self, open_lake: OpenLake, settings: Settings) -> None:
        self.settings = settings
        self.options = settings.dashboard
        self._broker = f"{settings.broker.host}:{settings.broker.port}"
        self.terminal = Terminal(settings, self.options.terminal)
        self.remarks = Remarks(self.terminal)
        self.feed = Feed(open_lake, self.options.refresh_s)
        self.history = History(open_lake, self.feed)
        self.server = FastAPI(
            docs_url=None, redoc_url=None, openapi_url=None, lifespan=_with_callbacks_ready
        )
        self.screen = live.Screen(self._render)
        self.server.add_api_websocket_route("/live", self._follow)
        self.server.state.dashboard = self
        self.dash = _dash(self.server)
        self.server.add_middleware(PreparedFirst)

    @property
    def site(self) -> Equipment:
        """The site as last read.

        Raises:
            NothingPublished: No equipment has been loaded yet.
        """
        moment = self.feed.latest.moment
        if moment is None or moment.site is None:
            raise NothingPublished("no equipment has been loaded yet")
        return moment.site

    def _render(self, reading: Reading) -> live.Parts:
        return {
            **board.render(reading, self.options),
            **said.render(reading, self.remarks, self._broker),
            **frame.render(reading),
        }

    async def _follow(self, websocket: WebSocket) -> None:
        await live.follow(websocket, self.screen)


def current() -> Dashboard:
    """The dashboard a callback or layout belongs to."""
    dashboard: Dashboard = dash.get_app().server.state.dashboard
    return dashboard


@contextlib.asynccontextmanager
async def _with_callbacks_ready(server: FastAPI) -> AsyncIterator[None]:
    # Dash prepares its callbacks when "/" is asked for the first time: another page that is opened
    # before, by its own address, would be without them (Dash 4.4, dash/backends/_fastapi.py).
    asked = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b""}

    async def send(_message: object) -> None:
        return

    await server(asked, receive, send)
    yield


def _told(error: Exception) -> None:
    """A page that fails says so in the log, with where; Dash alone would only answer 500."""
    _log.error("a page failed", exc_info=error)
    raise error


def _dash(server: FastAPI) -> dash.Dash:
    app = dash.Dash(
        "dashboards",
        server=server,
        backend="fastapi",
        use_pages=True,
        pages_folder=str(_FOLDER / "pages"),
        assets_folder=str(_FOLDER / "assets"),
        serve_locally=True,
        title="Takt",
        update_title=None,
        index_string=(_FOLDER / "index.html").read_text(),
        suppress_callback_exceptions=True,
        enable_mcp=False,
        on_error=_told,
    )
    app.layout = _frame()
    app.clientside_callback(
        ClientsideFunction("frame", "switchScheme"),
        Output("frame-theme", "forceColorScheme"),
        Input("frame-scheme", "n_clicks"),
    )
    return app


def _frame() -> Component:
    links = [dcc.Link(page["name"], href=page["path"]) for page in dash.page_registry.values()]
    return dmc.MantineProvider(
        [
            html.A("Skip to the page", href="#main", className="skip"),
            html.Header(
                [
                    html.Span("Takt", className="brand"),
                    html.Nav(links, **{"aria-label": "Pages"}),
                    html.Span(id="frame-site", className="site"),
                    html.Span(id="frame-freshness", className="freshness"),
                    html.Button(
                        html.Span(className="icon icon-scheme"),
                        id="frame-scheme",
                        className="scheme",
                        **{"aria-label": "Switch between light and dark"},
                    ),
                ],
                className="frame",
            ),
            html.Div(id="frame-link", **{"aria-live": "polite"}),
            dash.page_container,
        ],
        id="frame-theme",
        theme={"primaryColor": "indigo", "fontFamily": "inherit"},
    )
